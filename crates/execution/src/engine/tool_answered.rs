//! A tool call ended: with an answer, with an error that the model will see, or with nobody knowing whether it happened.

use moltforge_types::Timestamp;
use moltforge_types::execution::{Effect, Reason};
use moltforge_types::journal::Entry;
use serde_json::Value;

use super::model_answered::{micros, retry};
use super::state::{Execution, PendingState};
use super::{Context, Outcome, ToolFailure, advance, probe};

pub(super) fn apply(
    execution: &mut Execution,
    step: u32,
    started_at: Timestamp,
    result: Result<Value, ToolFailure>,
    context: Context,
    out: &mut Outcome,
) {
    // taken in any live state: a call that ends while the execution is paused or backing off is progress worth keeping
    let Some(call) = execution.pending.iter().find(|call| call.step == step).cloned() else { return };
    if execution.state.is_terminal() || !execution.in_flight.remove(&step) {
        return;
    }
    execution.in_line.remove(&step);
    let is_lost = matches!(&result, Err(failure) if failure.outcome_unknown)
        && matches!(&call.state, PendingState::Invoked { effect, .. } if effect.changes());
    if is_lost && execution.stopping.is_some() {
        // nothing is sent any more, and nobody is asked: the end names it as unknown
        advance::apply(execution, context, out);
        return;
    }
    let (call_id, tool) = (call.call_id.clone(), call.tool.clone());
    let duration_us = micros(context.now.since(started_at));
    let entry = match result {
        Ok(output) => Entry::ToolSucceeded { step, call_id, tool, output, writes: Vec::new(), started_at, duration_us },
        Err(failure) => match (&call.state, failure.outcome_unknown) {
            (PendingState::Invoked { effect: Effect::AtMostOnce, .. }, true) => {
                advance::hold_unknown(execution, &call, context, out);
                return;
            }
            (PendingState::Invoked { effect: Effect::Keyed, .. }, true)
                if execution.state == moltforge_types::execution::State::Running =>
            {
                retry(execution, step, failure.error, None, Reason::EffectUnknown, context, out);
                return;
            }
            // the other side may know
            (PendingState::Invoked { effect: Effect::Reconcile, .. }, true)
                if execution.state == moltforge_types::execution::State::Running =>
            {
                probe::send(execution, &call, None, out);
                return;
            }
            // sent again with its key, or probed, when the execution goes on
            (PendingState::Invoked { effect: Effect::Keyed | Effect::Reconcile, .. }, true) => return,
            _ => {
                let (error, rejected) = (failure.error, false);
                Entry::ToolFailed { step, call_id, tool, error, rejected, started_at, duration_us }
            }
        },
    };
    execution.write(entry, context, out);
    advance::apply(execution, context, out);
}
