//! The invariants of `testing.md`, a file each, over the whole journal after a run. Some are watched while it runs:
//! I3 at each commit (`state.rs`), I6 at the end (`settle.rs`), I8, I12 and I13 in each turn of an owner
//! (`shard/owner/audit.rs`), I9 by each watcher (`watch.rs`), I11 in each log as well (`logs.rs`), the gate at each call
//! and answer (`outside.rs`, `client.rs`).

mod approvals;
mod forks;
mod guests;
mod i1;
mod i10;
mod i11;
pub(super) mod i12;
mod i2;
mod i4;
mod i5;
mod i7;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use moltforge_store::{EntryRow, ExecutionRow};
use moltforge_types::Timestamp;
use moltforge_types::journal::Entry;

use super::state::State;

/// One execution with all that is durable of it.
pub(super) struct Told {
    row: ExecutionRow,
    entries: Vec<(u64, Timestamp, Entry)>,
    /// The same as it is stored.
    stored: Vec<EntryRow>,
}

impl Told {
    /// What it wrote itself: without what a fork copied.
    fn own(&self) -> &[(u64, Timestamp, Entry)] {
        let copied = self.entries.iter().rposition(|(.., entry)| matches!(entry, Entry::Forked { .. }));
        copied.and_then(|at| self.entries.get(at + 1..)).unwrap_or(&self.entries)
    }
}

pub(super) fn all(state: &State, all: &[Told]) {
    let effects = state.effects();
    for told in all {
        i2::check(state, told);
        i4::check(state, &effects, told);
        i5::check(state, told);
        i7::check(state, told);
        i10::check(state, told);
        approvals::check(state, told);
        forks::check(state, all, told);
        guests::check(state, told);
    }
    i1::check(state, all);
    i11::check(state, all);
}

pub(super) fn told(state: &State) -> Vec<Told> {
    let read = |stored: &EntryRow| {
        let entry = serde_json::from_slice(&stored.payload).expect("what was written can be read");
        (stored.seq, stored.at, entry)
    };
    let rows = state.memory.rows().into_iter();
    rows.map(|row| {
        let stored = state.journal(row.execution_id, 0);
        Told { entries: stored.iter().map(read).collect(), stored, row }
    })
    .collect()
}

/// A hash of the whole journal and of how much happened, and the number of entries.
pub(super) fn hash(state: &State, all: &[Told]) -> (u64, usize) {
    let mut hasher = DefaultHasher::new();
    let mut count = 0;
    state.events().hash(&mut hasher);
    for told in all {
        told.row.execution_id.hash(&mut hasher);
        for row in &told.stored {
            (row.seq, row.at, &row.payload).hash(&mut hasher);
            count += 1;
        }
    }
    (hasher.finish(), count)
}

fn is_end(entry: &Entry) -> bool {
    matches!(entry, Entry::Completed { .. } | Entry::Failed { .. } | Entry::Cancelled { .. })
}
