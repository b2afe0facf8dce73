//! The simulator can see: each bug that is switched on is found within a bounded number of seeds.

use super::plan::Plan;
use super::run::run;
use crate::mutation::{self, Mutation};

/// Seeds that are tried for one bug.
const TRIED: u64 = 120;

#[track_caller]
fn is_found(mutation: Mutation) {
    mutation::set(Some(mutation));
    let found = (1..=TRIED).find_map(|seed| {
        let violations = run(&Plan::of(seed), false).violations;
        violations.into_iter().next().map(|violation| (seed, violation))
    });
    mutation::set(None);
    let Some((seed, violation)) = found else { panic!("{mutation:?} is not found within {TRIED} seeds") };
    println!("{mutation:?} is found by seed {seed}: {violation}");
}

macro_rules! found {
    ($($name:ident: $mutation:ident,)*) => { $(
        #[test]
        fn $name() {
            is_found(Mutation::$mutation);
        }
    )* };
}

found! {
    a_fence_that_lets_everybody_in: NoFence,
    a_gate_that_is_open: NoGate,
    starts_that_are_not_deduplicated: NoStartDedupe,
    signals_that_are_not_deduplicated: NoSignalDedupe,
    attempts_that_are_not_counted: NoAttempt,
    wake_ups_that_are_forgotten: NoLookAhead,
    running_executions_that_are_forgotten: NoRecovery,
    hints_that_nobody_makes_up_for: NoSweep,
    a_call_that_is_sent_blindly_again: BlindResend,
    a_slot_that_leaks: SlotLeak,
    a_call_that_begins_without_its_approval: NoApproval,
    a_decision_about_another_call: AnyApproval,
    a_decision_of_somebody_who_may_not: AnyApprover,
    a_decision_that_comes_too_late: LateApproval,
    a_hold_that_holds_nothing: NoHold,
    holds_that_a_new_owner_forgets: HoldsForgotten,
    a_lifted_hold_that_nobody_sees_through: NoReleaseAfterCrash,
    waiting_that_is_worth_nothing: NoAgeing,
    a_credential_in_a_message: CredentialInError,
    a_guest_that_hears_in_another_order: GuestHearsByCall,
}
