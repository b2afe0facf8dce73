//! A journal that notes how long its commits take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moltforge_store::{Batch, CommitError, Journal, Membership, Reads};
use moltforge_types::ExecutionId;

/// One commit.
#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) took: Duration,
    /// Whose entries it wrote, with their highest number and the bytes of their payloads.
    pub(crate) of: Vec<(ExecutionId, u64, usize)>,
}

/// Another journal with a watch.
pub(crate) struct Timed {
    inner: Arc<dyn Journal>,
    commits: Mutex<Option<Vec<Commit>>>,
}

impl Timed {
    pub(crate) fn new(inner: Arc<dyn Journal>) -> Self {
        Self { inner, commits: Mutex::new(None) }
    }

    /// The commits since the last call, and from here on. Before the first call nothing is kept.
    pub(crate) fn take(&self) -> Vec<Commit> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).replace(Vec::new()).unwrap_or_default()
    }

    /// Keeps nothing more.
    pub(crate) fn stop(&self) {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[async_trait]
impl Journal for Timed {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        let begun = Instant::now();
        let result = self.inner.commit(batch.clone()).await;
        let took = begun.elapsed();
        if let Some(commits) = self.commits.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let of = batch.entries.iter().map(|entry| (entry.execution_id, entry.seq, entry.payload.len()));
            commits.push(Commit { took, of: of.collect() });
        }
        result
    }

    fn reads(&self) -> &dyn Reads {
        self.inner.reads()
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}
