//! The node's lease: renewed in time, given up on our own clock before it ends.
//!
//! It is renewed by a thread of its own, with its own connection, so that a busy runtime does not lose it. Where the
//! store offers no such connection (SQLite, the simulation) it is renewed by whoever waits in [`Lease::keep`].

mod keeper;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::{Journal, Membership};
use moltforge_types::NodeId;
use tokio::time::{Instant, Interval};

use self::keeper::Keeper;
use super::authority::Authority;
use crate::error::Error;

/// Every node starts as its own first incarnation; a takeover raises it, which ends the lease.
const INCARNATION: i64 = 1;

pub(crate) struct Lease {
    journal: Arc<dyn Journal>,
    terms: Terms,
    /// When to look, or to renew.
    look: Interval,
    keeper: Option<Keeper>,
}

/// What is renewed.
#[derive(Clone)]
struct Terms {
    node_id: NodeId,
    length: Duration,
    authority: Arc<Authority>,
}

impl Lease {
    /// A lease that was asked for at `sent`.
    pub(crate) fn new(journal: Arc<dyn Journal>, node_id: NodeId, length: Duration, sent: Instant) -> Self {
        let embedded = journal.membership().is_embedded();
        // on SQLite the lock of the data folder is the lease
        let authority = if embedded { Authority::unlimited() } else { Authority::new(sent, safe(length)) };
        let terms = Terms { node_id, length, authority: Arc::new(authority) };
        let keeper = journal.membership().apart().and_then(|apart| Keeper::start(apart, terms.clone()));
        Self { journal, look: tokio::time::interval(terms.period()), terms, keeper }
    }

    pub(crate) fn node_id(&self) -> NodeId {
        self.terms.node_id
    }

    /// What everything that begins a call asks.
    pub(crate) fn authority(&self) -> Arc<Authority> {
        self.terms.authority.clone()
    }

    /// Waits for the next renewal, or look. `false` when the lease is lost, or could not be renewed for so long that
    /// it may be: authority ends before the lease does.
    pub(crate) async fn keep(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.terms.authority.over() => {}
            _ = self.look.tick() => {}
        }
        let membership = self.journal.membership();
        if self.keeper.is_none() && !membership.is_embedded() {
            self.terms.renew(membership).await;
        }
        self.terms.authority.holds()
    }

    /// Gives up lease and shards after an orderly end: nobody needs to wait, and no owner was lost.
    pub(crate) async fn hand_over(&self) -> Result<(), Error> {
        self.terms.authority.end();
        Ok(self.journal.membership().hand_over(self.terms.node_id).await?)
    }

    /// Gives it up, so that others need not wait for its end.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        self.terms.authority.end();
        Ok(self.journal.membership().release(self.terms.node_id).await?)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.terms.authority.end();
    }
}

impl Terms {
    fn period(&self) -> Duration {
        self.length / 5
    }

    /// Renews once. A renewal that fails is not the end yet; one that is refused is.
    async fn renew(&self, membership: &dyn Membership) {
        let sent = Instant::now();
        let renewal = membership.renew(self.node_id, INCARNATION, self.length);
        match tokio::time::timeout(self.length / 3, renewal).await {
            Ok(Ok(true)) => {
                if !self.authority.extend(sent, safe(self.length)) {
                    tracing::warn!("the lease was renewed too late");
                }
            }
            Ok(Ok(false)) => self.authority.end(),
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not renewed"),
            Err(_) => tracing::warn!("the lease was not renewed in time"),
        }
    }
}

/// How much of a lease is used: what is left covers a call that is on its way out, and clocks of another speed.
fn safe(length: Duration) -> Duration {
    length * 4 / 5
}
