//! The right to work. Held exactly while an execution is `running`; it comes back by itself when it is dropped, whatever
//! ended the work: an end, a pause, a kill, or the loss of the shards.

use std::sync::Arc;

use moltforge_types::Timestamp;

use super::{Claimant, Fairness};

/// One running slot, and one of every narrower limit that the claimant has.
pub(crate) struct Permit {
    fairness: Fairness,
    claimant: Arc<Claimant>,
    since: Timestamp,
    bytes: u64,
}

impl Permit {
    /// It is counted already.
    pub(super) fn new(fairness: Fairness, claimant: Arc<Claimant>) -> Self {
        let since = fairness.ambient.now();
        Self { fairness, claimant, since, bytes: 0 }
    }

    /// Says how large the execution is by now.
    pub(crate) fn set_bytes(&mut self, bytes: u64) {
        if self.bytes != bytes {
            self.fairness.lock().counts.grow(self.bytes, bytes);
            self.bytes = bytes;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.fairness.ambient.now();
        let held = u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX);
        let mut inner = self.fairness.lock();
        inner.counts.give_back(&self.claimant, self.bytes, held);
        inner.ready.released(&self.claimant, now);
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permit").field("of", &self.claimant.execution_id).finish_non_exhaustive()
    }
}
