//! When an owner keeps the state of a long execution.

use moltforge_types::ExecutionId;

use super::Owner;
use crate::shard::snapshot::{self, Covered};

impl Owner {
    /// Keeps a snapshot when one is due and all of the state is durable: never ahead of the journal.
    pub(super) fn keep_snapshot(&mut self, id: ExecutionId) {
        let entries = self.shared.config.snapshot_entries;
        let Some(hot) = self.hot.get_mut(&id) else { return };
        if hot.batch <= self.committed && hot.snapshot.is_due(&hot.execution, entries) {
            hot.snapshot = Covered::of(&hot.execution);
            snapshot::keep(&self.shared, hot.execution.clone());
        }
    }
}
