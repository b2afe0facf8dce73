//! Resume: the only way out of a hold but a cancel.

use moltforge_types::execution::{Effect, Reason, State};
use moltforge_types::journal::Entry;

use super::state::PendingState;
use super::{Context, Execution, Outcome, Refusal, UnknownEffects, claim};

pub(super) fn apply(
    execution: &mut Execution,
    by: String,
    unknown_effects: Option<UnknownEffects>,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    match execution.state {
        state if state.is_terminal() => return Err(Refusal::Ended),
        State::Paused => {}
        _ => return Err(Refusal::NotPaused),
    }
    if execution.reason == Some(Reason::EffectUnknown) && unknown_effects.is_none() && has_unknown_effects(execution) {
        return Err(Refusal::DecisionNeeded);
    }
    let unknown_effects = unknown_effects.map(|decision| match decision {
        UnknownEffects::Retry => "retry".to_owned(),
        UnknownEffects::Fail => "fail".to_owned(),
    });
    let resumed = Entry::Resumed { from: State::Paused, by: Some(by), unknown_effects };
    claim::go_on(execution, resumed, context, out);
    Ok(())
}

/// Whether a call that must not run twice was sent, has no answer, and is no longer on its way.
fn has_unknown_effects(execution: &Execution) -> bool {
    execution.pending.iter().any(|call| {
        matches!(call.state, PendingState::Invoked { effect: Effect::AtMostOnce, .. })
            && !execution.in_flight.contains(&call.step)
    })
}
