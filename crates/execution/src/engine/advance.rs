//! What comes next for a running execution. Level-triggered: it looks at the state, not at what just happened, so it can
//! be asked at any time and a missed hint loses nothing.

use moltforge_capabilities::tools::Begin;
use moltforge_types::ApprovalId;
use moltforge_types::execution::{Effect, Reason, State, shard_of};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::Value;

use super::policy::Policy;
use super::spec::TIMER;
use super::state::{Decided, Execution, Pending, PendingState};
use super::{
    Action, ChildOutcome, Context, Message, Outcome, Sent, approval, children, completion, guest, probe, stream,
    tool_slot,
};
use crate::mutation::{Mutation, mutated};

/// The journal's hard limits: an execution that reaches one is held, never killed (engine.md 1.9).
pub(crate) const MAX_ENTRIES: u64 = 50_000;
pub(crate) const MAX_BYTES: u64 = 50 * 1024 * 1024;

pub(super) fn apply(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if execution.stopping.is_some() && !execution.state.is_terminal() {
        return super::stop::advance_stop(execution, context, out);
    }
    if execution.state == State::Running && super::hold::stands(execution, context, out) {
        return;
    }
    // each round answers calls or ends; rounds are bounded by the number of pending calls plus one
    while execution.state == State::Running {
        match limit_reached(execution, context) {
            Some(Limit::Fail(error)) => return finish_failed(execution, error, context, out),
            Some(Limit::Hold(reason, detail)) => {
                let paused = Entry::paused(reason, detail);
                return finish(execution, paused, context, out);
            }
            None => {}
        }
        if execution.pending.is_empty() && !execution.spec.is_code() {
            call_model(execution, context, out);
            return;
        }
        let before = execution.seq;
        begin_calls(execution, context, out);
        if execution.state != State::Running {
            return;
        }
        if execution.spec.is_code() {
            // an answer may be what another call waited for
            if execution.seq != before {
                continue;
            }
            return guest::go_on(execution, context, out);
        }
        if execution.pending.is_empty() {
            continue;
        }
        if execution.in_flight.is_empty() && execution.seq == before {
            suspend(execution, context, out);
            return;
        }
        if execution.seq == before {
            return;
        }
    }
}

/// Ends an execution, or holds it, and calls back what is on its way: at an end everything, at a hold what can be
/// repeated. The answer of a call with a durable intent is taken while held, too.
pub(super) fn finish(execution: &mut Execution, entry: Entry, context: Context, out: &mut Outcome) {
    let (by, kill) = match &entry {
        Entry::Cancelled { by, kill, .. } => (by.clone(), *kill),
        _ => ("system".to_owned(), false),
    };
    execution.write(entry, context, out);
    if execution.state == State::Paused {
        super::pause::abort_repeatable(execution, out);
    } else {
        abort(execution, |_| true, out);
        tell_relatives(execution, &by, kill, out);
    }
}

/// An end is told to the parent, and takes the children with it.
fn tell_relatives(execution: &Execution, by: &str, kill: bool, out: &mut Outcome) {
    if let Some(parent) = &execution.origin.parent {
        let outcome = ChildOutcome {
            child_id: execution.id,
            state: execution.state,
            output: execution.output.clone(),
            error: execution.error.clone(),
        };
        let message = Message::ChildEnded(outcome);
        out.messages.push(Sent { to: parent.execution_id, shard: parent.shard, message });
    }
    stop_children(execution, by, kill, &format!("ended as {}", execution.state), out);
}

/// What has not ended below this execution is stopped as well.
pub(super) fn stop_children(execution: &Execution, by: &str, kill: bool, why: &str, out: &mut Outcome) {
    for child in execution.open_children() {
        let note = format!("its parent {} {why}", execution.id);
        let message = Message::Stop { by: by.to_owned(), note, kill };
        out.messages.push(Sent { to: child, shard: shard_of(child.to_string().as_bytes()), message });
    }
}

/// Ends an execution with an error. Effects that are on their way are named: nobody will know their outcome.
pub(super) fn finish_failed(execution: &mut Execution, error: ErrorInfo, context: Context, out: &mut Outcome) {
    let unknown_steps = execution.unknown_steps();
    finish(execution, Entry::Failed { error, unknown_steps }, context, out);
}

/// Stops the wanted calls in flight.
pub(super) fn abort(execution: &mut Execution, wanted: impl Fn(u32) -> bool, out: &mut Outcome) {
    let steps: Vec<u32> = execution.in_flight.iter().copied().filter(|step| wanted(*step)).collect();
    if steps.is_empty() {
        return;
    }
    execution.in_flight.retain(|step| !steps.contains(step));
    execution.in_line.retain(|step| !steps.contains(step));
    // an action that waits in this very outcome was never sent
    out.actions.retain(|action| match action {
        Action::RunGuest => !steps.contains(&guest::STEP),
        Action::CallModel { step, .. }
        | Action::TakeSlot { step, .. }
        | Action::CallTool { step, .. }
        | Action::ReadReply { step, .. }
        | Action::ProbeTool { step, .. }
        | Action::StartChild { step, .. } => !steps.contains(step),
        Action::Abort { .. } => true,
    });
    out.actions.push(Action::Abort { steps });
}

/// What a limit does.
enum Limit {
    Fail(ErrorInfo),
    Hold(Reason, String),
}

fn limit_reached(execution: &Execution, context: Context) -> Option<Limit> {
    let limits = &execution.spec.config.limits;
    let failed = |code: &str, message: String| Some(Limit::Fail(ErrorInfo::new(code, message)));
    if let Some(error) = &execution.spec.missing {
        return Some(Limit::Hold(Reason::VersionMissing, error.message.clone()));
    }
    if execution.is_past_deadline(context.now) {
        return failed("wall_limit", format!("it did not end within limits.wall = {}", limits.wall));
    }
    if execution.tool_calls > limits.tool_calls {
        return failed("tool_call_limit", format!("it asked for more than limits.tool_calls = {}", limits.tool_calls));
    }
    if execution.seq >= MAX_ENTRIES || execution.bytes >= MAX_BYTES {
        let detail = format!("its journal has {} entries and {} bytes", execution.seq, execution.bytes);
        return Some(Limit::Hold(Reason::JournalLimit, detail));
    }
    let calls_model =
        if execution.spec.is_code() { execution.completion_waits() } else { execution.pending.is_empty() };
    if calls_model {
        if execution.rejected_turns > 1 && !execution.spec.is_code() {
            let message = "the model asked for tools with arguments that do not fit, twice in a row".to_owned();
            return failed("tool_arguments_invalid", message);
        }
        if execution.turns >= limits.turns {
            return failed("turn_limit", format!("it needs more than limits.turns = {} model calls", limits.turns));
        }
        if execution.usage.total() >= limits.tokens {
            return failed("token_limit", format!("it has used limits.tokens = {}", limits.tokens));
        }
    }
    None
}

fn call_model(execution: &mut Execution, _context: Context, out: &mut Outcome) {
    let step = execution.next_step;
    if execution.in_flight.insert(step) {
        let (turn, attempt) = (execution.turns + 1, execution.failures + 1);
        out.actions.push(Action::CallModel { step, turn, attempt });
    }
}

/// Moves every call of the latest reply as far as it goes without an answer from outside.
fn begin_calls(execution: &mut Execution, context: Context, out: &mut Outcome) {
    let decision = execution.unknown_effects.take();
    let steps: Vec<u32> = execution.pending.iter().map(|call| call.step).collect();
    for step in steps {
        let Some(call) = execution.pending.iter().find(|call| call.step == step).cloned() else { continue };
        match &call.state {
            PendingState::Open if !execution.in_flight.contains(&step) || stream::is_over(execution, &call) => {
                open_call(execution, &call, context, out);
            }
            PendingState::Invoked { .. } if !execution.in_flight.contains(&step) => {
                resend(execution, &call, decision.as_deref(), context, out);
                if execution.state != State::Running {
                    return;
                }
            }
            PendingState::AwaitsApproval(ask) => {
                approval::wait(execution, &call, ask, context, out);
                if execution.state != State::Running {
                    return;
                }
            }
            PendingState::Decided(verdict) if !execution.in_flight.contains(&step) => {
                approval::carry_out(execution, &call, verdict, context, out);
            }
            PendingState::Timer { due } if *due <= context.now => {
                let output = if execution.spec.is_code() && call.tool == TIMER {
                    Value::Null
                } else {
                    Value::String(format!("woke at {due}"))
                };
                succeed(execution, &call, output, context, out);
            }
            PendingState::Signal { name, due } => {
                if let Some((_, payload)) = execution.signals.iter().find(|(waiting, _)| waiting == name) {
                    let payload = payload.clone();
                    succeed(execution, &call, payload, context, out);
                } else if due.is_some_and(|due| due <= context.now) {
                    let message = format!("no signal {name:?} came in time");
                    fail(execution, &call, ErrorInfo::new("signal_timeout", message), false, context, out);
                }
            }
            // the owner before may or may not have started it: its id is its key
            PendingState::Child { child_id, .. } if !execution.in_flight.contains(&step) => {
                children::start(execution, step, *child_id, out);
            }
            PendingState::Children { children, any, due } => {
                children::answer(execution, &call, children, *any, *due, context, out);
            }
            _ => {}
        }
    }
}

/// Begins a call about which nothing is written yet, or asks a person first.
fn open_call(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    if completion::is_one(execution, call) {
        return completion::begin(execution, call, context, out);
    }
    if stream::is_one(execution, call) {
        return stream::begin(execution, call, context, out);
    }
    let begun = execution.spec.begin(&call.tool, &call.arguments, context.now);
    let policy = match &begun {
        // what does not fit is nobody's decision
        Begin::Rejected(_) => None,
        _ if mutated(Mutation::NoApproval) => None,
        _ if !execution.spec.asks_for(&call.tool) => None,
        _ => execution.spec.policy(&call.tool, &approval::arguments(call)).cloned(),
    };
    match (policy, begun) {
        (Some(policy), _) => approval::request(execution, call, &policy, context, out),
        (None, Begin::Ask) => approval::request(execution, call, &Policy::default(), context, out),
        (None, begun) => {
            if let Begin::Call { effect, .. } = &begun
                && effect.changes()
            {
                if tool_slot::waits(execution, call, out) {
                    return;
                }
                intend(execution, call, *effect, None, context, out);
            }
            carry_on(execution, call, begun, context, out);
        }
    }
}

/// Writes the intent of a call.
pub(super) fn intend(
    execution: &mut Execution,
    call: &Pending,
    effect: Effect,
    approval_id: Option<ApprovalId>,
    context: Context,
    out: &mut Outcome,
) {
    let Pending { step, call_id, tool, .. } = call.clone();
    let idempotency_key = execution.idempotency_key(step);
    let entry = Entry::ToolInvoked { step, call_id, tool, effect, idempotency_key, approval_id };
    execution.write(entry, context, out);
}

/// What becomes of a call that may begin.
pub(super) fn carry_on(execution: &mut Execution, call: &Pending, begun: Begin, context: Context, out: &mut Outcome) {
    let Pending { step, call_id, tool, .. } = call.clone();
    match begun {
        Begin::Done(output) => succeed(execution, call, output, context, out),
        Begin::Write { output, writes } => {
            let started_at = context.now;
            let entry = Entry::ToolSucceeded { step, call_id, tool, output, writes, started_at, duration_us: 0 };
            execution.write(entry, context, out);
        }
        Begin::Emit { output, event_type, topic, data } => {
            execution.write(Entry::EventEmitted { step, event_type, topic, data }, context, out);
            succeed(execution, call, output, context, out);
        }
        Begin::Sleep { until } => execution.write(Entry::TimerSet { step, call_id, due: until }, context, out),
        Begin::AwaitSignal { name, until } => {
            execution.write(Entry::SignalAwaited { step, call_id, name, due: until }, context, out);
        }
        Begin::StartChild { agent, input, wait, until } => {
            children::request(execution, call, children::Request { agent, input, wait, due: until }, context, out);
        }
        Begin::AwaitChildren { children, any, until } => {
            if let Some(stranger) = children.iter().find(|id| !execution.children.contains_key(id)) {
                let message = format!("{stranger} is no child of this execution");
                fail(execution, call, ErrorInfo::new("child_unknown", message), true, context, out);
                return;
            }
            execution.write(Entry::ChildrenAwaited { step, call_id, children, any, due: until }, context, out);
        }
        Begin::Rejected(error) => fail(execution, call, error, true, context, out),
        // asked for before it comes here
        Begin::Ask => {}
        Begin::Call { effect, arguments } => {
            let idempotency_key = effect.changes().then(|| execution.idempotency_key(step));
            execution.in_flight.insert(step);
            out.actions.push(Action::CallTool { step, tool, arguments, effect, idempotency_key });
        }
    }
}

/// A call whose intent is durable and whose answer is not: the owner before may or may not have sent it.
fn resend(execution: &mut Execution, call: &Pending, all: Option<&str>, context: Context, out: &mut Outcome) {
    let PendingState::Invoked { effect, decision, .. } = call.state.clone() else { return };
    let decision = decision.or(match all {
        Some("retry") => Some(Decided::Retry { begun: true }),
        // a `keyed` call needs no decision: it is sent again
        Some(_) if matches!(effect, Effect::AtMostOnce | Effect::Reconcile) => Some(Decided::Fail),
        _ => None,
    });
    let decision = if mutated(Mutation::BlindResend) { Some(Decided::Retry { begun: true }) } else { decision };
    match (effect, decision) {
        (_, Some(Decided::Succeed(output))) => succeed(execution, call, output, context, out),
        (_, Some(Decided::Fail)) => {
            let message = "the outcome of this call is unknown; an operator decided not to send it again";
            fail(execution, call, ErrorInfo::new("outcome_unknown", message), false, context, out);
        }
        (Effect::Keyed | Effect::Read | Effect::Pure, _) | (_, Some(Decided::Retry { .. })) => {
            send_again(execution, call, context, out);
        }
        (Effect::Reconcile, None) => probe::send(execution, call, None, out),
        (Effect::AtMostOnce, None) => hold_unknown(execution, call, context, out),
    }
}

/// Sends a call with the key of its intent, once more.
pub(super) fn send_again(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    let PendingState::Invoked { effect, idempotency_key, .. } = &call.state else { return };
    if tool_slot::waits(execution, call, out) {
        return;
    }
    if let Begin::Call { arguments, .. } = execution.spec.tools.begin(&call.tool, &call.arguments, context.now) {
        execution.in_flight.insert(call.step);
        out.actions.push(Action::CallTool {
            step: call.step,
            tool: call.tool.clone(),
            arguments,
            effect: *effect,
            idempotency_key: Some(idempotency_key.clone()),
        });
    } else {
        let detail = format!("the version's tool {:?} no longer makes this call", call.tool);
        let paused = Entry::paused(Reason::Diverged, detail);
        finish(execution, paused, context, out);
    }
}

/// Holds an execution because the outcome of a call that must not run twice is not known.
///
/// What is paused already stays so for its own reason: it is asked again when that one is over.
pub(super) fn hold_unknown(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    if execution.state == State::Paused {
        return;
    }
    let detail = format!("step {} ({}) was sent and its outcome is not known", call.step, call.tool);
    finish(execution, Entry::paused(Reason::EffectUnknown, detail), context, out);
}

pub(super) fn succeed(execution: &mut Execution, call: &Pending, output: Value, context: Context, out: &mut Outcome) {
    let entry = Entry::ToolSucceeded {
        step: call.step,
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        output,
        writes: Vec::new(),
        started_at: context.now,
        duration_us: 0,
    };
    execution.write(entry, context, out);
}

pub(super) fn fail(
    execution: &mut Execution,
    call: &Pending,
    error: ErrorInfo,
    rejected: bool,
    context: Context,
    out: &mut Outcome,
) {
    let entry = Entry::ToolFailed {
        step: call.step,
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        error,
        rejected,
        started_at: context.now,
        duration_us: 0,
    };
    execution.write(entry, context, out);
}

pub(super) fn suspend(execution: &mut Execution, context: Context, out: &mut Outcome) {
    let signals = execution
        .pending
        .iter()
        .filter_map(|call| match &call.state {
            PendingState::Signal { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect();
    let wake_at = execution.wake_at();
    execution.write(Entry::Suspended { wake_at, signals }, context, out);
}
