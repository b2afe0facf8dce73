//! Models and tools that answer, fail, hang and lose answers by the dice, and that count what reaches them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest};
use moltforge_capabilities::tools::{CallRequest, ProbeAnswer, ToolError};
use moltforge_store::EntryRow;
use moltforge_types::ExecutionId;
use moltforge_types::conversation::{Message, ToolCall, Usage};
use moltforge_types::execution::{ProbeOutcome, State as Stands};
use moltforge_types::journal::ErrorInfo;
use serde_json::{Value, json};

use super::dice::Dice;
use super::node::Process;
use super::plan::Kind;
use super::state::State;
use crate::shard::calls::Calls;

/// The kind of the entry that says that a call is intended.
const INVOKED: i16 = 4;

pub(super) struct SimCalls {
    pub(super) state: Arc<State>,
    pub(super) process: Arc<Process>,
}

impl SimCalls {
    /// A call leaves the node. What it depends on must be durable by now, and nothing may have ended it.
    fn leaves(&self, id: ExecutionId, what: &str, has_intent: bool) {
        let Some(row) = self.state.row(id) else {
            self.state.violated("gate", format!("{what} of {id} leaves before its start is durable"));
            return;
        };
        if row.columns.state.is_terminal() {
            self.state.violated("gate", format!("{what} of {id} leaves though it is {}", row.columns.state));
        } else if row.columns.state != Stands::Running && !has_intent {
            // a call with a durable intent may leave while the execution is held
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
        let (tool, arguments) = match dice.below(20) {
            0..=2 => ("math.add", json!({ "a": dice.below(9), "b": 2 })),
            3..=5 => ("look", json!({ "n": dice.below(9) })),
            6..=8 => ("book", json!({ "n": dice.below(9) })),
            9..=11 => ("pay", json!({ "n": dice.below(9) })),
            12 => ("ship", json!({ "n": dice.below(9) })),
            13 => ("time.sleep", json!({ "duration": format!("{}ms", dice.millis(1, 20_000).as_millis()) })),
            14 | 15 => {
                let timeout = format!("{}s", 1 + dice.below(60));
                ("signals.wait", json!({ "name": format!("s{}", dice.below(3)), "timeout": timeout }))
            }
            16 => ("signals.wait", json!({ "name": format!("s{}", dice.below(3)) })),
            17 => ("state.set", json!({ "key": format!("k{}", dice.below(3)), "value": dice.below(99) })),
            18 | 19 if dice.chance(600) => {
                let agent = ["worker", "hasty", "short"][usize::try_from(dice.below(3)).unwrap_or(0)];
                let tool = if dice.chance(500) { "agents.call" } else { "agents.start" };
                (tool, json!({ "agent": agent, "input": dice.below(9) }))
            }
            18 => ("state.get", json!({ "key": format!("k{}", dice.below(3)) })),
            _ => return ("math.add", "not json".to_owned()),
        };
        (tool, arguments.to_string())
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
    async fn model(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        self.process.alive().await;
        let state = &self.state;
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
        self.leaves(id, tool, request.idempotency_key.is_some());
        state.trace(|| format!("node {} calls {tool} for {id} step {}", self.process.slot, request.step));
        if let Some(key) = &request.idempotency_key {
            let says = |row: &EntryRow| row.kind == INVOKED && String::from_utf8_lossy(&row.payload).contains(key);
            let intended = state.journal(id, 0).iter().any(says);
            if !intended {
                state.violated("gate", format!("{tool} of {id} leaves before its intent is durable"));
            }
            state.effect(key, id, tool, &request.arguments.to_string());
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
        let info = ErrorInfo::new("internal", "simulated");
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
