//! What comes next for a running execution. Level-triggered: it looks at the state, not at what just happened, so it can
//! be asked at any time and a missed hint loses nothing.

use moltforge_capabilities::tools::Begin;
use moltforge_types::execution::{Effect, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::Value;

use super::state::{Execution, Pending, PendingState};
use super::{Action, Context, Outcome};

/// The journal's hard limits: an execution that reaches one is held, never killed (engine.md 1.9).
pub(crate) const MAX_ENTRIES: u64 = 50_000;
pub(crate) const MAX_BYTES: u64 = 50 * 1024 * 1024;

pub(super) fn apply(execution: &mut Execution, context: Context, out: &mut Outcome) {
    // each round answers calls or ends; rounds are bounded by the number of pending calls plus one
    while execution.state == State::Running {
        match limit_reached(execution, context) {
            Some(Limit::Fail(error)) => return finish_failed(execution, error, context, out),
            Some(Limit::Hold(reason, detail)) => {
                let paused = Entry::Paused { reason, detail: Some(detail), by: None };
                return finish(execution, paused, context, out);
            }
            None => {}
        }
        if execution.pending.is_empty() {
            call_model(execution, context, out);
            return;
        }
        let before = execution.seq;
        begin_calls(execution, context, out);
        if execution.state != State::Running {
            return;
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
    execution.write(entry, context, out);
    if execution.state == State::Paused {
        super::pause::abort_repeatable(execution, out);
    } else {
        abort(execution, |_| true, out);
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
    // an action that waits in this very outcome was never sent
    out.actions.retain(|action| match action {
        Action::CallModel { step, .. } | Action::CallTool { step, .. } => !steps.contains(step),
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
    if execution.pending.is_empty() {
        if execution.rejected_turns > 1 {
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
            PendingState::Open if !execution.in_flight.contains(&step) => {
                open_call(execution, &call, context, out);
            }
            PendingState::Invoked { effect, idempotency_key } if !execution.in_flight.contains(&step) => {
                let key = idempotency_key.clone();
                resend(execution, &call, *effect, key, decision.as_deref(), context, out);
                if execution.state != State::Running {
                    return;
                }
            }
            PendingState::Timer { due } if *due <= context.now => {
                succeed(execution, &call, Value::String(format!("woke at {due}")), context, out);
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
            _ => {}
        }
    }
}

/// Begins a call about which nothing is written yet.
fn open_call(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    let Pending { step, call_id, tool, arguments, .. } = call.clone();
    match execution.spec.tools.begin(&tool, &arguments, context.now) {
        Begin::Done(output) => succeed(execution, call, output, context, out),
        Begin::Write { output, writes } => {
            let started_at = context.now;
            let entry = Entry::ToolSucceeded { step, call_id, tool, output, writes, started_at, duration_us: 0 };
            execution.write(entry, context, out);
        }
        Begin::Sleep { until } => execution.write(Entry::TimerSet { step, call_id, due: until }, context, out),
        Begin::AwaitSignal { name, until } => {
            execution.write(Entry::SignalAwaited { step, call_id, name, due: until }, context, out);
        }
        Begin::Rejected(error) => fail(execution, call, error, true, context, out),
        Begin::Call { effect, arguments } => {
            let idempotency_key = match effect {
                Effect::Pure | Effect::Read => None,
                Effect::Keyed | Effect::AtMostOnce => {
                    let key = execution.idempotency_key(step);
                    let (tool, idempotency_key) = (tool.clone(), key.clone());
                    execution.write(Entry::ToolInvoked { step, call_id, tool, effect, idempotency_key }, context, out);
                    Some(key)
                }
            };
            execution.in_flight.insert(step);
            out.actions.push(Action::CallTool { step, tool, arguments, effect, idempotency_key });
        }
    }
}

/// A call whose intent is durable and whose answer is not: the owner before may or may not have sent it.
fn resend(
    execution: &mut Execution,
    call: &Pending,
    effect: Effect,
    idempotency_key: String,
    decision: Option<&str>,
    context: Context,
    out: &mut Outcome,
) {
    match (effect, decision) {
        (Effect::Keyed | Effect::Read | Effect::Pure, _) | (Effect::AtMostOnce, Some("retry")) => {
            let begun = execution.spec.tools.begin(&call.tool, &call.arguments, context.now);
            let Begin::Call { arguments, .. } = begun else {
                let detail = format!("the version's tool {:?} no longer makes this call", call.tool);
                let paused = Entry::Paused { reason: Reason::Diverged, detail: Some(detail), by: None };
                finish(execution, paused, context, out);
                return;
            };
            execution.in_flight.insert(call.step);
            out.actions.push(Action::CallTool {
                step: call.step,
                tool: call.tool.clone(),
                arguments,
                effect,
                idempotency_key: Some(idempotency_key),
            });
        }
        (Effect::AtMostOnce, Some(_)) => {
            let message = "the outcome of this call is unknown; an operator decided not to send it again";
            fail(execution, call, ErrorInfo::new("outcome_unknown", message), false, context, out);
        }
        (Effect::AtMostOnce, None) => hold_unknown(execution, call, context, out),
    }
}

/// Holds an execution because the outcome of a call that must not run twice is not known.
pub(super) fn hold_unknown(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    let detail = format!("step {} ({}) was sent and its outcome is not known", call.step, call.tool);
    let paused = Entry::Paused { reason: Reason::EffectUnknown, detail: Some(detail), by: None };
    execution.write(paused, context, out);
    super::pause::abort_repeatable(execution, out);
}

fn succeed(execution: &mut Execution, call: &Pending, output: Value, context: Context, out: &mut Outcome) {
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

fn fail(
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

fn suspend(execution: &mut Execution, context: Context, out: &mut Outcome) {
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
