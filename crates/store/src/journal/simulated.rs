//! Faults on demand: a journal that dies before or after a commit, or refuses one.
//!
//! In memory for seeded tests, with paused time; around a real journal for the crash suites.

mod memory;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp, VersionId};
use tokio::sync::watch;

pub use memory::Memory;

use super::batch::Batch;
use super::{CommitError, EntryRow, Journal, Membership, Message, Reads};
use crate::error::Error;
use crate::executions::{ExecutionRow, LiveExecution};
use crate::holds::Hold;
use crate::snapshots::Snapshot;
use crate::versions::Version;

/// What happens at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before anything is written: this commit and all later ones of this handle never answer.
    CrashBefore,
    /// The process dies after the batch is written and before anybody is told.
    CrashAfter,
    /// The storage refuses it with `storage_full`; nothing is written.
    Error,
}

/// A journal with faults.
pub struct Simulated {
    inner: Arc<dyn Journal>,
    plan: Mutex<Plan>,
    dead: watch::Sender<bool>,
}

#[derive(Default)]
struct Plan {
    commits: u64,
    faults: BTreeMap<u64, Fault>,
}

impl Simulated {
    /// Around any journal: [`Memory`], or a real one.
    pub fn around(inner: Arc<dyn Journal>) -> Self {
        Self { inner, plan: Mutex::default(), dead: watch::Sender::new(false) }
    }

    /// `fault` strikes at the `number`th commit of this handle, from 1.
    pub fn fault_at(&self, number: u64, fault: Fault) {
        self.plan().faults.insert(number, fault);
    }

    /// How many commits were asked for so far.
    pub fn commits(&self) -> u64 {
        self.plan().commits
    }

    /// Waits until a crash has struck.
    pub async fn crashed(&self) {
        // the sender lives in `self`
        self.dead.subscribe().wait_for(|dead| *dead).await.ok();
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut plan = self.plan();
        plan.commits += 1;
        let number = plan.commits;
        plan.faults.remove(&number)
    }

    async fn alive(&self) {
        if *self.dead.borrow() {
            std::future::pending::<()>().await;
        }
    }

    async fn die<T>(&self) -> T {
        self.dead.send_replace(true);
        std::future::pending().await
    }
}

#[async_trait]
impl Journal for Simulated {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        self.alive().await;
        match self.next_fault() {
            None => self.inner.commit(batch).await,
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                self.inner.commit(batch).await.ok();
                self.die().await
            }
            Some(Fault::Error) => Err(CommitError::Unavailable(Error::Full("a simulated full disk".into()))),
        }
    }

    fn reads(&self) -> &dyn Reads {
        self
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}

/// The dead read nothing.
#[async_trait]
impl Reads for Simulated {
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.alive().await;
        self.inner.reads().entries(execution_id, after_seq, limit).await
    }

    async fn last_entries(&self, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.alive().await;
        self.inner.reads().last_entries(execution_id, limit).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.alive().await;
        self.inner.reads().holds().await
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.alive().await;
        self.inner.reads().execution(project_id, id).await
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.alive().await;
        self.inner.reads().execution_of_key(project_id, key).await
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.alive().await;
        self.inner.reads().runnable(shard, after, limit).await
    }

    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        self.alive().await;
        self.inner.reads().runnable_shards().await
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.alive().await;
        self.inner.reads().due(shards, until, limit).await
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.alive().await;
        self.inner.reads().version(project_id, version_id).await
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        self.alive().await;
        self.inner.reads().messages(shards, after, limit).await
    }

    async fn snapshot(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<Snapshot>, Error> {
        self.alive().await;
        self.inner.reads().snapshot(project_id, id).await
    }

    async fn keep_snapshot(&self, project_id: ProjectId, id: ExecutionId, snapshot: &Snapshot) -> Result<bool, Error> {
        self.alive().await;
        self.inner.reads().keep_snapshot(project_id, id, snapshot).await
    }
}
