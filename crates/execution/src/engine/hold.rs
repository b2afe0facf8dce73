//! Holds of an agent or a whole project, seen from one execution: it does not run while one stands.

use moltforge_types::Timestamp;
use moltforge_types::execution::{HoldMode, Reason, State};
use moltforge_types::journal::Entry;

use super::{Context, Execution, Outcome, advance, claim, stop};
use crate::mutation::{Mutation, mutated};

/// Whose hold it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOf {
    /// Of its agent.
    Agent,
    /// Of its whole project.
    Project,
}

/// A hold that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub of: HoldOf,
    /// What it does.
    pub mode: HoldMode,
    /// When it was set.
    pub since: Timestamp,
}

/// Holds or kills an execution that would otherwise go on. `true` when a hold stood.
pub(super) fn stands(execution: &mut Execution, context: Context, out: &mut Outcome) -> bool {
    let Some(hold) = context.hold else { return false };
    let whose = match hold.of {
        HoldOf::Agent => "its agent",
        HoldOf::Project => "its project",
    };
    match hold.mode {
        _ if mutated(Mutation::NoHold) => return false,
        HoldMode::Release => return false,
        HoldMode::Pause => {
            let detail = Some(format!("{whose} is paused"));
            let since = Some(hold.since.max(execution.created_at).min(context.now));
            let paused = Entry::Paused { reason: Reason::Held, detail, by: None, since };
            advance::finish(execution, paused, context, out);
        }
        HoldMode::Kill => {
            let note = Some(format!("{whose} was stopped by its kill switch"));
            // what has not ended can always be stopped
            let _ = stop::apply(execution, "system".to_owned(), note, true, context, out);
        }
    }
    true
}

/// A hold was set: whatever the execution is doing, it does no more.
pub(super) fn apply(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if execution.state.is_terminal() {
        return;
    }
    // what is being stopped, or paused for another reason, needs no pause; a kill switch shortens the end of a cancel
    let kills = context.hold.is_some_and(|hold| hold.mode == HoldMode::Kill);
    if kills || (execution.stopping.is_none() && execution.state != State::Paused) {
        stands(execution, context, out);
    }
}

/// A hold was lifted: what it paused goes on, unless another one stands.
pub(super) fn release(execution: &mut Execution, by: String, context: Context, out: &mut Outcome) {
    if execution.state == State::Paused && execution.reason == Some(Reason::Held) && context.hold.is_none() {
        let resumed = Entry::Resumed { from: State::Paused, by: Some(by), unknown_effects: None };
        claim::go_on(execution, resumed, context, out);
    }
}
