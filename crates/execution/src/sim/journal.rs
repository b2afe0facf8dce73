//! A node's way to the journal, with every fault that a database and a network can have.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_store::{
    Batch, CommitError, EntryRow, Error, ExecutionRow, Hold, Journal, LaneToken, LiveExecution, Membership, Message,
    OwnedShard, Reads, Version,
};
use moltforge_types::{ExecutionId, MessageId, NodeId, ProjectId, Timestamp, VersionId};

use super::node::Process;
use super::plan::Kind;
use super::state::State;
use crate::mutation::{Mutation, mutated};

/// One process' connection to the one store.
pub(super) struct SimJournal {
    pub(super) state: Arc<State>,
    pub(super) process: Arc<Process>,
}

fn unavailable() -> Error {
    Error::Unavailable("a simulated network".into())
}

impl SimJournal {
    /// The process dies here.
    pub(super) async fn die<T>(&self) -> T {
        self.process.die(&self.state);
        std::future::pending().await
    }

    pub(super) async fn way(&self) -> Result<(), Error> {
        self.process.alive().await;
        let state = &self.state;
        if !state.is_healed() {
            let delay = state.faults.below(8);
            if delay > 4 {
                tokio::time::sleep(Duration::from_millis(delay - 4)).await;
            }
        }
        if self.process.is_cut(state, false) || state.strikes(Kind::Read) {
            tokio::time::sleep(state.faults.millis(1, 2000)).await;
            return Err(unavailable());
        }
        self.process.alive().await;
        Ok(())
    }

    /// The way to the table of leases.
    async fn lease_way(&self) -> Result<(), Error> {
        self.process.alive().await;
        if self.process.is_cut(&self.state, true) {
            tokio::time::sleep(self.state.faults.millis(100, 8000)).await;
            return Err(unavailable());
        }
        self.way().await
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        let batch = if mutated(Mutation::NoFence) { self.unfenced(&batch) } else { batch };
        let (token, entries) = (batch.token, batch.entries.len());
        self.process.writes_as(token.node_id);
        let result = self.state.memory.commit(batch.clone()).await;
        match &result {
            Ok(()) => self.state.wrote(&batch, self.process.number),
            Err(CommitError::Mismatch(_) | CommitError::Duplicate) => {
                self.state.violated("commit", format!("an owner's batch does not fit the store: {result:?}"));
            }
            Err(_) => {}
        }
        self.state.trace(|| {
            format!(
                "node {} commit of {entries} entries as {}.{}: {result:?}",
                self.process.slot, token.lane, token.incarnation
            )
        });
        result
    }

    /// A fence that lets everybody in.
    fn unfenced(&self, batch: &Batch) -> Arc<Batch> {
        Arc::new(Batch { token: self.state.memory.current(batch.token), ..batch.clone() })
    }
}

#[async_trait]
impl Journal for SimJournal {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        let result = self.commit_or_fail(batch.clone()).await;
        if result.is_ok() {
            self.state.heard(&batch);
        }
        result
    }

    fn reads(&self) -> &dyn Reads {
        self
    }

    fn membership(&self) -> &dyn Membership {
        self
    }
}

impl SimJournal {
    async fn commit_or_fail(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        self.process.alive().await;
        let (state, faults) = (&self.state, &self.state.faults);
        if state.is_healed() {
            tokio::time::sleep(Duration::from_millis(state.slow_commits.load(Ordering::Relaxed))).await;
            return self.write(batch).await;
        }
        tokio::time::sleep(faults.millis(0, 6)).await;
        self.process.alive().await;
        if self.process.is_cut(state, false) {
            return Err(CommitError::Unavailable(unavailable()));
        }
        if state.strikes(Kind::CrashBefore) {
            return self.die().await;
        }
        if state.strikes(Kind::CrashAfter) {
            self.write(batch).await.ok();
            return self.die().await;
        }
        if state.strikes(Kind::Late) {
            let late = Self { state: self.state.clone(), process: self.process.clone() };
            let delay = faults.millis(20, 30_000);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                late.state.trace(|| format!("node {} a late commit arrives", late.process.slot));
                late.write(batch).await.ok();
            });
            return self.die().await;
        }
        if state.strikes(Kind::Full) {
            return Err(CommitError::Unavailable(Error::Full("a simulated full disk".into())));
        }
        if state.strikes(Kind::Slow) {
            tokio::time::sleep(faults.millis(50, 8000)).await;
            self.process.alive().await;
        }
        if state.strikes(Kind::Ambiguous) {
            let token = batch.token;
            let result = self.write(batch).await;
            // the connection broke; the journal opens another and looks
            tokio::time::sleep(faults.millis(20, 8000)).await;
            self.process.alive().await;
            return if self.state.memory.current(token) == token { result } else { Err(CommitError::Fenced) };
        }
        self.write(batch).await
    }
}

#[async_trait]
impl Reads for SimJournal {
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.way().await?;
        Reads::entries(&self.state.memory, execution_id, after_seq, limit).await
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.way().await?;
        self.state.memory.execution(project_id, id).await
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.way().await?;
        self.state.memory.execution_of_key(project_id, key).await
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        // one of the hundreds of reads of a recovery: all of them together take the way of one
        if shard.is_multiple_of(64) {
            self.way().await?;
        }
        self.process.alive().await;
        self.state.memory.runnable(shard, after, limit).await
    }

    async fn last_entries(&self, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.way().await?;
        self.state.memory.last_entries(execution_id, limit).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.way().await?;
        self.state.memory.holds().await
    }

    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        self.way().await?;
        self.state.memory.runnable_shards().await
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        self.way().await?;
        self.state.memory.messages(shards, after, limit).await
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.way().await?;
        self.state.memory.due(shards, until, limit).await
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.way().await?;
        self.state.memory.version(project_id, version_id).await
    }
}

#[async_trait]
impl Membership for SimJournal {
    fn is_embedded(&self) -> bool {
        false
    }

    async fn register(&self, node_id: NodeId, lanes: u16, ttl: Duration) -> Result<Vec<LaneToken>, Error> {
        self.lease_way().await?;
        Membership::register(&self.state.memory, node_id, lanes, ttl).await
    }

    async fn renew(&self, node_id: NodeId, incarnation: i64, ttl: Duration) -> Result<bool, Error> {
        self.lease_way().await?;
        self.state.memory.renew(node_id, incarnation, ttl).await
    }

    async fn release(&self, node_id: NodeId) -> Result<(), Error> {
        self.lease_way().await?;
        self.state.memory.release(node_id).await
    }

    async fn hand_over(&self, node_id: NodeId) -> Result<(), Error> {
        self.lease_way().await?;
        self.state.memory.hand_over(node_id).await
    }

    async fn take_over(&self, node_id: NodeId, lanes: u16, force: bool) -> Result<Vec<OwnedShard>, Error> {
        self.lease_way().await?;
        let owned = Membership::take_over(&self.state.memory, node_id, lanes, force).await?;
        let before = self.process.owned.swap(owned.len(), Ordering::Relaxed);
        if before != owned.len() {
            self.state.trace(|| format!("node {} owns {} shards", self.process.slot, owned.len()));
        }
        Ok(owned)
    }
}
