//! Models and tools that answer, fail, hang and lose answers by the dice, and that count what reaches them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest};
use moltforge_capabilities::tools::{CallRequest, ProbeAnswer, ToolError};
use moltforge_store::EntryRow;
use moltforge_types::approval::Decision;
use moltforge_types::conversation::{Message, ToolCall, Usage};
use moltforge_types::execution::{ProbeOutcome, State as Stands};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{AgentId, ExecutionId};
use serde_json::{Value, json};

use super::agents::{CREDENTIAL, STOCK_LIMIT, needs_approval};
use super::dice::Dice;
use super::guests::{Program, SimGuest};
use super::node::Process;
use super::plan::Kind;
use super::state::State;
use crate::engine::GuestEvent;
use crate::engine::approval::call_hash;
use crate::guests::{Guest, GuestStart};
use crate::mutation::{Mutation, mutated};
use crate::shard::calls::Calls;

/// The kind of the entry that says that a call is intended.
const INVOKED: i16 = 4;

pub(super) struct SimCalls {
    pub(super) state: Arc<State>,
    pub(super) process: Arc<Process>,
    /// Model calls on their way from this process.
    pub(super) models: Arc<AtomicU32>,
    /// Calls of the limited tool on their way from this process, by agent.
    pub(super) stock: Arc<Mutex<BTreeMap<AgentId, u32>>>,
}

/// One model call on its way.
struct OnItsWay(Arc<AtomicU32>);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One call of the limited tool on its way.
struct OfStock(Arc<Mutex<BTreeMap<AgentId, u32>>>, AgentId);

impl OfStock {
    /// And how many are on their way with it.
    fn begin(all: &Arc<Mutex<BTreeMap<AgentId, u32>>>, agent_id: AgentId) -> (Self, u32) {
        let mut counts = all.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(agent_id).or_default();
        *count += 1;
        (Self(all.clone(), agent_id), *count)
    }
}

impl Drop for OfStock {
    fn drop(&mut self) {
        if let Some(count) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.1) {
            *count -= 1;
        }
    }
}

impl SimCalls {
    /// A call leaves the node. What it depends on must be durable by now, and nothing may have ended it.
    fn leaves(&self, id: ExecutionId, what: &str, has_intent: bool) {
        let Some(row) = self.state.row(id) else {
            self.state.violated("gate", format!("{what} of {id} leaves before its start is durable"));
            return;
        };
        // the clock of the leases jumps here, and an owner that does not know it yet is only kept from writing
        if self.process.is_replaced(&self.state, row.shard) {
            return;
        }
        if !has_intent && self.state.certain.is_held(row.project_id, row.agent_id) {
            self.state.violated("hold", format!("{what} of {id} begins though it is held"));
        }
        if self.state.is_news(id, self.process.number) {
            return;
        }
        if has_intent && self.state.certain.is_held(row.project_id, row.agent_id) {
            self.state.violated("hold", format!("{what} of {id} leaves though it is held"));
        }
        if self.state.is_stopped(id) {
            self.state.violated("stop", format!("{what} of {id} leaves after its stop was acknowledged"));
        }
        if row.columns.state.is_terminal() {
            self.state.violated("gate", format!("{what} of {id} leaves though it is {}", row.columns.state));
        } else if row.columns.state != Stands::Running {
            self.state
                .violated("gate", format!("{what} of {id} leaves while it is {} in the store", row.columns.state));
        }
    }

    async fn takes(&self, most: u64) {
        let millis = self.state.outside.millis(0, most);
        if !millis.is_zero() {
            tokio::time::sleep(millis).await;
        }
        self.process.alive().await;
    }

    fn reply(&self, request: &ModelRequest) -> ModelReply {
        let dice = &self.state.outside;
        let usage = Usage { input_tokens: 5, cached_tokens: 0, output_tokens: 3 };
        if dice.below(100) < 20 + 15 * u64::from(request.turn) {
            return ModelReply { text: "done".to_owned(), tool_calls: Vec::new(), usage };
        }
        let calls = 1 + dice.below(if dice.chance(50) { 12 } else { 3 });
        let started = children(request);
        let tool_calls = (0..calls)
            .map(|n| {
                let (tool, arguments) = if started.is_empty() || dice.chance(600) {
                    self.call()
                } else {
                    ("agents.wait", wait_for(dice, &started))
                };
                ToolCall { call_id: format!("c{}-{n}", request.turn), tool: tool.to_owned(), arguments }
            })
            .collect();
        ModelReply { text: String::new(), tool_calls, usage }
    }

    fn call(&self) -> (&'static str, String) {
        let dice = &self.state.outside;
        if dice.chance(180) {
            return self.call_that_waits_for_a_person();
        }
        let (tool, arguments) = match dice.below(20) {
            0..=2 => ("math.add", json!({ "a": dice.below(9), "b": 2 })),
            3..=5 => ("look", json!({ "n": dice.below(9) })),
            7 | 8 => ("book", json!({ "n": dice.below(9) })),
            9..=11 => ("pay", json!({ "n": dice.below(9) })),
            12 if dice.chance(500) => ("ship", json!({ "n": dice.below(9) })),
            6 | 12 => ("stock", json!({ "n": dice.below(9) })),
            13 => ("time.sleep", json!({ "duration": format!("{}ms", dice.millis(1, 20_000).as_millis()) })),
            14 | 15 => {
                let timeout = format!("{}s", 1 + dice.below(60));
                ("signals.wait", json!({ "name": format!("s{}", dice.below(3)), "timeout": timeout }))
            }
            16 => ("signals.wait", json!({ "name": format!("s{}", dice.below(3)) })),
            17 => ("state.set", json!({ "key": format!("k{}", dice.below(3)), "value": dice.below(99) })),
            18 | 19 if dice.chance(600) => {
                let agent = ["worker", "hasty", "short", "coder"][usize::try_from(dice.below(4)).unwrap_or(0)];
                let tool = if dice.chance(500) { "agents.call" } else { "agents.start" };
                (tool, json!({ "agent": agent, "input": dice.below(9) }))
            }
            18 => ("state.get", json!({ "key": format!("k{}", dice.below(3)) })),
            _ => return ("math.add", "not json".to_owned()),
        };
        (tool, arguments.to_string())
    }
}

impl SimCalls {
    fn call_that_waits_for_a_person(&self) -> (&'static str, String) {
        let dice = &self.state.outside;
        let (tool, arguments) = match dice.below(4) {
            0 => ("refund", json!({ "n": dice.below(9) })),
            1 => ("wire", json!({ "n": dice.below(9) })),
            2 => ("peek", json!({ "n": dice.below(9) })),
            _ if dice.chance(500) => {
                let form = json!({ "type": "object", "required": ["ok"] });
                ("approvals.request", json!({ "title": "May I?", "expires": "20s", "form": form }))
            }
            _ => ("approvals.request", json!({ "title": "May I?", "expires": "30s" })),
        };
        (tool, arguments.to_string())
    }

    /// A call leaves that a person must have approved, exactly so, and nobody has taken that back.
    fn is_approved(&self, request: &CallRequest) -> bool {
        let (id, step, tool) = (request.execution_id, request.step, request.tool.as_str());
        let last = self.state.journal(id, 0).into_iter().rev().find_map(|row| {
            let entry = serde_json::from_slice(&row.payload).ok()?;
            match entry {
                Entry::ApprovalDecided { step: of, decision, call_sha256, .. } if of == step => {
                    Some((decision == Decision::Approved).then_some(call_sha256))
                }
                Entry::ApprovalRequested { step: of, .. } | Entry::ApprovalReopened { step: of, .. } if of == step => {
                    Some(None)
                }
                _ => None,
            }
        });
        let approved = last.clone().flatten();
        let needed = last.is_some() || needs_approval(tool, &request.arguments);
        if needed && approved != Some(call_hash(id, step, tool, &request.arguments)) {
            self.state.violated("I4", format!("{tool} of {id} step {step} leaves, and durable is: {last:?}"));
        }
        approved.is_some()
    }
}

/// The children that an execution has started and can wait for.
fn children(request: &ModelRequest) -> Vec<Value> {
    let read = |message: &Arc<Message>| match &**message {
        Message::Tool { tool, content, .. } if tool == "agents.start" => {
            serde_json::from_str::<Value>(content).ok()?.get("execution_id").cloned()
        }
        _ => None,
    };
    request.messages.iter().filter_map(read).collect()
}

fn wait_for(dice: &Dice, children: &[Value]) -> String {
    let mode = if dice.chance(500) { "any" } else { "all" };
    let mut arguments = json!({ "executions": children, "mode": mode });
    if dice.chance(500) {
        arguments["timeout"] = json!(format!("{}s", 1 + dice.below(40)));
    }
    arguments.to_string()
}

#[async_trait]
impl Calls for SimCalls {
    fn model_limit(&self, _: &str) -> Option<(Arc<str>, u32)> {
        self.state.plan.provider_limit.map(|limit| ("scripted".into(), limit))
    }

    async fn model(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        self.process.alive().await;
        let state = &self.state;
        let before = self.models.fetch_add(1, Ordering::Relaxed);
        let _on_its_way = OnItsWay(self.models.clone());
        if state.plan.provider_limit.is_some_and(|limit| before >= limit) {
            state.violated("limits", format!("{before} calls of a provider are on their way, and one more leaves"));
        }
        self.leaves(request.execution_id, "a model call", false);
        state.trace(|| {
            format!("node {} calls the model for {} turn {}", self.process.slot, request.execution_id, request.turn)
        });
        chunks.send("let me ");
        let fails = state.strikes(Kind::Model);
        self.takes(2_000).await;
        let transient = |code| {
            let retry_after = state.outside.chance(100).then(|| state.outside.millis(1, 5_000));
            Err(ModelError::Transient { code, message: "simulated".to_owned(), retry_after })
        };
        if !fails {
            return Ok(self.reply(&request));
        }
        match state.outside.below(10) {
            0..=3 => transient("model_overloaded"),
            4 | 5 => {
                chunks.send("see");
                transient("model_stream_cut")
            }
            6 => {
                tokio::time::sleep(Duration::from_mins(1)).await;
                transient("model_timeout")
            }
            7 => Err(ModelError::Permanent { code: "model_unknown", message: "simulated".to_owned() }),
            8 => panic!("a simulated bug in an adapter"),
            _ => Ok(self.reply(&request)),
        }
    }

    async fn guest(&self, start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        self.process.alive().await;
        self.takes(100).await;
        Ok(Box::new(SimGuest::build(self.state.clone(), self.process.clone(), &start)?))
    }

    fn suspended(&self, start: GuestStart) {
        let (program, life) = (Program::after(start.seed, &start.life.heard), &start.life);
        let said = (program.calls.len(), program.cancelled.len());
        let is_there = program.end.is_none() && said == (life.calls.len(), life.cancelled.len());
        if !is_there || !program.agrees_with(life) {
            let id = start.execution_id;
            self.state.violated("I13", format!("the guest of {id} is suspended and is not where it was when rebuilt"));
        }
    }

    async fn probe(&self, request: CallRequest) -> ProbeAnswer {
        self.process.alive().await;
        let state = &self.state;
        let key = request.idempotency_key.as_deref().unwrap_or_default();
        let happened = state.effects().contains_key(key);
        state.trace(|| {
            format!("node {} asks about {} of {}: {happened}", self.process.slot, request.tool, request.execution_id)
        });
        let fails = state.strikes(Kind::Tool);
        self.takes(1_500).await;
        let (outcome, output) = match (fails, happened) {
            (true, _) => (ProbeOutcome::Unknown, Value::Null),
            (false, true) => (ProbeOutcome::Done, json!({ "found": true })),
            (false, false) => (ProbeOutcome::NotDone, Value::Null),
        };
        ProbeAnswer { outcome, output, detail: None }
    }

    async fn tool(&self, request: CallRequest) -> Result<Value, ToolError> {
        self.process.alive().await;
        let state = &self.state;
        let (id, tool) = (request.execution_id, request.tool.as_str());
        // what was approved has an intent, whatever it does
        let has_intent = self.is_approved(&request) || request.idempotency_key.is_some();
        self.leaves(id, tool, has_intent);
        state.trace(|| format!("node {} calls {tool} for {id} step {}", self.process.slot, request.step));
        if let Some(key) = &request.idempotency_key {
            let says = |row: &EntryRow| row.kind == INVOKED && String::from_utf8_lossy(&row.payload).contains(key);
            let intended = state.journal(id, 0).iter().any(says);
            if !intended {
                state.violated("gate", format!("{tool} of {id} leaves before its intent is durable"));
            }
            state.effect(key, id, tool, &request.arguments.to_string());
        }
        let stock = (tool == "stock").then(|| OfStock::begin(&self.stock, request.agent_id));
        if let Some((_, count)) = stock.as_ref().filter(|(_, count)| *count > STOCK_LIMIT) {
            state.violated("limits", format!("{count} calls of a tool are on their way that takes {STOCK_LIMIT}"));
        }
        let fails = state.strikes(Kind::Tool);
        self.takes(1_500).await;
        if tool == "state.get" {
            let key = request.arguments.get("key").and_then(Value::as_str).unwrap_or_default();
            let value = state.memory.state(request.project_id, request.agent_id, key);
            return Ok(value.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null));
        }
        if !fails {
            return Ok(json!({ "tool": tool, "step": request.step }));
        }
        let said = if mutated(Mutation::CredentialInError) { CREDENTIAL } else { "simulated" };
        let info = ErrorInfo::new("internal", said);
        match state.outside.below(8) {
            0..=3 => Err(ToolError { info, outcome_unknown: true }),
            4 => {
                tokio::time::sleep(Duration::from_mins(1)).await;
                Err(ToolError { info, outcome_unknown: true })
            }
            5 => panic!("a simulated bug in a tool"),
            _ => Err(ToolError { info, outcome_unknown: false }),
        }
    }
}
