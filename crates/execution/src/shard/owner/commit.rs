//! Group commit: while one batch is on its way to the disk, the next one forms. One batch in flight.

use std::time::Duration;

use moltforge_store::{CommitError, Side};
use moltforge_types::Fault as _;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Ended, Owner};
use crate::shard::batch::{Forming, InFlight};
use crate::shard::health::Health;

/// Delay before a failed commit is tried again: doubles from the first up to the second.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

impl Owner {
    /// Begins a commit when something is staged and none is on its way, or a failed one may be tried again.
    pub(super) fn begin_commit(&mut self) {
        if self.commit.is_some() {
            return;
        }
        if let Some(in_flight) = &self.in_flight {
            if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                self.retry_at = None;
                self.commit = Some(self.commit_future(in_flight));
            }
            return;
        }
        if self.forming.is_empty() {
            return;
        }
        let next = Forming::new(self.forming.number + 1);
        let closed = std::mem::replace(&mut self.forming, next);
        let in_flight = closed.close(self.token, self.shared.ambient.now());
        self.commit = Some(self.commit_future(&in_flight));
        self.in_flight = Some(in_flight);
    }

    /// Says when all that is staged by now is durable.
    pub(super) fn barrier(&mut self, done: oneshot::Sender<()>) {
        let batch = match &self.in_flight {
            _ if !self.forming.is_empty() => self.forming.number,
            Some(in_flight) => in_flight.number,
            None => self.committed,
        };
        self.barriers.push((batch, done));
        self.answer_barriers();
    }

    fn answer_barriers(&mut self) {
        for (_, done) in self.barriers.extract_if(.., |(batch, _)| *batch <= self.committed) {
            // whoever asked may have gone
            let _ = done.send(());
        }
    }

    fn commit_future(&self, in_flight: &InFlight) -> super::Commit {
        let (journal, batch) = (self.shared.journal.clone(), in_flight.batch.clone());
        Box::pin(async move { journal.commit(batch).await })
    }

    /// A commit ended.
    pub(super) fn committed(&mut self, result: Result<(), CommitError>) -> Result<(), Ended> {
        self.commit = None;
        match result {
            Ok(()) => {
                if let Some(in_flight) = self.in_flight.take() {
                    self.committed = in_flight.number;
                    self.recent_keys.durable(in_flight.number, Instant::now());
                    self.forget_taken(&in_flight.batch.rows);
                    if in_flight.batch.rows.iter().any(|row| matches!(row, Side::Fire(_))) {
                        self.shared.listeners.hint();
                    }
                    self.release(in_flight.gated);
                    self.answer_barriers();
                }
                self.health.send_if_modified(|health| {
                    let changed = *health != Health::Ready;
                    *health = Health::Ready;
                    changed
                });
                Ok(())
            }
            Err(CommitError::Unavailable(error)) => {
                // nothing was written and nothing is lost: the batch is kept, and what it gates stays in
                let code = error.code();
                let failures = self.in_flight.as_mut().map_or(1, |in_flight| {
                    in_flight.failures = in_flight.failures.saturating_add(1);
                    in_flight.failures
                });
                tracing::warn!(code, failures, %error, "commit failed, trying again");
                let delay = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(RETRY_MAX);
                self.retry_at = Some(Instant::now() + delay);
                self.health.send_replace(Health::Failing(code));
                Ok(())
            }
            Err(CommitError::Fenced) => {
                tracing::warn!(lane = self.token.lane, "fenced: another node owns these shards");
                Err(Ended::Fenced)
            }
            Err(CommitError::Duplicate) => {
                // cannot happen while one owner decides about a key; reading everything anew is always right
                tracing::error!("a start with an idempotency key was in the store already; reading the state anew");
                Err(Ended::Mismatch)
            }
            Err(CommitError::Mismatch(what)) => {
                tracing::error!(what, "a commit does not fit the store; reading the state anew");
                Err(Ended::Mismatch)
            }
        }
    }
}
