//! I10: nothing of one project is in another's journal or rows.

use super::Told;
use crate::sim::agents::{canary, projects};
use crate::sim::state::State;

pub(super) fn check(state: &State, told: &Told) {
    let mut text = format!("{:?}", told.row);
    told.stored.iter().for_each(|row| text.push_str(&String::from_utf8_lossy(&row.payload)));
    for stranger in projects().into_iter().filter(|project| *project != told.row.project_id) {
        if text.contains(&canary(stranger)) || text.contains(&stranger.to_string()) {
            state.violated("I10", format!("{} holds something of {stranger}", told.row.execution_id));
        }
    }
}
