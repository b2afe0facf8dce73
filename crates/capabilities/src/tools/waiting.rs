//! What calls that have left for the network wait for, by execution and step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_egress::Waits;
use moltforge_types::ExecutionId;

/// All calls on their way. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    made: u64,
    by_step: BTreeMap<(ExecutionId, u32, u64), Waits>,
}

/// One call, until this is dropped.
pub(super) struct OnItsWay {
    waiting: Waiting,
    key: (ExecutionId, u32, u64),
    pub(super) waits: Waits,
}

impl Waiting {
    pub(super) fn begin(&self, execution_id: ExecutionId, step: u32) -> OnItsWay {
        let mut calls = self.lock();
        // a step may be called again before its call before has gone
        calls.made += 1;
        let (key, waits) = ((execution_id, step, calls.made), Waits::default());
        calls.by_step.insert(key, waits.clone());
        OnItsWay { waiting: self.clone(), key, waits }
    }

    /// Step and words of those that wait.
    pub(super) fn of(&self, id: ExecutionId) -> Vec<(u32, String)> {
        let calls = self.lock();
        let mine = calls.by_step.range((id, 0, 0)..=(id, u32::MAX, u64::MAX));
        mine.filter_map(|((_, step, _), waits)| Some((*step, waits.words()?))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.waiting.lock().by_step.remove(&self.key);
    }
}
