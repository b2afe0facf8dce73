//! One decision about a trigger at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};

use moltforge_types::TriggerId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// So many locks are kept before those that nobody holds or waits for are let go.
const KEPT: usize = 64;

/// A lock for each trigger: one that takes long, because it replaces a large tree or the journal is slow, holds up no
/// other one.
#[derive(Default)]
pub(super) struct Locks {
    all: StdMutex<HashMap<TriggerId, Weak<Mutex<()>>>>,
}

impl Locks {
    /// Waits until nobody else decides about the trigger, and shuts others out until the guard is dropped.
    pub(super) async fn lock(&self, trigger_id: TriggerId) -> OwnedMutexGuard<()> {
        self.of(trigger_id).lock_owned().await
    }

    fn of(&self, trigger_id: TriggerId) -> Arc<Mutex<()>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(&trigger_id).and_then(Weak::upgrade) {
            return there;
        }
        // when the table would grow: it stays in proportion to those in use
        if all.len() >= KEPT && all.len() == all.capacity() {
            all.retain(|_, lock| lock.strong_count() > 0);
        }
        let new = Arc::new(Mutex::new(()));
        all.insert(trigger_id, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use moltforge_types::Id as _;

    #[test]
    fn a_trigger_waits_for_itself_alone() {
        let locks = Locks::default();
        let [one, other] = [1, 2].map(TriggerId::from_u128);
        let held = locks.lock(one).now_or_never().expect("free");
        assert!(locks.lock(one).now_or_never().is_none(), "held");
        assert!(locks.lock(other).now_or_never().is_some(), "another one");
        drop(held);
        assert!(locks.lock(one).now_or_never().is_some(), "free again");
    }

    #[test]
    fn what_nobody_holds_is_let_go() {
        let locks = Locks::default();
        let held = locks.lock(TriggerId::from_u128(0)).now_or_never().expect("free");
        for n in 1..10_000 {
            assert!(locks.lock(TriggerId::from_u128(n)).now_or_never().is_some());
        }
        assert!(locks.all.lock().unwrap().len() < 1_000);
        assert!(locks.lock(TriggerId::from_u128(0)).now_or_never().is_none(), "what is held stays");
        drop(held);
    }
}
