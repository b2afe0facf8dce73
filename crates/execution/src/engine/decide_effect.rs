//! An operator decides about one call whose outcome is not known.

use moltforge_types::execution::{Effect, EffectDecision, Reason, State};
use moltforge_types::journal::Entry;
use serde_json::Value;

use super::state::PendingState;
use super::{Context, Execution, Outcome, Refusal, resume};

#[expect(clippy::too_many_arguments, reason = "the fields of one command")]
pub(super) fn apply(
    execution: &mut Execution,
    step: u32,
    decision: EffectDecision,
    output: Option<Value>,
    note: Option<String>,
    by: String,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    execution.open_to_people()?;
    let is_unknown = execution.pending.iter().any(|call| {
        call.step == step
            && matches!(&call.state, PendingState::Invoked { effect, .. } if effect.changes())
            && !execution.in_flight.contains(&step)
    });
    if !is_unknown {
        return Err(Refusal::EffectNotUnknown);
    }
    let entry = Entry::EffectDecided { step, decision, output, note, by: by.clone() };
    execution.write(entry, context, out);
    go_on_if_decided(execution, Some(by), context, out);
    Ok(())
}

/// Lets an execution go on that was held for its unknown effects alone, once none is left without a decision.
pub(super) fn go_on_if_decided(execution: &mut Execution, by: Option<String>, context: Context, out: &mut Outcome) {
    let waits = execution.state == State::Paused && execution.reason == Some(Reason::EffectUnknown);
    if waits && !has_undecided(execution, |effect| matches!(effect, Effect::AtMostOnce | Effect::Reconcile)) {
        // with a hold of its agent or project above it waits for the end of that from here
        resume::go_on(execution, by, None, context, out);
    }
}

/// Whether a call of such a class was sent, has no answer and no decision, and is no longer on its way.
pub(super) fn has_undecided(execution: &Execution, of: impl Fn(Effect) -> bool) -> bool {
    execution.pending.iter().any(|call| {
        matches!(&call.state, PendingState::Invoked { effect, decision: None, .. } if of(*effect))
            && !execution.in_flight.contains(&call.step)
    })
}
