//! Leases and lanes in memory, decided by the journal's own clock as a database's would be.

use std::time::Duration;

use async_trait::async_trait;
use moltforge_types::execution::SHARDS;
use moltforge_types::{NodeId, Timestamp};

use super::{Data, Memory, Node};
use crate::error::Error;
use crate::journal::{LaneToken, Membership};
use crate::nodes::OwnedShard;

#[async_trait]
impl Membership for Memory {
    fn is_embedded(&self) -> bool {
        false
    }

    async fn register(&self, node_id: NodeId, lanes: u16, ttl: Duration) -> Result<Vec<LaneToken>, Error> {
        let expires_at = self.ambient.now().plus(ttl);
        let mut data = self.data();
        data.nodes.insert(node_id, Node { incarnation: 1, expires_at });
        let tokens: Vec<_> = (0..lanes.max(1)).map(|lane| LaneToken { node_id, lane, incarnation: 1 }).collect();
        for token in &tokens {
            data.lanes.insert((node_id, token.lane), token.incarnation);
        }
        Ok(tokens)
    }

    async fn renew(&self, node_id: NodeId, incarnation: i64, ttl: Duration) -> Result<bool, Error> {
        let now = self.ambient.now();
        let mut data = self.data();
        let node = data.nodes.get_mut(&node_id);
        let Some(node) = node.filter(|node| node.incarnation == incarnation && node.expires_at > now) else {
            return Ok(false);
        };
        node.expires_at = now.plus(ttl);
        Ok(true)
    }

    async fn release(&self, node_id: NodeId) -> Result<(), Error> {
        if let Some(node) = self.data().nodes.get_mut(&node_id) {
            node.expires_at = Timestamp::default();
        }
        Ok(())
    }

    async fn hand_over(&self, node_id: NodeId) -> Result<(), Error> {
        self.data().fence(node_id);
        Ok(())
    }

    async fn take_over(&self, node_id: NodeId, lanes: u16, force: bool) -> Result<Vec<OwnedShard>, Error> {
        let now = self.ambient.now();
        let mut data = self.data();
        let data = &mut *data;
        if data.nodes.get(&node_id).is_none_or(|node| node.expires_at <= now) {
            return Ok(Vec::new());
        }
        let free: Vec<u16> = (0..SHARDS).filter(|shard| !data.shards.contains_key(shard)).collect();
        let dead = data.nodes.iter().filter(|(id, node)| **id != node_id && (force || node.expires_at <= now));
        for dead in dead.map(|(id, _)| *id).collect::<Vec<_>>() {
            data.fence(dead);
        }
        for shard in 0..SHARDS {
            data.shards.entry(shard).or_insert((node_id, shard % lanes.max(1)));
        }
        let owned = data.shards.iter().filter(|(_, (owner, _))| *owner == node_id);
        let owned = owned.map(|(shard, (_, lane))| {
            let handed_over = free.contains(shard);
            OwnedShard { shard: *shard, lane: *lane, handed_over }
        });
        Ok(owned.collect())
    }
}

impl Data {
    /// Ends a node: its lanes, its lease, its shards.
    fn fence(&mut self, node_id: NodeId) {
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        node.incarnation += 1;
        node.expires_at = Timestamp::default();
        for (_, incarnation) in self.lanes.range_mut((node_id, 0)..=(node_id, u16::MAX)) {
            *incarnation += 1;
        }
        self.shards.retain(|_, (owner, _)| *owner != node_id);
    }
}
