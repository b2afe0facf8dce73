//! The tables `node`, `lane` and `shard`: who owns what.
//!
//! A lease says when somebody else may try; the incarnation of the lanes says who may write. A node is one process
//! start; one whose lease lapsed registers anew, under a new id.

#[cfg(test)]
mod protocol;

use std::time::Duration;

use moltforge_types::NodeId;

use crate::error::Error;
use crate::journal::LaneToken;
use crate::sql::{At, Sql};

/// A shard and the lane of its owner that commits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnedShard {
    /// The shard.
    pub shard: u16,
    /// The lane, by number.
    pub lane: u16,
    /// It was free when it was taken: its owner before handed it over in order, or there was none.
    pub handed_over: bool,
}

/// The nodes.
#[derive(Debug)]
pub struct Nodes<'c> {
    at: At<'c>,
}

crate::accessor!(nodes -> Nodes);

// Leases are decided by the clock that all nodes share: the database's. SQLite has one node, and takes the time that
// is handed in ($1).
macro_rules! pair {
    ($start:literal, $end:literal) => {
        Sql::pair(
            concat!($start, "$1", $end),
            concat!($start, "(extract(epoch FROM clock_timestamp()) * 1000000)::int8 + 0 * $1", $end),
        )
    };
}

/// The clock differs.
const REGISTER: Sql = pair!(
    "INSERT INTO node(node_id, incarnation, expires_at, created_at) SELECT $2, 1, t.now + $3, t.now FROM (SELECT ",
    " AS now) t"
);

/// The clock differs.
const RENEW: Sql = pair!(
    "UPDATE node SET expires_at = t.now + $2 FROM (SELECT ",
    " AS now) t WHERE node_id = $3 AND incarnation = $4 AND expires_at > t.now"
);

/// The clock differs.
const ALIVE: Sql = pair!("SELECT count(*) AS n FROM node WHERE node_id = $2 AND expires_at > ", "");

/// The clock differs. Also nodes that were taken over before, since one that died in between left its shards.
const DEAD: Sql = pair!("SELECT node_id FROM node WHERE node_id <> $2 AND ($3 = 1 OR expires_at <= ", ")");

/// SQLite has no row locks: a transaction that writes is alone.
const CURRENT: Sql = Sql::pair(
    "SELECT count(*) AS n FROM lane WHERE node_id = $1 AND lane = $2 AND incarnation = $3",
    "SELECT count(*) AS n FROM (SELECT 1 FROM lane WHERE node_id = $1 AND lane = $2 AND incarnation = $3 FOR SHARE) l",
);

/// How long a dead node's row is kept, in microseconds: for whoever looks into what happened.
const KEPT: i64 = 24 * 3600 * 1_000_000;

impl Nodes<'_> {
    /// Registers a new node with lanes `0..lanes` and a lease of `ttl`. Needs a transaction.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn register(&mut self, node_id: NodeId, lanes: u16, ttl: Duration) -> Result<Vec<LaneToken>, Error> {
        let now = self.at.tx()?.now();
        self.at.query(REGISTER).bind(now).bind(node_id).bind(micros(ttl)).execute().await?;
        let mut tokens = Vec::new();
        for lane in 0..lanes.max(1) {
            self.at
                .query("INSERT INTO lane(node_id, lane, incarnation, connection) VALUES ($1, $2, 1, 0)")
                .bind(node_id)
                .bind(lane)
                .execute()
                .await?;
            tokens.push(LaneToken { node_id, lane, incarnation: 1 });
        }
        self.at
            .query(
                "DELETE FROM node WHERE expires_at < $1 AND node_id <> $2 \
                 AND NOT EXISTS (SELECT 1 FROM shard WHERE shard.node_id = node.node_id)",
            )
            .bind(now.as_micros() - KEPT)
            .bind(node_id)
            .execute()
            .await?;
        Ok(tokens)
    }

    /// Extends the lease to `ttl` from now. `false` when it has run out or the node was taken over: its owner stops.
    /// Needs a transaction.
    ///
    /// # Errors
    /// [`Error`] of the database. The owner counts it as a lost lease, not as a message for the log.
    pub async fn renew(&mut self, node_id: NodeId, incarnation: i64, ttl: Duration) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let renewed =
            self.at.query(RENEW).bind(now).bind(micros(ttl)).bind(node_id).bind(incarnation).execute().await?;
        Ok(renewed == 1)
    }

    /// Whether nobody has taken over from this token's owner, and nobody does before the transaction ends: what an owner
    /// writes beside the journal. Needs a transaction.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn is_current(&mut self, token: LaneToken) -> Result<bool, Error> {
        self.at.tx()?;
        let LaneToken { node_id, lane, incarnation } = token;
        let query = self.at.query(CURRENT).bind(node_id).bind(lane).bind(incarnation);
        Ok(query.one(|row| row.get::<i64>("n")).await? == 1)
    }

    /// Gives up the lease at once, so that others need not wait for its end: for a node whose owners ended without being
    /// told to. Needs a transaction.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn release(&mut self, node_id: NodeId) -> Result<(), Error> {
        self.at.query("UPDATE node SET expires_at = 0 WHERE node_id = $1").bind(node_id).execute().await?;
        Ok(())
    }

    /// Gives up the lease and the shards, in order: nothing of its own can land after, and whoever takes the shards knows
    /// that no owner was lost. Needs a transaction.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn hand_over(&mut self, node_id: NodeId) -> Result<(), Error> {
        self.at.tx()?;
        self.fence(node_id).await
    }

    /// Takes every shard that has no owner, or whose owner's lease has run out. With `force` every other node counts
    /// as dead: on SQLite the data folder's lock proves it. Needs a transaction, and takes effect with its commit.
    ///
    /// Raising the incarnations waits for the commits that are under way, and none of the old owner's can land
    /// after. The node's own lease must be good; otherwise it takes nothing.
    ///
    /// Returns all shards that the node owns then, spread over `lanes`. Of those that it takes now it says which were free.
    ///
    /// # Errors
    /// [`Error`] of the database; `storage_busy` when a commit under way holds its lane for too long.
    pub async fn take_over(&mut self, node_id: NodeId, lanes: u16, force: bool) -> Result<Vec<OwnedShard>, Error> {
        let now = self.at.tx()?.now();
        let alive: i64 = self.at.query(ALIVE).bind(now).bind(node_id).one(|row| row.get("n")).await?;
        if alive == 0 {
            return Ok(Vec::new());
        }
        let dead: Vec<NodeId> =
            self.at.query(DEAD).bind(now).bind(node_id).bind(force).all(|row| row.get("node_id")).await?;
        let free: Vec<u16> =
            self.at.query("SELECT shard FROM shard WHERE node_id IS NULL").all(|row| row.get("shard")).await?;
        for dead in dead {
            self.fence(dead).await?;
        }
        self.at
            .query("UPDATE shard SET node_id = $1, lane = shard % $2 WHERE node_id IS NULL")
            .bind(node_id)
            .bind(lanes.max(1))
            .execute()
            .await?;
        let mut owned = self.shards(node_id).await?;
        for shard in &mut owned {
            shard.handed_over = free.contains(&shard.shard);
        }
        Ok(owned)
    }

    /// Ends a node: first the fence, then the shards.
    async fn fence(&mut self, node_id: NodeId) -> Result<(), Error> {
        for sql in [
            "UPDATE lane SET incarnation = incarnation + 1 WHERE node_id = $1",
            "UPDATE node SET incarnation = incarnation + 1, expires_at = 0 WHERE node_id = $1",
            "UPDATE shard SET node_id = NULL, lane = NULL WHERE node_id = $1",
        ] {
            self.at.query(sql).bind(node_id).execute().await?;
        }
        Ok(())
    }

    /// The shards of a node.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn shards(&mut self, node_id: NodeId) -> Result<Vec<OwnedShard>, Error> {
        self.at
            .query("SELECT shard, lane FROM shard WHERE node_id = $1 ORDER BY shard")
            .bind(node_id)
            .all(|row| Ok(OwnedShard { shard: row.get("shard")?, lane: row.get("lane")?, handed_over: false }))
            .await
    }

    /// The owner of a shard.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn owner_of(&mut self, shard: u16) -> Result<Option<NodeId>, Error> {
        let owner = self
            .at
            .query("SELECT node_id FROM shard WHERE shard = $1")
            .bind(shard)
            .optional(|row| row.get::<Option<NodeId>>("node_id"))
            .await?;
        Ok(owner.flatten())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}
