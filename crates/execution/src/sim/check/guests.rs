//! I13: what a code agent's journal says its guest asked for is what the guest asks for when it hears the journal's answers
//! in their order; and it returned what it then returns.

use moltforge_types::journal::Entry;

use super::Told;
use crate::engine::{Execution, Recorded};
use crate::sim::agents;
use crate::sim::guests::Program;
use crate::sim::state::State;

pub(super) fn check(state: &State, told: &Told) {
    let id = told.row.execution_id;
    let Some(spec) = agents::spec_of(told.row.version_id).filter(|spec| spec.is_code()) else { return };
    let mut execution = Execution::empty(id, spec);
    for (seq, at, entry) in &told.entries {
        if *seq != execution.seq + 1 || execution.state.is_terminal() {
            // I2 and I7 say so
            return;
        }
        execution.record(&Recorded { seq: *seq, at: *at, entry: entry.clone() });
    }
    let start = execution.guest_start();
    let program = Program::after(start.seed, &start.life.heard);
    if !program.agrees_with(&start.life) {
        state.violated("I13", format!("the guest of {id} asks for something else than its journal says"));
    }
    match told.entries.last() {
        Some((.., Entry::Completed { output })) if program.end != Some(Ok(output.clone())) => {
            state.violated("I13", format!("{id} returned {output}, its guest returns {:?}", program.end));
        }
        Some((.., Entry::Completed { .. }))
            if (program.calls.len(), program.cancelled.len())
                != (start.life.calls.len(), start.life.cancelled.len()) =>
        {
            state.violated("I13", format!("{id} ended before all that its guest asked for was written"));
        }
        _ => {}
    }
}
