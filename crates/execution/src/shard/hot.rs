//! An execution in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use moltforge_types::ExecutionId;
use moltforge_types::execution::State;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::message::{Loaded, Reply};
use super::snapshot::Covered;
use crate::engine::{Execution, GUEST_STEP, Heard, Spec, Start};
use crate::fairness::calls::Slot;
use crate::fairness::{Claimant, Permit};

/// An execution and what hangs on it.
pub(crate) struct Hot {
    pub(crate) execution: Execution,
    pub(crate) shard: u16,
    pub(crate) environment: Option<String>,
    /// The batch that holds its latest entries.
    pub(crate) batch: u64,
    /// What its latest snapshot covers.
    pub(crate) snapshot: Covered,
    /// Its calls on their way.
    pub(crate) calls: BTreeMap<u32, Call>,
    /// Where the answers for its guest go, and how many have gone there.
    pub(crate) feed: Option<Feed>,
    /// Slots of tools whose calls leave with the next commit.
    pub(crate) slots: BTreeMap<u32, Slot>,
    /// Who waits for it to end or to wait.
    pub(crate) watchers: Vec<Reply>,
    /// Who it is when it asks for a slot.
    pub(crate) claimant: Arc<Claimant>,
    /// Its running slot: held while it runs.
    pub(crate) permit: Option<Permit>,
}

impl Hot {
    pub(crate) fn new(loaded: Loaded) -> Self {
        let Loaded { execution, shard, environment, snapshot } = loaded;
        let claimant = Arc::new(claimant_of(&execution));
        let (calls, watchers) = (BTreeMap::new(), Vec::new());
        Self {
            execution,
            shard,
            environment,
            batch: 0,
            snapshot,
            calls,
            watchers,
            claimant,
            permit: None,
            slots: BTreeMap::new(),
            feed: None,
        }
    }

    /// 0 to 9, 9 first.
    pub(crate) fn priority(&self) -> u8 {
        self.execution.origin.effective_priority()
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

    /// Its guest is given up: it hears nothing and is not heard any more, although it may live until that is durable, and
    /// another one be wanted by then.
    pub(crate) fn leave_guest(&mut self) {
        self.feed = None;
        if let Some(guest) = self.calls.get_mut(&GUEST_STEP) {
            guest.number = NOBODY;
        }
    }

    /// Hands its guest what it has not heard. Before it is durable: what the guest then asks for is so after it.
    pub(crate) fn feed(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        for heard in self.execution.guest.heard.iter().skip(feed.fed) {
            // one that is no more hears nothing
            let _ = feed.to.send(heard.clone());
        }
        feed.fed = self.execution.guest.heard.len();
    }

    /// A trigger started it, and it has ended.
    pub(crate) fn has_ended_for_trigger(&self) -> bool {
        self.execution.state.is_terminal() && self.execution.origin.trigger_id.is_some()
    }

    /// It can be dropped from memory once its entries are durable: a load brings it back.
    pub(crate) fn is_evictable(&self) -> bool {
        !self.is_running() && self.calls.is_empty() && !self.execution.has_calls_in_flight()
    }
}

/// Who a new execution is when it asks for a slot.
pub(crate) fn claimant_of_start(start: &Start) -> Claimant {
    claimant(start.id, &start.spec, start.origin.concurrency_key.as_deref())
}

/// Who an execution is when it asks for a slot.
fn claimant_of(execution: &Execution) -> Claimant {
    claimant(execution.id, &execution.spec, execution.origin.concurrency_key.as_deref())
}

/// An execution of a version, with its concurrency key.
pub(crate) fn claimant(execution_id: ExecutionId, spec: &Spec, key: Option<&str>) -> Claimant {
    let limits = &spec.config.limits;
    Claimant {
        execution_id,
        project_id: spec.project_id,
        agent_id: spec.agent_id,
        key: key.map(Into::into),
        agent_limit: limits.concurrency,
        key_limit: limits.key_concurrency.unwrap_or(1),
    }
}

/// The way to a guest that runs.
pub(crate) struct Feed {
    pub(crate) to: UnboundedSender<Heard>,
    pub(crate) fed: usize,
}

/// The number of a call whose answer nobody wants.
const NOBODY: u64 = 0;

/// A call on its way.
pub(crate) struct Call {
    /// Counts the calls of its owner, from 1.
    pub(crate) number: u64,
    pub(crate) task: AbortHandle,
}

impl Call {
    pub(crate) fn abort(&self) {
        self.task.abort();
    }
}

impl Drop for Hot {
    /// Whoever no longer owns an execution makes no calls for it.
    fn drop(&mut self) {
        self.calls.values().for_each(Call::abort);
    }
}
