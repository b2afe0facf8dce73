//! I7: what has ended never changes.

use super::{Told, is_end};
use crate::sim::state::State;

pub(super) fn check(state: &State, told: &Told) {
    let id = told.row.execution_id;
    let end = told.entries.iter().position(|(.., entry)| is_end(entry));
    if end.is_some_and(|end| end + 1 != told.entries.len()) {
        state.violated("I7", format!("{id} goes on after its end"));
    }
    if end.is_some() != told.row.columns.state.is_terminal() {
        state.violated("I7", format!("{id} is {} and its journal says otherwise", told.row.columns.state));
    }
}
