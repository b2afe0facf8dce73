//! The time that an execution waited for may have come. A stale wake changes nothing.

use moltforge_types::execution::State;
use moltforge_types::journal::{Entry, ErrorInfo};

use super::state::PendingState;
use super::{Context, Execution, Outcome, advance, approval, claim};

pub(super) fn apply(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if execution.state.is_terminal() || execution.state == State::Paused {
        return;
    }
    if execution.stopping.is_some() {
        super::stop::advance_stop(execution, context, out);
        return;
    }
    if execution.is_past_deadline(context.now) {
        // time on hold does not count: it may have waited for something else when it was held
        if super::hold::stands(execution, context, out) {
            return;
        }
        let message = format!("it did not end within limits.wall = {}", execution.spec.config.limits.wall);
        let error = ErrorInfo::new("wall_limit", message);
        advance::finish_failed(execution, error, context, out);
        return;
    }
    match execution.state {
        State::Suspended if a_wait_is_over(execution, context) => go_on(execution, State::Suspended, context, out),
        State::Suspended => escalate(execution, context, out),
        State::BackingOff => claim::apply(execution, false, context, out),
        State::Running => advance::apply(execution, context, out),
        _ => {}
    }
}

/// Whether a timer is due, a signal is there, or a signal's time is over.
pub(super) fn a_wait_is_over(execution: &Execution, context: Context) -> bool {
    execution.pending.iter().any(|call| match &call.state {
        PendingState::Timer { due } => *due <= context.now,
        PendingState::Signal { name, due } => {
            due.is_some_and(|due| due <= context.now) || execution.signals.iter().any(|(waiting, _)| waiting == name)
        }
        PendingState::AwaitsApproval(ask) => ask.due <= context.now,
        PendingState::Decided(_) => true,
        PendingState::Children { children, any, due } => {
            due.is_some_and(|due| due <= context.now) || super::children::is_over(execution, children, *any)
        }
        _ => false,
    })
}

/// Approvals that waited too long go to others as well, and the execution goes on waiting.
fn escalate(execution: &mut Execution, context: Context, out: &mut Outcome) {
    let waiting: Vec<_> = approval::waiting(execution).map(|(call, ask)| (call.step, ask.clone())).collect();
    for (step, ask) in waiting {
        approval::escalate(execution, step, &ask, context, out);
    }
}

/// From a wait back to work.
pub(super) fn go_on(execution: &mut Execution, from: State, context: Context, out: &mut Outcome) {
    claim::go_on(execution, Entry::Resumed { from, by: None, unknown_effects: None }, context, out);
}
