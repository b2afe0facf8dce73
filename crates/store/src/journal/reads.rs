//! What owners read. Behind the journal's seam, so that an owner never knows which store it runs on.
//!
//! One implementation for both databases, on [`Store`]; one in memory. A journal that adds faults passes these on.

use async_trait::async_trait;
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp, VersionId};

use super::{EntryRow, Message};
use crate::error::Error;
use crate::executions::{ExecutionRow, LiveExecution};
use crate::holds::Hold;
use crate::snapshots::Snapshot;
use crate::store::Store;
use crate::versions::Version;

/// What an owner reads: executions of its shards, their entries, their versions.
#[async_trait]
pub trait Reads: Send + Sync {
    /// The entries of an execution after `after_seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error>;

    /// The last entries of an execution, in order, at most `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn last_entries(&self, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error>;

    /// Every hold of an agent or a project.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn holds(&self) -> Result<Vec<Hold>, Error>;

    /// An execution of a project.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error>;

    /// The execution that this idempotency key started in a project.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error>;

    /// The executions of one shard that need an owner's attention now: scheduled, running or backing off; in order
    /// of their ids, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error>;

    /// The shards that have such executions, in order.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn runnable_shards(&self) -> Result<Vec<u16>, Error>;

    /// The executions of these shards that wake at `until` or before, the earliest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error>;

    /// A version of an agent.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error>;

    /// Messages to these shards that nobody has taken, the oldest first, at most `limit`, after the message `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error>;

    /// The latest snapshot of an execution. A store may have none: the entries say the same.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn snapshot(&self, _: ProjectId, _: ExecutionId) -> Result<Option<Snapshot>, Error> {
        Ok(None)
    }

    /// Keeps a snapshot, if it is of use. The one thing that an owner writes outside its commits, because nothing
    /// depends on it.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn keep_snapshot(&self, _: ProjectId, _: ExecutionId, _: &Snapshot) -> Result<bool, Error> {
        Ok(false)
    }
}

#[async_trait]
impl Reads for Store {
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        Self::entries(self, execution_id, after_seq, limit).await
    }

    async fn last_entries(&self, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        super::archive::last_entries(self.db(), execution_id, limit).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.all_holds().all().await
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.executions(project_id).find(id).await
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.executions(project_id).find_by_key(key).await
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.live_executions().runnable(shard, after, limit).await
    }

    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        self.live_executions().runnable_shards().await
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.live_executions().due(shards, until, limit).await
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.versions(project_id).get(version_id).await
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        super::side::messages(self.db(), shards, after, limit).await
    }

    async fn snapshot(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<Snapshot>, Error> {
        self.snapshots(project_id).find(id).await
    }

    async fn keep_snapshot(&self, project_id: ProjectId, id: ExecutionId, snapshot: &Snapshot) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let kept = tx.snapshots(project_id).put(id, snapshot).await?;
        tx.commit().await?;
        Ok(kept)
    }
}
