//! An execution in memory.

use std::collections::BTreeMap;

use moltforge_types::execution::State;
use tokio::task::AbortHandle;

use super::message::{Loaded, Reply};
use crate::engine::Execution;

/// An execution and what hangs on it.
pub(crate) struct Hot {
    pub(crate) execution: Execution,
    pub(crate) shard: u16,
    pub(crate) environment: Option<String>,
    /// The batch that holds its latest entries.
    pub(crate) batch: u64,
    /// Its calls on their way.
    pub(crate) calls: BTreeMap<u32, AbortHandle>,
    /// Who waits for it to end or to wait.
    pub(crate) watchers: Vec<Reply>,
}

impl Hot {
    pub(crate) fn new(loaded: Loaded) -> Self {
        let Loaded { execution, shard, environment } = loaded;
        Self { execution, shard, environment, batch: 0, calls: BTreeMap::new(), watchers: Vec::new() }
    }

    /// It holds a running slot.
    pub(crate) fn is_running(&self) -> bool {
        self.execution.state == State::Running
    }

    /// Nothing happens to it by itself but a timer: an answer that waits for it is due.
    pub(crate) fn rests(&self) -> bool {
        let state = self.execution.state;
        state.is_terminal() || matches!(state, State::Suspended | State::Paused)
    }

    /// It can be dropped from memory once its entries are durable: a load brings it back.
    pub(crate) fn is_evictable(&self) -> bool {
        !self.is_running() && self.calls.is_empty() && !self.execution.has_calls_in_flight()
    }
}

impl Drop for Hot {
    /// Whoever no longer owns an execution makes no calls for it.
    fn drop(&mut self) {
        self.calls.values().for_each(AbortHandle::abort);
    }
}
