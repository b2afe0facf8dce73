//! From a shard to its owner on this node.

use std::time::Duration;

use moltforge_api::executions::Execution as View;
use tokio::sync::oneshot;

use super::message::{Reply, Request};
use super::supervisor::{Readiness, Supervisor};
use crate::error::Error;

/// How long a request waits for its commit before it is told that it may still take effect.
pub(crate) const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds owners. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Router(Supervisor);

impl Router {
    pub(crate) fn new(supervisor: Supervisor) -> Self {
        Self(supervisor)
    }

    /// Hands a request to a shard's owner and waits for its answer, at most as long as a commit may take.
    pub(crate) async fn ask(&self, shard: u16, make: impl FnOnce(Reply) -> Request) -> Result<View, Error> {
        self.ask_within(shard, COMMIT_TIMEOUT, make).await
    }

    /// The same with another limit.
    pub(crate) async fn ask_within(
        &self,
        shard: u16,
        limit: Duration,
        make: impl FnOnce(Reply) -> Request,
    ) -> Result<View, Error> {
        let (reply, answer) = oneshot::channel();
        let request = make(reply);
        let asked = async {
            self.0.owner_of(shard)?.send(request).await.map_err(|_| Error::ShardUnowned)?;
            answer.await.map_err(|_| Error::ShardUnowned)?
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(match self.0.readiness() {
                Readiness::Failing(code) => Error::JournalFailing(code),
                _ => Error::CommitTimeout,
            }),
        }
    }

    /// Hands a message on, if the owner of its shard is here and has room: a poke, nothing more. What is lost is found by
    /// the sweep.
    pub(crate) fn poke(&self, message: moltforge_store::Message) {
        #[cfg(test)]
        let Some(message) = crate::sim::pokes::meet(message, |again| self.hand_over(again)) else { return };
        self.hand_over(message);
    }

    fn hand_over(&self, message: moltforge_store::Message) {
        if let Ok(owner) = self.0.owner_of(message.shard) {
            owner.try_send(Request::Message(message));
        }
    }
}
