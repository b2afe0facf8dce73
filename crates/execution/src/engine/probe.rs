//! The other side is asked whether a call of unknown outcome happened, and what its answer decides.

use moltforge_types::execution::{Effect, ProbeOutcome, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::Value;

use super::model_answered::retry;
use super::state::{Execution, Pending, PendingState};
use super::{Action, Context, Outcome, Refusal, advance, decide_effect};

/// What the other side said.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// How the call stands.
    pub outcome: ProbeOutcome,
    /// The call's answer, when it is done.
    pub output: Value,
    /// More about it, for people.
    pub detail: Option<String>,
}

/// An operator wants to know now.
pub(super) fn ask(execution: &mut Execution, step: u32, by: String, out: &mut Outcome) -> Result<(), Refusal> {
    execution.open_to_people()?;
    let call = execution.pending.iter().find(|call| call.step == step).cloned();
    match call {
        Some(call) if is_probed(&call) && !execution.in_flight.contains(&step) => {
            send(execution, &call, Some(by), out);
            Ok(())
        }
        // one is on its way already
        Some(call) if is_probed(&call) => Ok(()),
        _ => Err(Refusal::NotProbed),
    }
}

fn is_probed(call: &Pending) -> bool {
    matches!(call.state, PendingState::Invoked { effect: Effect::Reconcile, .. })
}

/// Asks the other side.
pub(super) fn send(execution: &mut Execution, call: &Pending, by: Option<String>, out: &mut Outcome) {
    let PendingState::Invoked { idempotency_key, .. } = &call.state else { return };
    execution.in_flight.insert(call.step);
    out.actions.push(Action::ProbeTool {
        step: call.step,
        tool: call.tool.clone(),
        arguments: super::approval::arguments(call),
        idempotency_key: idempotency_key.clone(),
        by,
    });
}

/// The other side answered.
pub(super) fn answered(
    execution: &mut Execution,
    step: u32,
    report: ProbeReport,
    by: Option<String>,
    context: Context,
    out: &mut Outcome,
) {
    let Some(call) = execution.pending.iter().find(|call| call.step == step).cloned() else { return };
    let PendingState::Invoked { sent_at, .. } = &call.state else { return };
    if execution.state.is_terminal() || !is_probed(&call) || !execution.in_flight.remove(&step) {
        return;
    }
    let ProbeReport { mut outcome, output, mut detail } = report;
    let settled_at = sent_at.plus(execution.spec.tools.settle(&call.tool));
    if outcome == ProbeOutcome::NotDone && settled_at > context.now {
        outcome = ProbeOutcome::Unknown;
        detail = Some(format!("it has not happened, and may still arrive until {settled_at}"));
    }
    let entry = Entry::EffectProbed { step, outcome, detail: detail.clone(), by: by.clone() };
    execution.write(entry, context, out);
    if execution.stopping.is_some() && outcome != ProbeOutcome::Done {
        // nothing is sent any more: the end names it as unknown
        advance::apply(execution, context, out);
        return;
    }
    let is_running = execution.state == State::Running;
    match outcome {
        ProbeOutcome::Done => {
            advance::succeed(execution, &call, output, context, out);
            if is_running {
                advance::apply(execution, context, out);
            } else {
                decide_effect::go_on_if_decided(execution, by, context, out);
            }
        }
        // one failure more, counted by the entry: a call that never arrives is not sent for ever
        ProbeOutcome::NotDone if is_running => {
            if execution.failures >= execution.spec.config.limits.attempts {
                let detail = format!("step {step} ({}) was sent again and again and never arrived", call.tool);
                let paused = Entry::paused(Reason::EffectUnknown, detail);
                advance::finish(execution, paused, context, out);
            } else {
                advance::send_again(execution, &call, context, out);
            }
        }
        ProbeOutcome::Unknown if is_running => {
            let detail = detail.unwrap_or_else(|| "the probe could not say".to_owned());
            let wait = settled_at.since(context.now);
            let error = ErrorInfo::new("effect_unknown", detail);
            retry(execution, step, error, Some(wait), Reason::EffectUnknown, context, out);
        }
        // known to whoever asked; what is done about it is decided when the execution goes on
        ProbeOutcome::NotDone | ProbeOutcome::Unknown => {}
    }
}
