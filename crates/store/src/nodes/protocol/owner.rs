//! The owner of a lane and its commits, as the journal on PostgreSQL makes them.

use super::{Entry, Protocol, State};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    StandsBy,
    /// Opens a connection and makes it the lane's only one. An entry whose answer was lost is looked for after that.
    Connecting {
        pending: Option<u8>,
    },
    /// Looks for the entry, when its fate is not known, and for the end of the journal.
    Reading {
        connection: u8,
        pending: Option<u8>,
        unknown: bool,
    },
    Ready {
        connection: u8,
        next: usize,
        pending: Option<u8>,
        written: u8,
    },
    /// A statement is on its way.
    Waiting {
        connection: u8,
        entry: u8,
    },
    /// It knows that it was taken over.
    Stopped,
}

impl Owner {
    pub(super) fn ready(connection: u8, next: usize) -> Self {
        Self::Ready { connection, next, pending: None, written: 0 }
    }

    pub(super) fn connecting(pending: Option<u8>) -> Self {
        Self::Connecting { pending }
    }
}

/// A commit inside the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Statement {
    node: u8,
    lane: u8,
    connection: u8,
    entry: u8,
    lsn: usize,
    /// It has seen its lane's row as it must be; it holds the share lock when the protocol has it.
    passed: bool,
    /// Nobody waits for its answer.
    orphan: bool,
    locks: bool,
}

impl State {
    /// Whether a commit under way holds a lane's row.
    pub(super) fn is_shared(&self, node: u8, lane: u8) -> bool {
        let mut all = self.statements.iter();
        all.any(|statement| statement.locks && statement.passed && (statement.node, statement.lane) == (node, lane))
    }

    fn owner(&mut self, node: u8, lane: u8) -> &mut Owner {
        &mut self.owners[usize::from(node)][usize::from(lane)]
    }

    /// The next thing that an owner does. `false` when it waits.
    pub(super) fn own(&mut self, protocol: &Protocol, node: u8, lane: u8) -> bool {
        let next = match self.owner(node, lane).clone() {
            Owner::StandsBy | Owner::Waiting { .. } | Owner::Stopped => return false,
            Owner::Connecting { pending } => {
                let shared = self.is_shared(node, lane);
                let row = &mut self.lanes[usize::from(node)][usize::from(lane)];
                if shared || row.held_by.is_some() {
                    return false;
                }
                if row.incarnation == 1 {
                    row.connection += u8::from(protocol.counts_connections);
                    Owner::Reading { connection: row.connection, pending, unknown: pending.is_some() }
                } else {
                    Owner::Stopped
                }
            }
            Owner::Reading { connection, pending, unknown } => {
                let journal = &self.shards[usize::from(lane)].journal;
                let landed = pending.filter(|entry| unknown && journal.contains(&(node, *entry)));
                let next = journal.len() + 1;
                if let Some(entry) = landed {
                    self.acknowledge(lane, (node, entry));
                }
                let written = pending.unwrap_or(0);
                Owner::Ready { connection, next, pending: pending.filter(|_| landed.is_none()), written }
            }
            Owner::Ready { connection, next, pending, written } => {
                let entry = pending.unwrap_or(written + 1);
                if entry > protocol.entries {
                    return false;
                }
                let (locks, lsn) = (protocol.locks, next);
                let statement = Statement { node, lane, connection, entry, lsn, passed: false, orphan: false, locks };
                self.statements.push(statement);
                self.statements.sort_unstable();
                Owner::Waiting { connection, entry }
            }
        };
        *self.owner(node, lane) = next;
        true
    }

    pub(super) fn cut(&mut self, node: u8, lane: u8) -> bool {
        let Owner::Waiting { entry, .. } = *self.owner(node, lane) else { return false };
        if self.cuts == 0 {
            return false;
        }
        self.cuts -= 1;
        let mine = |statement: &&mut Statement| !statement.orphan && (statement.node, statement.lane) == (node, lane);
        self.statements.iter_mut().filter(mine).for_each(|statement| statement.orphan = true);
        self.statements.sort_unstable();
        *self.owner(node, lane) = Owner::connecting(Some(entry));
        true
    }

    /// First the fence, then everything else and the commit. `false` when it waits for the lane's row.
    pub(super) fn execute(&mut self, at: usize) -> bool {
        let statement = self.statements[at].clone();
        let row = &self.lanes[usize::from(statement.node)][usize::from(statement.lane)];
        if !statement.passed {
            // without the lock it reads the row as it was before the update that is under way
            if statement.locks && row.held_by.is_some() {
                return false;
            }
            if row.incarnation == 1 && row.connection == statement.connection {
                self.statements[at].passed = true;
                self.statements.sort_unstable();
            } else {
                self.statements.remove(at);
                self.answer(&statement, |_| Owner::Stopped);
            }
            return true;
        }
        self.statements.remove(at);
        let shard = &mut self.shards[usize::from(statement.lane)];
        let (entry, connection) = (statement.entry, statement.connection);
        if statement.lsn <= shard.journal.len() {
            // the primary key: somebody else wrote that number, the counters are read again
            self.answer(&statement, |_| Owner::Reading { connection, pending: Some(entry), unknown: false });
            return true;
        }
        self.late |= shard.owner != Some(statement.node);
        self.gap |= statement.lsn != shard.journal.len() + 1;
        shard.journal.push((statement.node, entry));
        let next = statement.lsn + 1;
        self.answer(&statement, |state| {
            state.acknowledge(statement.lane, (statement.node, entry));
            Owner::Ready { connection, next, pending: None, written: entry }
        });
        true
    }

    /// Tells the owner, when it still waits.
    fn answer(&mut self, statement: &Statement, owner: impl FnOnce(&mut Self) -> Owner) {
        if !statement.orphan {
            let next = owner(self);
            *self.owner(statement.node, statement.lane) = next;
        }
    }

    fn acknowledge(&mut self, shard: u8, entry: Entry) {
        self.acknowledged.push((shard, entry));
        self.acknowledged.sort_unstable();
    }
}
