//! A takeover: one transaction, statement by statement, as [`Nodes::take_over`](crate::Nodes) sends them.

use super::State;
use super::owner::Owner;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Takeover {
    None,
    /// The own lease was good.
    Alive,
    /// The nodes whose lease had run out; the first one's lanes are raised one by one, the next of them is `lane`.
    Raising {
        dead: Vec<u8>,
        lane: u8,
    },
    /// All of the first one's lanes are raised; its shards are taken away.
    Freeing {
        dead: Vec<u8>,
    },
    /// What nobody owns is taken.
    Claiming,
    /// All that is left is to commit.
    Done,
}

impl State {
    /// The next statement. `false` when it waits.
    pub(super) fn take_over(&mut self, node: u8) -> bool {
        let at = usize::from(node);
        let next = match self.takeovers[at].clone() {
            // an owner of everything has no reason to, nor has one that knows that it has lost
            Takeover::None if self.owners[at][0] != Owner::StandsBy => return false,
            Takeover::None if self.leases[at] => Takeover::Alive,
            Takeover::None => return false,
            Takeover::Alive => {
                let all = (0..).zip(&self.leases);
                Self::raising(all.filter(|(other, good)| *other != node && !**good).map(|(other, _)| other).collect())
            }
            Takeover::Raising { dead, lane } => {
                let owner = dead[0];
                // a share lock of a commit under way, or another takeover
                let row = &self.lanes[usize::from(owner)][usize::from(lane)];
                if self.is_shared(owner, lane) || row.held_by.is_some_and(|by| by != node) {
                    return false;
                }
                self.lanes[usize::from(owner)][usize::from(lane)].held_by = Some(node);
                let lane = lane + 1;
                if usize::from(lane) < self.shards.len() {
                    Takeover::Raising { dead, lane }
                } else {
                    Takeover::Freeing { dead }
                }
            }
            Takeover::Freeing { mut dead } => {
                let owner = dead.remove(0);
                if !self.hold_shards(node, |held| held == Some(owner)) {
                    return false;
                }
                Self::raising(dead)
            }
            Takeover::Claiming => {
                if !self.hold_shards(node, |held| held.is_none()) {
                    return false;
                }
                Takeover::Done
            }
            Takeover::Done => {
                self.commit_takeover(node);
                Takeover::None
            }
        };
        self.takeovers[at] = next;
        true
    }

    pub(super) fn give_up(&mut self, node: u8) -> bool {
        let was = std::mem::replace(&mut self.takeovers[usize::from(node)], Takeover::None);
        self.unlock(node);
        was != Takeover::None
    }

    fn raising(dead: Vec<u8>) -> Takeover {
        if dead.is_empty() { Takeover::Claiming } else { Takeover::Raising { dead, lane: 0 } }
    }

    /// Updates the shards that match. `false` when one of them is held by another takeover: its end decides whether it
    /// matches.
    fn hold_shards(&mut self, node: u8, matches: impl Fn(Option<u8>) -> bool) -> bool {
        let matching = self.shards.iter_mut().filter(|shard| matches(shard.owner)).collect::<Vec<_>>();
        if matching.iter().any(|shard| shard.held_by.is_some_and(|by| by != node)) {
            return false;
        }
        for shard in matching {
            shard.held_by = Some(node);
        }
        true
    }

    /// Everything at once becomes visible, and the locks go. Shards that were freed are claimed in the same transaction.
    fn commit_takeover(&mut self, node: u8) {
        for lane in self.lanes.iter_mut().flatten().filter(|lane| lane.held_by == Some(node)) {
            // only whether it is the first matters
            lane.incarnation = 2;
        }
        for shard in self.shards.iter_mut().filter(|shard| shard.held_by == Some(node)) {
            shard.owner = Some(node);
        }
        self.unlock(node);
        if self.shards.iter().all(|shard| shard.owner == Some(node)) {
            self.owners[usize::from(node)].fill(Owner::connecting(None));
        }
    }

    fn unlock(&mut self, node: u8) {
        let lanes = self.lanes.iter_mut().flatten().map(|lane| &mut lane.held_by);
        let shards = self.shards.iter_mut().map(|shard| &mut shard.held_by);
        lanes.chain(shards).filter(|by| **by == Some(node)).for_each(|by| *by = None);
    }
}
