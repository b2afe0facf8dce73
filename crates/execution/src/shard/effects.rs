//! Calls to models and tools: each a task of its own that reports to the owner, whatever happens to it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use moltforge_api::config::AgentKind;
use moltforge_bus::{Bus, Notice};
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest};
use moltforge_capabilities::tools::{CallRequest, ProbeAnswer, ToolError};
use moltforge_types::execution::ProbeOutcome;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{AgentId, ExecutionId};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::authority::Authority;
use super::message::Event;
use super::router::Router;
use super::shared::Shared;
use super::streams::Writing;
use crate::children::Child;
use crate::engine::completion::attempt as reply_attempt;
use crate::engine::{ModelAnswer, ModelFailure, Place, ProbeReport, ToolFailure};
use crate::fairness::calls::{Caller, Resource, Slot};

/// How a call leaves and comes back. Each looks at the authority once more when its turn has come: it may have waited
/// for a slot, or for a processor. One whose time is over does not happen, and the owner has ended or will.
pub(crate) struct Outlet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: UnboundedSender<Event>,
    pub(crate) authority: Arc<Authority>,
    /// The number of the call: the same step may be called again before a call of it that was aborted is gone.
    pub(crate) call: u64,
}

/// Calls a model; its text streams to whoever watches the execution, and to the program that asked for it.
pub(crate) fn call_model(outlet: Outlet, request: ModelRequest, agent_id: AgentId, attempt: u32) -> AbortHandle {
    let Outlet { shared, events, authority, call } = outlet;
    let gone = Gone::watch(&events, request.execution_id, request.step, call);
    let task = async move {
        let (execution_id, step) = (request.execution_id, request.step);
        let gate = shared.calls.model_limit(&request.config.model);
        let gate = gate.map(|(name, limit)| (Resource::Provider(name), limit));
        let caller = Caller { project_id: request.project_id, agent_id, execution_id, step };
        let _slot = enter(&shared, gate, caller).await;
        if !authority.holds() {
            return;
        }
        let started_at = shared.ambient.now();
        let is_asked_for = request.config.kind == AgentKind::Code;
        let program =
            is_asked_for.then(|| Arc::new(shared.streams.begin((execution_id, step), reply_attempt(started_at))));
        let chunks = chunk_sink(shared.bus.clone(), program.clone(), execution_id, step, attempt);
        let outcome = AssertUnwindSafe(shared.calls.model(request, chunks)).catch_unwind().await;
        let result = match outcome {
            Ok(Ok(ModelReply { text, tool_calls, usage })) => {
                if let Some(program) = &program {
                    program.end(&text);
                }
                Ok(ModelAnswer { text, tool_calls, usage })
            }
            Ok(Err(ModelError::Transient { code, message, retry_after })) => {
                Err(ModelFailure { error: ErrorInfo::new(code, message), transient: true, retry_after })
            }
            Ok(Err(ModelError::Permanent { code, message })) => {
                Err(ModelFailure { error: ErrorInfo::new(code, message), transient: false, retry_after: None })
            }
            Err(_panic) => {
                let error = ErrorInfo::new("internal", "the model's adapter failed on our side");
                Err(ModelFailure { error, transient: true, retry_after: None })
            }
        };
        gone.ended();
        // a closed channel means that the owner has ended: whoever takes over makes the call again
        let _ = events.send(Event::ModelAnswered { execution_id, step, started_at, result });
    };
    tokio::spawn(task).abort_handle()
}

fn chunk_sink(
    bus: Bus,
    program: Option<Arc<Writing>>,
    execution_id: ExecutionId,
    step: u32,
    attempt: u32,
) -> ChunkSink {
    let written = AtomicU64::new(0);
    ChunkSink::new(move |piece: &str| {
        let offset = written.fetch_add(piece.len() as u64, Ordering::Relaxed);
        bus.publish(execution_id, || Notice::Chunk { step, attempt, offset, text: piece.into() });
        if let Some(program) = &program {
            program.write(piece);
        }
    })
}

/// Waits for a slot of what is called, if it is limited. A call that is given up meanwhile leaves no trace.
async fn enter(shared: &Shared, gate: Option<(Resource, u32)>, caller: Caller) -> Option<Slot> {
    let (resource, limit) = gate?;
    Some(shared.gates.enter(resource, limit, caller).await)
}

/// Waits for a slot of a tool that takes few calls at a time.
pub(crate) fn take_slot(outlet: Outlet, caller: Caller, tool: &str, limit: u32) -> AbortHandle {
    let Outlet { shared, events, authority: _, call } = outlet;
    let Caller { agent_id, execution_id, step, .. } = caller;
    let gone = Gone::watch(&events, execution_id, step, call);
    let resource = Resource::Tool(agent_id, tool.into());
    let task = async move {
        let slot = shared.gates.enter(resource, limit, caller).await;
        gone.ended();
        let _ = events.send(Event::SlotTaken { execution_id, step, call, slot });
    };
    tokio::spawn(task).abort_handle()
}

/// Calls a tool, in the slot that it has taken or, when it only reads, in one that it waits for.
pub(crate) fn call_tool(outlet: Outlet, request: CallRequest, slot: Option<Slot>) -> AbortHandle {
    let Outlet { shared, events, authority, call } = outlet;
    let gone = Gone::watch(&events, request.execution_id, request.step, call);
    let task = async move {
        let CallRequest { project_id, agent_id, execution_id, step, .. } = request;
        let limit = request.tools.get(&request.tool).and_then(|tool| tool.concurrency);
        let gate = limit.map(|limit| (Resource::Tool(agent_id, request.tool.as_str().into()), limit));
        let _slot = match slot {
            Some(slot) => Some(slot),
            None => enter(&shared, gate, Caller { project_id, agent_id, execution_id, step }).await,
        };
        if !authority.holds() {
            return;
        }
        let started_at = shared.ambient.now();
        let outcome = AssertUnwindSafe(shared.calls.tool(request)).catch_unwind().await;
        let result = match outcome {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(ToolError { info, outcome_unknown })) => Err(ToolFailure { error: info, outcome_unknown }),
            Err(_panic) => {
                let error = ErrorInfo::new("internal", "the tool failed on our side");
                Err(ToolFailure { error, outcome_unknown: true })
            }
        };
        gone.ended();
        let _ = events.send(Event::ToolAnswered { execution_id, step, started_at, result });
    };
    tokio::spawn(task).abort_handle()
}

/// Reads on in a model's reply, for a program.
pub(crate) fn read_reply(
    outlet: Outlet,
    (execution_id, step): (ExecutionId, u32),
    of: u32,
    place: Place,
) -> AbortHandle {
    let Outlet { shared, events, authority: _, call } = outlet;
    let gone = Gone::watch(&events, execution_id, step, call);
    let task = async move {
        let started_at = shared.ambient.now();
        let piece = shared.streams.read((execution_id, of), place).await;
        gone.ended();
        let _ = events.send(Event::ToolAnswered { execution_id, step, started_at, result: Ok(piece) });
    };
    tokio::spawn(task).abort_handle()
}

/// Asks the other side about a call.
pub(crate) fn probe_tool(outlet: Outlet, request: CallRequest, by: Option<String>) -> AbortHandle {
    let Outlet { shared, events, authority, call } = outlet;
    let gone = Gone::watch(&events, request.execution_id, request.step, call);
    let task = async move {
        let (execution_id, step) = (request.execution_id, request.step);
        if !authority.holds() {
            return;
        }
        let outcome = AssertUnwindSafe(shared.calls.probe(request)).catch_unwind().await;
        let report = match outcome {
            Ok(ProbeAnswer { outcome, output, detail }) => ProbeReport { outcome, output, detail },
            Err(_panic) => {
                let detail = Some("the probe failed on our side".to_owned());
                ProbeReport { outcome: ProbeOutcome::Unknown, output: Value::Null, detail }
            }
        };
        gone.ended();
        let _ = events.send(Event::ProbeAnswered { execution_id, step, report, by });
    };
    tokio::spawn(task).abort_handle()
}

/// Starts a child.
pub(crate) fn start_child(
    outlet: Outlet,
    router: &Router,
    (execution_id, step): (ExecutionId, u32),
    child: Child,
) -> AbortHandle {
    let Outlet { shared, events, authority, call } = outlet;
    let router = router.clone();
    let gone = Gone::watch(&events, execution_id, step, call);
    let task = async move {
        if !authority.holds() {
            return;
        }
        let result = crate::children::start(&shared, &router, child).await;
        gone.ended();
        let _ = events.send(Event::ChildStarted { execution_id, step, result });
    };
    tokio::spawn(task).abort_handle()
}

/// Reports when a call goes away without an answer: it was aborted, and all of it is dropped.
pub(super) struct Gone {
    events: UnboundedSender<Event>,
    execution_id: ExecutionId,
    step: u32,
    call: u64,
    ended: bool,
}

impl Gone {
    /// Made before its call's task: one that is aborted before it has begun is gone, too.
    pub(super) fn watch(events: &UnboundedSender<Event>, execution_id: ExecutionId, step: u32, call: u64) -> Self {
        Self { events: events.clone(), execution_id, step, call, ended: false }
    }

    pub(super) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        if !self.ended {
            let (execution_id, step, call) = (self.execution_id, self.step, Some(self.call));
            let _ = self.events.send(Event::CallGone { execution_id, step, call });
        }
    }
}
