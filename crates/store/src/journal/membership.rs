//! Who owns what, behind the journal's seam: registering, taking over, keeping and giving up.

use std::time::Duration;

use async_trait::async_trait;
use moltforge_types::NodeId;

use super::LaneToken;
use crate::error::Error;
use crate::nodes::OwnedShard;
use crate::store::Store;

/// Opens a connection apart from all others, when it is called: inside the runtime that will use it.
pub type Apart = Box<dyn FnOnce() -> Box<dyn Membership> + Send>;

/// Leases and lanes. Each function is one transaction; what they promise is said at [`Nodes`](crate::Nodes).
#[async_trait]
pub trait Membership: Send + Sync {
    /// Whether one process alone can use the store: its lock is then the lease.
    fn is_embedded(&self) -> bool;

    /// The same leases by a connection of their own, for a thread that shares nothing with the rest of the process.
    /// `None`: they are renewed here.
    fn apart(&self) -> Option<Apart> {
        None
    }

    /// Registers a new node with lanes `0..lanes` and a lease of `ttl`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn register(&self, node_id: NodeId, lanes: u16, ttl: Duration) -> Result<Vec<LaneToken>, Error>;

    /// Extends the lease to `ttl` from now. `false` when it has run out or the node was taken over.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn renew(&self, node_id: NodeId, incarnation: i64, ttl: Duration) -> Result<bool, Error>;

    /// Gives up the lease at once.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn release(&self, node_id: NodeId) -> Result<(), Error>;

    /// Gives up the lease and the shards, in order.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn hand_over(&self, node_id: NodeId) -> Result<(), Error>;

    /// Takes every shard that has no owner, or whose owner's lease has run out, and fences the old owner. Returns
    /// all shards that the node owns then, spread over `lanes`.
    ///
    /// # Errors
    /// [`Error`] of the database; `storage_busy` when a commit under way holds its lane for too long.
    async fn take_over(&self, node_id: NodeId, lanes: u16, force: bool) -> Result<Vec<OwnedShard>, Error>;
}

#[async_trait]
impl Membership for Store {
    fn is_embedded(&self) -> bool {
        Self::is_embedded(self)
    }

    fn apart(&self) -> Option<Apart> {
        let store = self.postgres_apart()?;
        Some(Box::new(move || Box::new(store())))
    }

    async fn register(&self, node_id: NodeId, lanes: u16, ttl: Duration) -> Result<Vec<LaneToken>, Error> {
        let mut tx = self.begin().await?;
        let tokens = tx.nodes().register(node_id, lanes, ttl).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    async fn renew(&self, node_id: NodeId, incarnation: i64, ttl: Duration) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let renewed = tx.nodes().renew(node_id, incarnation, ttl).await?;
        tx.commit().await?;
        Ok(renewed)
    }

    async fn release(&self, node_id: NodeId) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.nodes().release(node_id).await?;
        tx.commit().await
    }

    async fn hand_over(&self, node_id: NodeId) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.nodes().hand_over(node_id).await?;
        tx.commit().await
    }

    async fn take_over(&self, node_id: NodeId, lanes: u16, force: bool) -> Result<Vec<OwnedShard>, Error> {
        let mut tx = self.begin().await?;
        let owned = tx.nodes().take_over(node_id, lanes, force).await?;
        tx.commit().await?;
        Ok(owned)
    }
}
