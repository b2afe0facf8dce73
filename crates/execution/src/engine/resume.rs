//! Resume: the only way out of a hold but a cancel.

use moltforge_types::execution::{Effect, Reason, State};
use moltforge_types::journal::Entry;

use super::{Context, Execution, Outcome, Refusal, UnknownEffects, claim, decide_effect};

pub(super) fn apply(
    execution: &mut Execution,
    by: String,
    unknown_effects: Option<UnknownEffects>,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    match execution.state {
        state if state.is_terminal() => return Err(Refusal::Ended),
        _ if execution.stopping.is_some() => return Err(Refusal::Stopping),
        State::Paused if context.hold.is_some() => return Err(Refusal::Held),
        State::Paused => {}
        _ => return Err(Refusal::NotPaused),
    }
    if execution.reason == Some(Reason::EffectUnknown)
        && unknown_effects.is_none()
        && decide_effect::has_undecided(execution, |effect| effect == Effect::AtMostOnce)
    {
        return Err(Refusal::DecisionNeeded);
    }
    let unknown_effects = unknown_effects.map(|decision| match decision {
        UnknownEffects::Retry => "retry".to_owned(),
        UnknownEffects::Fail => "fail".to_owned(),
    });
    go_on(execution, Some(by), unknown_effects, context, out);
    Ok(())
}

/// From a hold back to work.
pub(super) fn go_on(
    execution: &mut Execution,
    by: Option<String>,
    unknown_effects: Option<String>,
    context: Context,
    out: &mut Outcome,
) {
    claim::go_on(execution, Entry::Resumed { from: State::Paused, by, unknown_effects }, context, out);
}
