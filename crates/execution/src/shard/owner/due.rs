//! Executions that want attention without being asked: after a start of the node, and when their time comes.

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::LiveExecution;
use moltforge_types::execution::State;

use super::Owner;
use super::requests::LOST;
use crate::engine::{Command, Spec};
use crate::error::Error;
use crate::fairness::{Claimant, Entry};
use crate::mutation::{Mutation, mutated};
use crate::shard::hot;
use crate::shard::message::{Asker, Event};
use crate::shard::shared::Shared;
use crate::shard::specs::VersionRef;
use crate::shard::timers::{HORIZON, REFILL};

/// Rows read at a time.
const PAGE: u32 = 1_000;
/// Rows that are read at a time because their time comes, at most once a second: more than a node can wake in one.
const DUE_PAGE: u32 = 10_000;
/// Executions that are read at the same time because their time has come. The rest waits here: everybody else reads
/// through the same few connections.
const LOADS: usize = 32;
/// Executions wait so long at most for what was there before to be known: a row that cannot be read must not stop all.
const LONGEST: Duration = Duration::from_secs(10);

impl Owner {
    /// Looks for everything that an owner before left behind. Suspended executions without a near wake-up stay rows.
    pub(super) fn recover(&self) {
        let (shared, events, shards) = (self.shared.clone(), self.events_in.clone(), self.shards.clone());
        tokio::spawn(async move {
            // whatever was running keeps its slots and keys, and what is ready keeps its order: all of it is known before
            // anything else begins
            let scan = async {
                let shards = runnable_shards(&shared, &shards).await;
                for what in [What::Lost, What::Ready] {
                    for shard in shards.iter().filter(|_| !mutated(Mutation::NoRecovery)) {
                        look(&shared, *shard, what, |event| events.send(event).is_ok()).await;
                    }
                }
            };
            tokio::pin!(scan);
            let whole = tokio::time::timeout(LONGEST, &mut scan).await.is_ok();
            // an owner that has ended needs no answer
            let _ = events.send(Event::AllKnown);
            if !whole {
                tracing::warn!("what was there before is not known yet: executions begin all the same");
                scan.await;
            }
        });
        self.look_ahead();
    }

    /// Wakes what is due, and looks ahead from time to time.
    pub(super) fn wake_due(&mut self) {
        if self.draining.is_some() {
            return;
        }
        let now = self.shared.ambient.now();
        while self.may_wake()
            && let Some((project_id, id)) = self.timers.take_due(now)
        {
            if !self.hot.contains_key(&id) {
                self.waking.insert(id);
            }
            self.apply_or_load(project_id, id, Command::Wake, Asker::Nobody);
        }
        if self.refill_at <= now {
            self.refill_at = now.plus(REFILL);
            self.look_ahead();
        }
    }

    /// Whether there is room for another one whose time has come: in the batch, and among those that are read.
    pub(super) fn may_wake(&self) -> bool {
        !self.forming.is_full() && self.waking.len() < LOADS
    }

    fn look_ahead(&self) {
        if mutated(Mutation::NoLookAhead) {
            return;
        }
        let (shared, events, shards) = (self.shared.clone(), self.events_in.clone(), self.shards.clone());
        let until = shared.ambient.now().plus(HORIZON);
        tokio::spawn(async move {
            let event = match shared.journal.reads().due(&shards, until, DUE_PAGE).await {
                Ok(rows) => Event::Due { more: rows.len() == DUE_PAGE as usize, rows },
                Err(error) => {
                    tracing::warn!(%error, "cannot look for due executions, trying again");
                    Event::DueFailed
                }
            };
            // an owner that has ended needs no answer
            let _ = events.send(event);
        });
    }

    /// What ran when its owner was lost is claimed again, in the slot that it had.
    pub(super) fn lost_rows(&mut self, rows: Vec<(LiveExecution, Arc<Claimant>)>) {
        for (row, claimant) in rows {
            let (project_id, id) = (row.project_id, row.execution_id);
            // what is in memory knows better than its row, and was claimed when it was read
            if self.hot.contains_key(&id) {
                continue;
            }
            self.admitted.insert(id, self.shared.fairness.run(&claimant));
            self.apply_or_load(project_id, id, LOST, Asker::Nobody);
        }
    }

    /// What was ready gets in line again.
    pub(super) fn ready_rows(&mut self, rows: Vec<(LiveExecution, Arc<Claimant>)>) {
        for (row, claimant) in rows {
            if self.hot.contains_key(&row.execution_id) {
                continue;
            }
            if row.columns.state != State::Scheduled {
                self.due_row(&row);
                continue;
            }
            self.shared.fairness.push(Entry {
                claimant,
                priority: row.priority,
                begun: row.columns.attempt > 0,
                lane: self.token.lane,
                since: row.updated_at,
            });
        }
    }

    pub(super) fn due_rows(&mut self, rows: &[LiveExecution], more: bool) {
        let now = self.shared.ambient.now();
        if more {
            // more than a page is due soon: look again when the last of these has come
            let next = rows.last().and_then(|row| row.columns.wake_at).unwrap_or(now);
            self.refill_at = next.max(now.plus(super::MAX_SLEEP));
        }
        for row in rows.iter().filter(|row| !self.hot.contains_key(&row.execution_id)).collect::<Vec<_>>() {
            self.due_row(row);
        }
    }

    fn due_row(&mut self, row: &LiveExecution) {
        let (project_id, id) = (row.project_id, row.execution_id);
        // one that is being read already has its turn
        if !self.waiting.contains_key(&(project_id, id)) {
            self.timers.set(project_id, id, row.columns.wake_at, self.shared.ambient.now());
        }
    }
}

/// Which rows of a recovery.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Those that ran.
    Lost,
    /// Those that are ready, or back off.
    Ready,
}

/// Those of an owner's shards in which there is something to find.
async fn runnable_shards(shared: &Shared, own: &[u16]) -> Vec<u16> {
    loop {
        match shared.journal.reads().runnable_shards().await {
            Ok(shards) => return shards.into_iter().filter(|shard| own.contains(shard)).collect(),
            Err(error) => {
                tracing::warn!(%error, "cannot look for executions to recover, trying again");
                tokio::time::sleep(super::MAX_SLEEP).await;
            }
        }
    }
}

/// Reads the rows of one shard. Nothing may be left behind: what cannot be read is tried again.
async fn look(node: &Shared, shard: u16, what: What, send: impl Fn(Event) -> bool) {
    let mut after = None;
    loop {
        match page(node, shard, what, after).await {
            Ok((rows, last, next)) => {
                after = next;
                let event = match what {
                    What::Lost => Event::Lost { rows },
                    What::Ready => Event::Ready { rows },
                };
                if !send(event) || last {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look for executions to recover, trying again");
                tokio::time::sleep(super::MAX_SLEEP).await;
            }
        }
    }
}

type Rows = Vec<(LiveExecution, Arc<Claimant>)>;
type Id = moltforge_types::ExecutionId;

async fn page(node: &Shared, shard: u16, what: What, after: Option<Id>) -> Result<(Rows, bool, Option<Id>), Error> {
    let found = node.journal.reads().runnable(shard, after, PAGE).await?;
    let (last, next) = (found.len() < PAGE as usize, found.last().map(|row| row.execution_id));
    let mut rows = Vec::new();
    for row in found {
        if (row.columns.state == State::Running) == (what == What::Lost) {
            let claimant = claimant(node, &row).await?;
            rows.push((row, claimant));
        }
    }
    Ok((rows, last, next))
}

/// Who the execution of a row is: its version says what limits it.
async fn claimant(shared: &Shared, row: &LiveExecution) -> Result<Arc<Claimant>, Error> {
    let (project_id, agent_id) = (row.project_id, row.agent_id);
    let of = VersionRef { project_id, agent_id, version_id: row.version_id, version: row.version };
    let spec = match shared.specs.get(shared.journal.reads(), of).await? {
        Ok(spec) => spec,
        // it is held as soon as it begins
        Err(error) => Spec::missing(project_id, agent_id, row.version_id, row.version, "", error),
    };
    Ok(Arc::new(hot::claimant(row.execution_id, &spec, row.concurrency_key.as_deref())))
}
