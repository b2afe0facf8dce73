//! I5: the fold of the journal is what the row says, read by the code that reads it after a crash.

use super::Told;
use crate::engine::{Execution, Recorded};
use crate::sim::agents;
use crate::sim::state::State;
use crate::views;

pub(super) fn check(state: &State, told: &Told) {
    let id = told.row.execution_id;
    let Some(spec) = agents::spec_of(told.row.version_id) else {
        state.violated("I5", format!("{id} has no version"));
        return;
    };
    let mut execution = Execution::empty(id, spec);
    for (seq, at, entry) in &told.entries {
        if *seq != execution.seq + 1 || execution.state.is_terminal() {
            // I2 and I7 say so
            return;
        }
        execution.record(&Recorded { seq: *seq, at: *at, entry: entry.clone() });
    }
    let columns = views::columns(&execution);
    if columns != told.row.columns {
        state.violated("I5", format!("{id} replays to {columns:?}, its row says {:?}", told.row.columns));
    }
}
