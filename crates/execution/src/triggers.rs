//! Triggers: schedules, events and webhooks that start executions, each fire exactly once.
//!
//! Whatever fires a trigger writes a row `fire` first: the planner with the schedule's move to its next run in one
//! transaction, a webhook before it is answered, an event in the commit of the entry that it is. The dispatcher takes the
//! rows that wait, asks the trigger's concurrency rule, starts an execution under a key made of trigger and fire, and
//! settles the row. A crash between the two repeats the start under the same key, which gives the same execution.
//!
//! Planner and dispatcher are two tasks. The dispatcher wakes up by hints: a fire was committed, an execution that a
//! fire started has ended, a trigger changed. Whatever hint is lost, it looks once a second.
//!
//! The node that owns a trigger's shard plans and dispatches it. A second node that believes the same does no harm: every
//! write is compared with what was read, and starts go through the owner of their key.

mod context;
mod dispatch;
pub(crate) mod hooks;
mod listeners;
mod locks;
mod manage;
mod plan;
mod publish;
mod secrets;
mod turns;
mod views;

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::Store;
use moltforge_types::{Ambient, TriggerId};

pub(crate) use listeners::Listeners;
use locks::Locks;
pub use secrets::WebhookKey;

use crate::executions::Executions;
use crate::shard::supervisor::Readiness;

/// The deepest chain of executions that start each other.
pub const MAX_CHAIN: u32 = 8;
/// Fires of one trigger that may wait.
const MAX_PENDING: u32 = 1_000;
/// Fires of one project that may wait, whatever their triggers.
const MAX_WAITING: u32 = 10_000;
/// The longest sleep of the service: a guarantee against a hint that is lost and a clock that jumps.
const POLL: Duration = Duration::from_secs(1);
/// The longest wait for a decision that is being made: it may cancel what a trigger started, and starts something.
const PATIENCE: Duration = Duration::from_secs(25);
/// Between a hint and the look that follows: hints come in bursts.
const GATHER: Duration = Duration::from_millis(5);

/// The trigger service of one node. Cheap to clone.
#[derive(Clone)]
pub struct Triggers {
    inner: Arc<Inner>,
}

struct Inner {
    executions: Executions,
    store: Store,
    ambient: Ambient,
    locks: Locks,
}

/// What the service does, each in a task of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Writes the fires of schedules.
    Plan,
    /// Starts executions for fires.
    Dispatch,
}

impl Triggers {
    /// Begins to fire the triggers of this node's shards, for as long as `executions` works.
    pub fn start(executions: Executions) -> Self {
        let this = Self::idle(executions);
        // apart: a run of a schedule is late when its fire is written late, however much is to be started meanwhile
        tokio::spawn(this.clone().run(Work::Plan));
        tokio::spawn(this.clone().run(Work::Dispatch));
        this
    }

    /// As [`start`](Self::start), but nothing happens before [`sweep`](Self::sweep) is called: for tests.
    pub fn idle(executions: Executions) -> Self {
        let (store, ambient) = (executions.store().clone(), executions.ambient().clone());
        Self { inner: Arc::new(Inner { executions, store, ambient, locks: Locks::default() }) }
    }

    async fn run(self, work: Work) {
        let listeners = self.inner.executions.listeners();
        loop {
            let pause = match self.inner.executions.readiness() {
                Readiness::Stopping => return,
                Readiness::Ready => match self.work(work).await {
                    Ok(pause) => pause,
                    Err(error) => {
                        tracing::warn!(%error, "triggers cannot be looked at, trying again");
                        POLL
                    }
                },
                Readiness::Starting | Readiness::Failing(_) => POLL,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = listeners.hinted(work) => tokio::time::sleep(GATHER).await,
            }
        }
    }

    /// Plans what is due and starts what waits, once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sweep(&self) -> Result<(), crate::Error> {
        self.work(Work::Plan).await?;
        self.work(Work::Dispatch).await?;
        Ok(())
    }

    /// One round. How long nothing is known to happen.
    async fn work(&self, work: Work) -> Result<Duration, crate::Error> {
        let shards = self.inner.executions.owned_shards();
        if shards.is_empty() {
            return Ok(POLL);
        }
        match work {
            Work::Plan => {
                self.inner.executions.listeners().refresh(&self.inner.store).await?;
                self.plan(&shards).await
            }
            Work::Dispatch => self.dispatch().await.map(|()| POLL),
        }
    }

    /// Something changed that triggers hear or fires wait for: it is looked at now.
    fn hint(&self) {
        self.inner.executions.listeners().hint();
    }

    /// The same for changes of triggers, which are heard from here on.
    async fn changed(&self) {
        let listeners = self.inner.executions.listeners();
        if let Err(error) = listeners.refresh(&self.inner.store).await {
            tracing::warn!(%error, "a change of triggers is heard at the next look");
        }
        listeners.hint();
        listeners.replan();
    }

    /// Waits until what is being decided about a trigger is decided: from then on this node goes by the row as it was
    /// before the call.
    async fn decided(&self, trigger_id: TriggerId) -> Result<(), crate::Error> {
        let decided = tokio::time::timeout(PATIENCE, self.inner.locks.lock(trigger_id)).await;
        decided.map(drop).map_err(|_| crate::Error::CommitTimeout)
    }
}
