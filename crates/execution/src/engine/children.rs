//! Children: executions that an execution starts, awaits, and takes with it when it is stopped.

use moltforge_types::execution::State;
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ExecutionId, Id as _, Timestamp};
use serde_json::{Value, json};

use super::state::{Child, Execution, Pending, PendingState};
use super::{Action, ChildOutcome, Context, Outcome, advance, wake};

/// How deep a tree of executions may grow below its root (testing.md, ASI08).
pub const MAX_DEPTH: u32 = 8;

/// A call of `agents.start` or `agents.call`, checked.
pub(super) struct Request {
    pub(super) agent: String,
    pub(super) input: Value,
    pub(super) wait: bool,
    pub(super) due: Option<Timestamp>,
}

/// Writes the intent to start a child, and asks for it.
pub(super) fn request(
    execution: &mut Execution,
    call: &Pending,
    request: Request,
    context: Context,
    out: &mut Outcome,
) {
    let limit = execution.spec.config.limits.children as usize;
    if execution.depth() >= MAX_DEPTH {
        let message = format!("executions may start children {MAX_DEPTH} levels deep; this one is at the last");
        return advance::fail(execution, call, ErrorInfo::new("child_depth_limit", message), false, context, out);
    }
    if execution.children.len() >= limit {
        let message = format!("it has started limits.children = {limit}");
        return advance::fail(execution, call, ErrorInfo::new("child_limit", message), false, context, out);
    }
    let Request { agent, input, wait, due } = request;
    let child_id = child_id(context, call.step);
    let (step, call_id, tool) = (call.step, call.call_id.clone(), call.tool.clone());
    let entry = Entry::ChildRequested { step, call_id, tool, child_id, agent, input, wait, due };
    execution.write(entry, context, out);
    start(execution, step, child_id, out);
}

/// Asks the shell to start a child whose intent is written. Starting it twice starts it once: its id is its key.
pub(super) fn start(execution: &mut Execution, step: u32, child_id: ExecutionId, out: &mut Outcome) {
    let Some(child) = execution.children.get(&child_id) else { return };
    let (agent, input) = (child.agent.clone(), child.input.clone());
    execution.in_flight.insert(step);
    out.actions.push(Action::StartChild { step, child_id, agent, input });
}

/// The shell reports that a child is accepted, or cannot be.
pub(super) fn started(
    execution: &mut Execution,
    step: u32,
    result: Result<(), ErrorInfo>,
    context: Context,
    out: &mut Outcome,
) {
    let Some(call) = execution.pending.iter().find(|call| call.step == step).cloned() else { return };
    let PendingState::Child { child_id, wait, .. } = call.state else { return };
    if execution.state.is_terminal() || !execution.in_flight.remove(&step) {
        return;
    }
    match result {
        Ok(()) => {
            execution.write(Entry::ChildStarted { step, child_id }, context, out);
            if !wait {
                advance::succeed(execution, &call, json!({ "execution_id": child_id }), context, out);
            }
        }
        Err(error) => advance::fail(execution, &call, error, false, context, out),
    }
    advance::apply(execution, context, out);
}

/// A child reports its end. A second report changes nothing.
pub(super) fn ended(execution: &mut Execution, outcome: ChildOutcome, context: Context, out: &mut Outcome) {
    let ChildOutcome { child_id, state, output, error } = outcome;
    let is_open = execution.children.get(&child_id).is_some_and(Child::is_open);
    if execution.state.is_terminal() || !is_open {
        return;
    }
    execution.write(Entry::ChildEnded { child_id, state, output, error }, context, out);
    match execution.state {
        State::Suspended if wake::a_wait_is_over(execution, context) => {
            wake::go_on(execution, State::Suspended, context, out);
        }
        State::Running => advance::apply(execution, context, out),
        _ => {}
    }
}

/// Whether a wait for children is over.
pub(super) fn is_over(execution: &Execution, children: &[ExecutionId], any: bool) -> bool {
    let ended = |id: &ExecutionId| execution.children.get(id).is_none_or(|child| child.end.is_some());
    if any { children.iter().any(ended) } else { children.iter().all(ended) }
}

/// Answers a step that waited for children: they have ended, or its time is over.
pub(super) fn answer(
    execution: &mut Execution,
    call: &Pending,
    children: &[ExecutionId],
    any: bool,
    due: Option<Timestamp>,
    context: Context,
    out: &mut Outcome,
) {
    if is_over(execution, children, any) {
        let single = (call.tool == "agents.call").then(|| children.first().and_then(|id| execution.children.get(id)));
        match single.flatten().and_then(|child| child.end.clone()) {
            Some(end) if end.state == State::Completed => {
                advance::succeed(execution, call, end.output.unwrap_or_default(), context, out);
            }
            Some(end) => {
                let why = end.error.map(|error| format!(": {}: {}", error.code, error.message)).unwrap_or_default();
                let id = children.first().map(ToString::to_string).unwrap_or_default();
                let message = format!("the child {id} ended as {}{why}", end.state);
                advance::fail(execution, call, ErrorInfo::new("child_failed", message), false, context, out);
            }
            None => {
                let output = outcomes(execution, children);
                advance::succeed(execution, call, output, context, out);
            }
        }
    } else if due.is_some_and(|due| due <= context.now) {
        let open = children.iter().filter(|id| execution.children.get(id).is_some_and(|child| child.end.is_none()));
        let message = format!("{} of {} children had not ended in time", open.count(), children.len());
        advance::fail(execution, call, ErrorInfo::new("children_timeout", message), false, context, out);
    }
}

fn outcomes(execution: &Execution, children: &[ExecutionId]) -> Value {
    let (mut ended, mut open) = (Vec::new(), Vec::new());
    for id in children {
        match execution.children.get(id).and_then(|child| child.end.as_ref().map(|end| (child, end))) {
            Some((child, end)) => ended.push(json!({
                "execution_id": id, "agent": child.agent, "state": end.state, "output": end.output, "error": end.error,
            })),
            None => open.push(id),
        }
    }
    json!({ "ended": ended, "open": open })
}

/// A UUIDv7 that follows from the command alone, so that replaying gives the same one.
pub(super) fn child_id(context: Context, step: u32) -> ExecutionId {
    let mut random = [0; 10];
    let (one, two) = (mix(context.random ^ u64::from(step)), mix(context.random.wrapping_add(u64::from(step)) ^ !0));
    random[..8].copy_from_slice(&one.to_le_bytes());
    random[8..].copy_from_slice(&two.to_le_bytes()[..2]);
    ExecutionId::from_u128(moltforge_types::ambient::uuid_v7(context.now, random))
}

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): a bijection whose every output bit depends on every input bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
