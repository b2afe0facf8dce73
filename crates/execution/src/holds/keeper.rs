//! The keeper of a node's holds: makes them durable, known to the owners, and sees their sweeps through.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use moltforge_store::{Hold as Row, LaneToken, Store};
use moltforge_types::execution::{HoldMode, State};
use moltforge_types::{Actor, AgentId, ExecutionId, ProjectId};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::engine::Command;
use crate::error::Error;
use crate::holds::PATIENCE;
use crate::mutation::{Mutation, mutated};
use crate::shard::message::Request;
use crate::shard::router::{COMMIT_TIMEOUT, Router};
use crate::shard::shared::Shared;
use crate::shard::supervisor::{Readiness, Supervisor};

/// Ids read at a time, and commands on their way at a time.
const PAGE: u32 = 500;
const PARALLEL: usize = 64;
/// How often the rows are read again: a node that lost its shards may have written one after they were read here.
const AGAIN: Duration = Duration::from_secs(3);

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) project_id: ProjectId,
    /// `None`: the whole project.
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) mode: HoldMode,
    pub(crate) note: Option<String>,
    pub(crate) actor: Actor,
}

/// Where holds and what they hold are written down.
#[async_trait]
pub(crate) trait Book: Send + Sync {
    /// Every hold of every project.
    async fn all(&self) -> Result<Vec<Row>, Error>;
    /// Sets a hold, in place of one that is there, as the owner with this token: [`Error::ShardUnowned`] once somebody
    /// has taken over from it, [`Error::Killed`] when a pause would take the place of a kill switch.
    async fn set(&self, change: &Change, token: LaneToken) -> Result<(), Error>;
    /// Takes the mark of a lifted hold away, unless somebody has held it again, as the owner with this token.
    async fn forget(&self, project_id: ProjectId, agent_id: Option<AgentId>, token: LaneToken) -> Result<(), Error>;
    /// Executions in a state, after `after`, at most `limit`.
    async fn ids_in(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        state: State,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error>;
}

#[async_trait]
impl Book for Store {
    async fn all(&self) -> Result<Vec<Row>, Error> {
        Ok(self.all_holds().all().await?)
    }

    async fn set(&self, change: &Change, token: LaneToken) -> Result<(), Error> {
        let Change { project_id, agent_id, mode, note, actor } = change;
        let action = match mode {
            HoldMode::Pause => "hold.paused",
            HoldMode::Kill => "hold.killed",
            HoldMode::Release => "hold.lifted",
        };
        let mut tx = self.begin().await?;
        if !tx.nodes().is_current(token).await? {
            return Err(Error::ShardUnowned);
        }
        if *mode == HoldMode::Pause {
            check_no_kill(&tx.holds(*project_id).list().await?, *agent_id)?;
        }
        tx.holds(*project_id).set(*agent_id, *mode, note.as_deref(), *actor).await?;
        let subject = agent_id.map_or_else(|| project_id.to_string(), |id| id.to_string());
        tx.changes(*project_id).insert(*actor, action, subject, &json!({ "note": note })).await?;
        Ok(tx.commit().await?)
    }

    async fn forget(&self, project_id: ProjectId, agent_id: Option<AgentId>, token: LaneToken) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        if !tx.nodes().is_current(token).await? {
            return Err(Error::ShardUnowned);
        }
        let still = tx.holds(project_id).list().await?;
        if still.iter().any(|row| row.agent_id == agent_id && row.mode == HoldMode::Release) {
            tx.holds(project_id).lift(agent_id).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn ids_in(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        state: State,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error> {
        Ok(self.executions(project_id).ids_in(state, agent_id, after, limit).await?)
    }
}

/// A kill switch ends when somebody lifts it, and not by a pause in its place.
pub(crate) fn check_no_kill(rows: &[Row], agent_id: Option<AgentId>) -> Result<(), Error> {
    match rows.iter().any(|row| row.agent_id == agent_id && row.mode == HoldMode::Kill) {
        true if agent_id.is_some() => Err(Error::Killed("the agent")),
        true => Err(Error::Killed("the project")),
        false => Ok(()),
    }
}

/// The states in which a hold finds what it stops.
fn stopped_by(mode: HoldMode) -> &'static [State] {
    match mode {
        // what is suspended holds no compute: it is held when it would go on
        HoldMode::Pause => &[State::Running, State::Scheduled, State::BackingOff],
        _ => &[State::Running, State::Scheduled, State::BackingOff, State::Suspended, State::Paused],
    }
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Executions that took the command.
    pub(crate) taken: u64,
    /// Some could not be reached.
    pub(crate) missed: bool,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) supervisor: Supervisor,
    pub(crate) book: Arc<dyn Book>,
}

impl Keeper {
    /// Holds an agent or a project. When this is answered, nothing of it begins; what is at work is stopped by the sweep
    /// that goes on.
    pub(crate) async fn hold(&self, change: Change) -> Result<JoinHandle<Swept>, Error> {
        self.write(&change).await?;
        let this = self.clone();
        Ok(tokio::spawn(async move {
            let swept = this.sweep(change.project_id, change.agent_id, stopped_by(change.mode), Command::Hold).await;
            if swept.missed {
                this.shared.holds.unfinished();
            }
            swept
        }))
    }

    /// Lifts a hold; what it paused goes on by the sweep.
    ///
    /// # Errors
    /// [`Error::KillUnfinished`] while a kill switch has not reached everything.
    pub(crate) async fn lift(&self, change: Change) -> Result<JoinHandle<Swept>, Error> {
        if self.shared.holds.mode_of(change.project_id, change.agent_id) == Some(HoldMode::Kill) {
            let killed = tokio::time::timeout(PATIENCE, self.kill_all(change.project_id, change.agent_id)).await;
            killed.map_err(|_| Error::KillUnfinished)??;
        }
        // a mark until the sweep has ended: a crash in between loses nobody
        let change = Change { mode: HoldMode::Release, note: None, ..change };
        self.write(&change).await?;
        let (this, by) = (self.clone(), change.actor.to_string());
        Ok(tokio::spawn(async move { this.release(change.project_id, change.agent_id, by).await }))
    }

    /// Reaches what the sweep of a kill switch has not reached yet, while it stands: once it is lifted nothing would stop it.
    async fn kill_all(&self, project_id: ProjectId, agent_id: Option<AgentId>) -> Result<(), Error> {
        // what was accepted a moment before the kill may have no row yet
        self.supervisor.barrier().await?;
        let swept = self.sweep(project_id, agent_id, stopped_by(HoldMode::Kill), Command::Hold).await;
        if swept.missed { Err(Error::KillUnfinished) } else { Ok(()) }
    }

    /// For as long as the node works: sees through what an owner before began, or what could not be reached, and learns of
    /// holds that another node wrote late.
    pub(crate) async fn keep(self) {
        loop {
            self.supervisor.ready().await;
            self.shared.holds.unfinished();
            loop {
                match self.supervisor.readiness() {
                    Readiness::Stopping => return,
                    Readiness::Starting => break,
                    Readiness::Ready | Readiness::Failing(_) => {}
                }
                if self.shared.holds.take_unfinished() && !self.finish().await {
                    self.shared.holds.unfinished();
                }
                tokio::time::sleep(AGAIN).await;
                if let Err(error) = self.shared.holds.read(async { self.book.all().await }).await {
                    tracing::warn!(%error, "cannot read the holds, trying again");
                }
            }
        }
    }

    /// Sees holds and releases through whose sweep did not end. Whether all of it is done.
    async fn finish(&self) -> bool {
        if mutated(Mutation::NoReleaseAfterCrash) {
            return true;
        }
        let rows = match self.book.all().await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "cannot read the holds to finish their sweeps");
                return false;
            }
        };
        let mut done = true;
        for row in rows {
            let (project_id, agent_id) = (row.project_id, row.agent_id);
            let swept = match row.mode {
                HoldMode::Release => self.release(project_id, agent_id, row.actor).await,
                mode => self.sweep(project_id, agent_id, stopped_by(mode), Command::Hold).await,
            };
            done &= !swept.missed;
        }
        done
    }

    /// Lets what a hold paused go on. The mark stays until all of it does.
    async fn release(&self, project_id: ProjectId, agent_id: Option<AgentId>, by: String) -> Swept {
        let holds = &self.shared.holds;
        let (changes, token) = (holds.changes_of((project_id, agent_id)), self.supervisor.token());
        // what was held a moment ago may be on its way to the disk, and its row still says that it runs
        let mut swept = match self.supervisor.barrier().await {
            Ok(()) => self.sweep(project_id, agent_id, &[State::Paused], Command::Release { by }).await,
            Err(_) => Swept { missed: true, ..Swept::default() },
        };
        if !swept.missed {
            let _alone = holds.changing.lock().await;
            // else the mark is that of a later lift, which has a sweep of its own
            if holds.changes_of((project_id, agent_id)) == changes {
                let forgotten = match token {
                    Ok(token) => self.book.forget(project_id, agent_id, token).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = forgotten {
                    tracing::warn!(%error, "a lifted hold stays marked for now");
                    swept.missed = true;
                }
            }
        }
        if swept.missed {
            self.shared.holds.unfinished();
        }
        swept
    }

    /// Applies a command to everything in these states.
    async fn sweep(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        states: &[State],
        command: Command,
    ) -> Swept {
        let mut swept = Swept::default();
        for state in states {
            let mut after = None;
            loop {
                let ids = match self.book.ids_in(project_id, agent_id, *state, after, PAGE).await {
                    Ok(ids) => ids,
                    Err(_) if self.supervisor.is_stopping() => {
                        return Swept { missed: true, ..swept };
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot read what a hold stops, trying again");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                after = ids.last().copied().or(after);
                let full = ids.len() == PAGE as usize;
                let mut taken = futures::stream::iter(ids)
                    .map(|id| self.apply_until_taken(project_id, id, command.clone()))
                    .buffer_unordered(PARALLEL);
                while let Some(taken) = taken.next().await {
                    swept.taken += u64::from(taken == Some(true));
                    swept.missed |= taken.is_none();
                }
                if !full {
                    break;
                }
            }
        }
        swept
    }

    /// Whether an execution took a command; `None` when it could not be reached. One that has just ended needs none.
    async fn apply_until_taken(&self, project_id: ProjectId, id: ExecutionId, command: Command) -> Option<bool> {
        let releases = matches!(command, Command::Release { .. });
        for _ in 0..5 {
            match self.apply(project_id, id, command.clone()).await {
                // what is paused for another reason stays so
                Ok(state) => return Some(!(releases && state == State::Paused.as_str())),
                Err(Error::ExecutionEnded(_) | Error::ExecutionNotFound(_) | Error::ExecutionStopping(_)) => {
                    return Some(false);
                }
                Err(error) => {
                    tracing::debug!(execution_id = %id, %error, "a hold did not reach an execution yet");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        tracing::warn!(execution_id = %id, "a hold did not reach an execution");
        None
    }

    async fn apply(&self, project_id: ProjectId, id: ExecutionId, command: Command) -> Result<String, Error> {
        let row = self.shared.journal.reads().execution(project_id, id).await?;
        let row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
        let make = |reply| Request::Apply { project_id, execution_id: id, command, known: None, reply };
        Router::new(self.supervisor.clone()).ask_within(row.shard, COMMIT_TIMEOUT, make).await.map(|view| view.state)
    }

    /// Makes a hold durable and known to the owners, which are here. Whoever takes over reads the row: it is written under
    /// the fence of this term.
    async fn write(&self, change: &Change) -> Result<(), Error> {
        let holds = &self.shared.holds;
        let _alone = holds.changing.lock().await;
        self.book.set(change, self.supervisor.token()?).await?;
        let stands = Some(change.mode).filter(|mode| *mode != HoldMode::Release);
        holds.set(change.project_id, change.agent_id, stands, self.shared.ambient.now());
        Ok(())
    }
}
