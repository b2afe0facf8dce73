//! I4: a step has one outcome; a call that must not run twice is sent once, and once more for each decision to retry.

use std::collections::{BTreeMap, BTreeSet};

use moltforge_types::execution::Effect;
use moltforge_types::journal::Entry;

use super::Told;
use crate::sim::state::{Effect as Sent, State};

pub(super) fn check(state: &State, effects: &BTreeMap<String, Sent>, told: &Told) {
    let id = told.row.execution_id;
    let mut outcomes = BTreeSet::new();
    let mut retries = 0;
    // what a fork copied is the original's
    for (.., entry) in told.own() {
        match entry {
            Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } | Entry::ModelCompleted { step, .. }
                if !outcomes.insert(*step) =>
            {
                state.violated("I4", format!("step {step} of {id} has two outcomes"));
            }
            Entry::Resumed { unknown_effects: Some(decision), .. } if decision == "retry" => retries += 1,
            _ => {}
        }
    }
    for (.., entry) in told.own() {
        let Entry::ToolInvoked { effect: Effect::AtMostOnce | Effect::Reconcile, idempotency_key, tool, .. } = entry
        else {
            continue;
        };
        let sent = effects.get(idempotency_key).map_or(0, |effect| effect.sent);
        if sent > 1 + retries {
            state.violated("I4", format!("{tool} of {id} was sent {sent} times with {retries} decisions to retry"));
        }
    }
}
