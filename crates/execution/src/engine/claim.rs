//! Claim: an attempt begins. It is counted here, before anything can go wrong with it.

use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::Entry;

use super::{Context, Execution, Outcome, advance, hold};
use crate::mutation::{Mutation, mutated};

/// Claims after crashes without progress in between, before the execution is held as `crash_loop`.
pub(crate) const CRASH_LIMIT: u32 = 10;

pub(super) fn apply(execution: &mut Execution, recovered: bool, context: Context, out: &mut Outcome) {
    let claimable = match execution.state {
        State::Scheduled => true,
        // also after a crash a back-off keeps its time
        State::BackingOff => execution.run_at.is_none_or(|run_at| run_at <= context.now),
        // only the loss of the owner makes a running execution claimable again
        State::Running => recovered,
        _ => false,
    };
    if !claimable {
        return;
    }
    // what an owner before began to stop is stopped: its calls went with it
    if execution.stopping.is_some() {
        super::stop::advance_stop(execution, context, out);
        return;
    }
    if hold::stands(execution, context, out) {
        return;
    }
    if !context.slot {
        queue(execution, context, out);
        return;
    }
    let lost = recovered && execution.state == State::Running;
    // what ran when the server was told to stop did not bring it down
    let crashed = lost && !context.handed_over;
    if crashed && execution.crashes >= CRASH_LIMIT {
        let detail = format!("the server died {CRASH_LIMIT} times while this ran, without progress in between");
        execution.write(Entry::paused(Reason::CrashLoop, detail), context, out);
        return;
    }
    begin_attempt(execution, lost, context, out);
    advance::apply(execution, context, out);
}

/// From a wait back to work, or into the queue when there is no slot for it.
pub(super) fn go_on(execution: &mut Execution, resumed: Entry, context: Context, out: &mut Outcome) {
    if hold::stands(execution, context, out) {
        return;
    }
    execution.write(resumed, context, out);
    if context.slot {
        begin_attempt(execution, false, context, out);
        advance::apply(execution, context, out);
    }
}

/// What is due and has no slot waits for one as `scheduled`: nothing is due about it any more.
fn queue(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if execution.state == State::BackingOff {
        let from = State::BackingOff;
        execution.write(Entry::Resumed { from, by: None, unknown_effects: None }, context, out);
    }
}

/// Writes the entry that counts an attempt.
pub(super) fn begin_attempt(execution: &mut Execution, recovered: bool, context: Context, out: &mut Outcome) {
    let entry = Entry::Running {
        attempt: execution.attempt.saturating_add(u32::from(!mutated(Mutation::NoAttempt))),
        crashes: execution.crashes.saturating_add(u32::from(recovered && !context.handed_over)),
        recovered,
    };
    execution.write(entry, context, out);
}
