//! A journal that counts the entries that are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use moltforge_store::{
    Batch, CommitError, EntryRow, Error, ExecutionRow, Hold, Journal, LiveExecution, Membership, Message, Reads,
    Version,
};
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp, VersionId};

pub(crate) struct Counting {
    inner: Arc<dyn Journal>,
    entries: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(inner: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self { inner, entries: AtomicUsize::new(0) })
    }

    /// Entries that were read since the last time.
    pub(crate) fn take(&self) -> usize {
        self.entries.swap(0, Ordering::SeqCst)
    }

    fn count(&self, rows: &[EntryRow]) {
        self.entries.fetch_add(rows.len(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Journal for Counting {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        self.inner.commit(batch).await
    }

    fn reads(&self) -> &dyn Reads {
        self
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}

#[async_trait]
impl Reads for Counting {
    async fn entries(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        let rows = self.inner.reads().entries(id, after_seq, limit).await?;
        self.count(&rows);
        Ok(rows)
    }

    async fn last_entries(&self, id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        let rows = self.inner.reads().last_entries(id, limit).await?;
        self.count(&rows);
        Ok(rows)
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.inner.reads().holds().await
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.inner.reads().execution(project_id, id).await
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.inner.reads().execution_of_key(project_id, key).await
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.inner.reads().runnable(shard, after, limit).await
    }

    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        self.inner.reads().runnable_shards().await
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.inner.reads().due(shards, until, limit).await
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.inner.reads().version(project_id, version_id).await
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        self.inner.reads().messages(shards, after, limit).await
    }
}
