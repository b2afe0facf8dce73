//! I11: a credential of a tool is in the version's configuration and in the requests to that tool, nowhere else: in no
//! journal row, execution row, approval or message. Watchers (`watch.rs`) and logs (`logs.rs`) are looked at while it runs.

use super::Told;
use crate::sim::agents::CREDENTIAL;
use crate::sim::state::State;

pub(super) fn check(state: &State, all: &[Told]) {
    for told in all {
        let id = told.row.execution_id;
        for row in &told.stored {
            if String::from_utf8_lossy(&row.payload).contains(CREDENTIAL) {
                state.violated("I11", format!("entry {} of {id} holds a credential", row.seq));
            }
        }
        if format!("{:?}", told.row).contains(CREDENTIAL) {
            state.violated("I11", format!("the row of {id} holds a credential"));
        }
    }
    if format!("{:?}", state.memory.approvals()).contains(CREDENTIAL) {
        state.violated("I11", "an approval holds a credential");
    }
}
