//! I2: numbers are dense from 1, the first entry is the start, and every attempt is counted.

use moltforge_types::journal::Entry;

use super::Told;
use crate::sim::state::State;

pub(super) fn check(state: &State, told: &Told) {
    let id = told.row.execution_id;
    for (expected, (seq, ..)) in (1..).zip(&told.entries) {
        if *seq != expected {
            state.violated("I2", format!("entry {seq} of {id} stands at {expected}"));
        }
    }
    if told.row.last_seq != told.entries.len() as u64 {
        state.violated("I2", format!("{id} has {} entries and says {}", told.entries.len(), told.row.last_seq));
    }
    if !matches!(told.entries.first(), Some((_, _, Entry::Scheduled { .. }))) {
        state.violated("I2", format!("{id} does not begin with its start"));
    }
    let mut attempts = 0;
    for (seq, _, entry) in &told.entries {
        if let Entry::Running { attempt, .. } = entry {
            attempts += 1;
            if *attempt != attempts {
                state.violated("I2", format!("entry {seq} of {id} is attempt {attempts} and says {attempt}"));
            }
        }
    }
}
