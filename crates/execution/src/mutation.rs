//! Bugs that a test can switch on, to see that the simulator finds them. A program that is no test has none of them.

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "a program that is no test has no such bugs"))]
pub(crate) enum Mutation {
    /// A commit lands whoever owns the lane.
    NoFence,
    /// Actions and answers leave before their entries are durable.
    NoGate,
    /// A start with a key is made anew each time.
    NoStartDedupe,
    /// A signal with a key is taken each time.
    NoSignalDedupe,
    /// A claim does not count the attempt.
    NoAttempt,
    /// A new owner does not look for what wakes later.
    NoLookAhead,
    /// A new owner does not look for what ran.
    NoRecovery,
    /// Messages whose hint was lost are not looked for.
    NoSweep,
    /// A call that must not run twice is sent again after a crash.
    BlindResend,
    /// An execution that leaves its slot does not give it back.
    SlotLeak,
    /// A call that waits for a person does not wait.
    NoApproval,
    /// A decision counts whatever call the person saw.
    AnyApproval,
    /// Whoever decides may.
    AnyApprover,
    /// A decision counts after its time, too.
    LateApproval,
    /// What a hold stops begins all the same.
    NoHold,
    /// A new owner does not know what is held.
    HoldsForgotten,
    /// The sweep of a lifted hold is not seen through after a crash.
    NoReleaseAfterCrash,
    /// Waiting is worth nothing: a high priority always comes first.
    NoAgeing,
    /// What a failed call says names the headers that it was sent with.
    CredentialInError,
    /// A rebuilt guest hears the answers in the order of its calls.
    GuestHearsByCall,
}

#[cfg(test)]
pub(crate) use switch::{mutated, set};

/// Never.
#[cfg(not(test))]
pub(crate) const fn mutated(_: Mutation) -> bool {
    false
}

#[cfg(test)]
mod switch {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    /// Whether this bug is switched on in this thread.
    pub(crate) fn mutated(mutation: Mutation) -> bool {
        ON.get() == Some(mutation)
    }

    /// Switches one bug on, or none.
    pub(crate) fn set(mutation: Option<Mutation>) {
        ON.set(mutation);
    }
}
