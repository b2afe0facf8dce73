//! Pause: a hold that holds. Calls that can be repeated are aborted; a call with a durable intent is left to end, and its
//! answer is kept.

use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::Entry;

use super::state::PendingState;
use super::{Context, Execution, Outcome, Refusal, advance};

pub(super) fn apply(
    execution: &mut Execution,
    by: String,
    note: Option<String>,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    match execution.state {
        state if state.is_terminal() => return Err(Refusal::Ended),
        _ if execution.stopping.is_some() => return Err(Refusal::Stopping),
        // held already, by what only a resume ends: the answer is the same, and the first reason stays
        State::Paused if !matches!(execution.reason, Some(Reason::Held | Reason::EffectUnknown)) => return Ok(()),
        // the end of a hold, or a decision, must not restart what a person paused
        _ => {}
    }
    execution.write(Entry::Paused { reason: Reason::Operator, detail: note, by: Some(by), since: None }, context, out);
    abort_repeatable(execution, out);
    Ok(())
}

/// Aborts calls in flight whose intent is not in the journal: model calls and reads.
pub(super) fn abort_repeatable(execution: &mut Execution, out: &mut Outcome) {
    let kept: Vec<u32> = execution
        .pending
        .iter()
        .filter(|call| matches!(call.state, PendingState::Invoked { .. }) && !execution.in_line.contains(&call.step))
        .map(|call| call.step)
        .collect();
    advance::abort(execution, |step| !kept.contains(&step), out);
}
