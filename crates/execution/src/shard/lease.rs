//! The node's lease: renewed in time, given up on our own clock before it ends.

use std::time::Duration;

use moltforge_store::Membership;
use moltforge_types::NodeId;
use tokio::time::{Instant, Interval};

use crate::error::Error;

/// Every node starts as its own first incarnation; a takeover raises it, which ends the lease.
const INCARNATION: i64 = 1;

pub(crate) struct Lease<'a> {
    membership: &'a dyn Membership,
    pub(crate) node_id: NodeId,
    length: Duration,
    until: Instant,
    renew: Interval,
}

impl<'a> Lease<'a> {
    /// A lease that was taken just now.
    pub(crate) fn new(membership: &'a dyn Membership, node_id: NodeId, length: Duration) -> Self {
        let period = length / 5;
        Self { membership, node_id, length, until: Instant::now() + length, renew: tokio::time::interval(period) }
    }

    /// Waits for the next renewal and makes it. `false` when the lease is lost, or could not be renewed for so long
    /// that it may be: authority ends before the lease does.
    pub(crate) async fn keep(&mut self) -> bool {
        self.renew.tick().await;
        // on SQLite the lock of the data folder is the lease
        if self.membership.is_embedded() {
            return true;
        }
        let sent = Instant::now();
        match tokio::time::timeout(self.length / 3, self.renew()).await {
            Ok(Ok(true)) => self.until = sent + self.length,
            Ok(Ok(false)) => return false,
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not renewed"),
            Err(_) => tracing::warn!("the lease was not renewed in time"),
        }
        Instant::now() + self.length / 5 < self.until
    }

    async fn renew(&self) -> Result<bool, Error> {
        Ok(self.membership.renew(self.node_id, INCARNATION, self.length).await?)
    }

    /// Gives it up, so that others need not wait for its end.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        Ok(self.membership.release(self.node_id).await?)
    }
}
