//! Holds of agents and projects: pause and kill switch.
//!
//! The row is durable first, then every owner of this node knows (nothing that is held begins from here), then what is at
//! work is stopped. A crash in between loses nothing: owners read the rows before they begin, and whoever asked may go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use moltforge_api::holds::{Hold as View, HoldReceipt};
use moltforge_store::Hold as Row;
use moltforge_types::execution::{HoldMode, State};
use moltforge_types::{AgentId, ExecutionId, Principal, ProjectId};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::engine::{Command, Hold, HoldOf};
use crate::error::Error;
use crate::executions::{Executions, check_note};
use crate::shard::supervisor::Readiness;

/// How long a request waits for everything to stop; the rest goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ids read at a time, and commands on their way at a time.
const PAGE: u32 = 500;
const PARALLEL: usize = 64;
/// How often the rows are read again: a node that lost its shards may have written one after they were read here.
const AGAIN: Duration = Duration::from_secs(3);

/// After this long, what was on its way into a hold when it was lifted is durable, or is told so by its owner.
const SETTLED: Duration = Duration::from_secs(2);

/// What a command did to many executions.
#[derive(Default, PartialEq, Eq)]
struct Swept {
    /// Executions that took it.
    taken: u64,
    /// Executions that could not be reached.
    missed: u64,
}

/// What stands, as the owners of this node know it.
#[derive(Default)]
pub(crate) struct Holds {
    /// Number of holds: nearly always zero, and asked at every command.
    count: AtomicUsize,
    standing: RwLock<HashMap<(ProjectId, Option<AgentId>), HoldMode>>,
    /// Held from a row's change until it is known here: rows and memory change in the same order.
    changing: Mutex<()>,
}

impl Holds {
    /// What holds an agent's executions. A kill switch comes before a pause.
    pub(crate) fn of(&self, project_id: ProjectId, agent_id: AgentId) -> Option<Hold> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let standing = self.standing.read().unwrap_or_else(PoisonError::into_inner);
        let agent = standing.get(&(project_id, Some(agent_id))).map(|mode| Hold { of: HoldOf::Agent, mode: *mode });
        let project = standing.get(&(project_id, None)).map(|mode| Hold { of: HoldOf::Project, mode: *mode });
        [project, agent].into_iter().flatten().max_by_key(|hold| hold.mode == HoldMode::Kill)
    }

    /// Whether new executions are taken.
    pub(crate) fn takes_starts(&self, project_id: ProjectId, agent_id: AgentId) -> Result<(), Error> {
        match self.of(project_id, agent_id) {
            Some(Hold { of, mode: HoldMode::Kill }) => Err(Error::Killed(match of {
                HoldOf::Agent => "the agent",
                HoldOf::Project => "the project",
            })),
            _ => Ok(()),
        }
    }

    /// Everything that stands, as the rows say.
    pub(crate) fn replace(&self, rows: &[Row]) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        standing.clear();
        standing.extend(rows.iter().filter(|row| stands(row)).map(|row| ((row.project_id, row.agent_id), row.mode)));
        self.count.store(standing.len(), Ordering::Release);
    }

    fn set(&self, project_id: ProjectId, agent_id: Option<AgentId>, mode: Option<HoldMode>) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        match mode {
            Some(mode) => standing.insert((project_id, agent_id), mode),
            None => standing.remove(&(project_id, agent_id)),
        };
        self.count.store(standing.len(), Ordering::Release);
    }
}

fn stands(row: &Row) -> bool {
    row.mode != HoldMode::Release
}

impl Executions {
    /// The holds of a project.
    pub async fn holds(&self, project_id: ProjectId) -> Result<Vec<View>, Error> {
        let rows = self.store.holds(project_id).list().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| stands(row)) {
            let agent = match row.agent_id {
                Some(id) => self.store.agents(project_id).find(id).await?.map(|agent| agent.name.to_string()),
                None => None,
            };
            views.push(View {
                agent_id: row.agent_id.map(|id| id.to_string()),
                agent,
                mode: row.mode.to_string(),
                note: row.note.clone(),
                actor: row.actor.clone(),
                created_at: row.created_at.to_string(),
            });
        }
        Ok(views)
    }

    /// Holds an agent, or with `None` the whole project, and stops what is at work there.
    pub async fn hold(
        &self,
        principal: &Principal,
        agent: Option<&str>,
        mode: HoldMode,
        note: Option<String>,
    ) -> Result<HoldReceipt, Error> {
        check_note(note.as_ref())?;
        let began = Instant::now();
        let agent_id = self.held_agent(principal.project_id, agent).await?;
        let (this, principal) = (self.clone(), principal.clone());
        let swept = seen_through(async move {
            let action = if mode == HoldMode::Kill { "hold.killed" } else { "hold.paused" };
            this.write_hold(&principal, agent_id, mode, note.as_deref(), action).await?;
            let states: &[State] = match mode {
                // what is suspended holds no compute: it is held when it would go on
                HoldMode::Pause => &[State::Running, State::Scheduled, State::BackingOff],
                _ => &[State::Running, State::Scheduled, State::BackingOff, State::Suspended, State::Paused],
            };
            let sweep = this.sweep(principal.project_id, agent_id, states, Command::Hold);
            Ok::<_, Error>(tokio::spawn(async move { sweep.await.taken }))
        });
        Ok(receipt(swept.await?, began).await)
    }

    /// Lifts a hold; what it paused goes on.
    pub async fn lift(&self, principal: &Principal, agent: Option<&str>) -> Result<HoldReceipt, Error> {
        let began = Instant::now();
        let agent_id = self.held_agent(principal.project_id, agent).await?;
        let rows = self.store.holds(principal.project_id).list().await?;
        if !rows.iter().any(|row| row.agent_id == agent_id && stands(row)) {
            return Err(Error::NotHeld);
        }
        let (this, principal) = (self.clone(), principal.clone());
        let swept = seen_through(async move {
            // a mark until the sweep has ended: a crash in between loses nobody
            this.write_hold(&principal, agent_id, HoldMode::Release, None, "hold.lifted").await?;
            Ok::<_, Error>(tokio::spawn(this.release(principal.project_id, agent_id, principal.actor.to_string())))
        });
        Ok(receipt(swept.await?, began).await)
    }

    /// For as long as the node works: sees through what an owner before began, and learns of holds that it wrote late.
    pub(crate) async fn keep_holds(self) {
        loop {
            self.ready().await;
            self.clone().finish_sweeps().await;
            loop {
                match self.readiness() {
                    Readiness::Stopping => return,
                    Readiness::Starting => break,
                    Readiness::Ready | Readiness::Failing(_) => {}
                }
                tokio::time::sleep(AGAIN).await;
                if let Err(error) = self.read_holds().await {
                    tracing::warn!(%error, "cannot read the holds, trying again");
                }
            }
        }
    }

    async fn read_holds(&self) -> Result<(), Error> {
        let _alone = self.shared.holds.changing.lock().await;
        self.shared.holds.replace(&self.store.all_holds().all().await?);
        Ok(())
    }

    /// Sees through what a process before began: kill switches and releases whose sweep it did not end.
    async fn finish_sweeps(self) {
        let rows = match self.store.all_holds().all().await {
            Ok(rows) => rows,
            Err(error) => return tracing::warn!(%error, "cannot read the holds to finish their sweeps"),
        };
        for row in rows {
            let (project_id, agent_id) = (row.project_id, row.agent_id);
            match row.mode {
                HoldMode::Release => {
                    self.clone().release(project_id, agent_id, row.actor).await;
                }
                HoldMode::Kill => {
                    self.sweep(project_id, agent_id, &[State::Suspended, State::Paused], Command::Hold).await;
                }
                HoldMode::Pause => {}
            }
        }
    }

    /// Lets what was held go on. Its mark goes once nothing is left that still has to: an execution may be on its way into
    /// the hold while this looks.
    async fn release(self, project_id: ProjectId, agent_id: Option<AgentId>, by: String) -> u64 {
        let release = Command::Release { by };
        let resumed = self.sweep(project_id, agent_id, &[State::Paused], release.clone()).await.taken;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SETTLED).await;
                if self.readiness() == Readiness::Stopping {
                    // the next owner goes on
                    return;
                }
                let rest = self.sweep(project_id, agent_id, &[State::Paused], release.clone()).await;
                if rest == Swept::default() {
                    break;
                }
            }
            if let Err(error) = self.end_release(project_id, agent_id).await {
                tracing::warn!(%error, "a lifted hold stays marked until the next start");
            }
        });
        resumed
    }

    async fn end_release(&self, project_id: ProjectId, agent_id: Option<AgentId>) -> Result<(), Error> {
        let _alone = self.shared.holds.changing.lock().await;
        let mut tx = self.store.begin().await?;
        let still = tx.holds(project_id).list().await?;
        // somebody may have held it again
        if still.iter().any(|row| row.agent_id == agent_id && row.mode == HoldMode::Release) {
            tx.holds(project_id).lift(agent_id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Applies a command to everything in these states.
    fn sweep(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        states: &'static [State],
        command: Command,
    ) -> impl Future<Output = Swept> + Send + 'static {
        let this = self.clone();
        async move {
            let mut swept = Swept::default();
            for state in states {
                let mut after = None;
                loop {
                    let page = this.store.executions(project_id).ids_in(*state, agent_id, after, PAGE).await;
                    let ids = match page {
                        Ok(ids) => ids,
                        Err(error) => {
                            tracing::warn!(%error, "cannot read what a hold stops, trying again");
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            continue;
                        }
                    };
                    after = ids.last().copied().or(after);
                    let full = ids.len() == PAGE as usize;
                    let taken = futures::stream::iter(ids)
                        .map(|id| this.apply_until_taken(project_id, id, command.clone()))
                        .buffer_unordered(PARALLEL);
                    let answers = taken.collect::<Vec<_>>().await;
                    swept.taken += answers.iter().filter(|taken| **taken == Some(true)).count() as u64;
                    swept.missed += answers.iter().filter(|taken| taken.is_none()).count() as u64;
                    if !full {
                        break;
                    }
                }
            }
            swept
        }
    }

    /// Whether an execution took a command; one that has just ended, or goes on already, needs none. `None` when it could not
    /// be reached.
    async fn apply_until_taken(&self, project_id: ProjectId, id: ExecutionId, command: Command) -> Option<bool> {
        let releases = matches!(command, Command::Release { .. });
        for _ in 0..5 {
            match self.apply(project_id, id, command.clone()).await {
                // what is paused for another reason stays so
                Ok(view) => return Some(!(releases && view.state == State::Paused.as_str())),
                Err(Error::ExecutionEnded(_) | Error::ExecutionNotFound(_) | Error::ExecutionStopping(_)) => {
                    return Some(false);
                }
                Err(error) => {
                    tracing::debug!(execution_id = %id, %error, "a hold did not reach an execution yet");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        // it meets the hold when it would go on
        tracing::warn!(execution_id = %id, "a hold did not reach an execution");
        None
    }

    async fn held_agent(&self, project_id: ProjectId, agent: Option<&str>) -> Result<Option<AgentId>, Error> {
        match agent {
            Some(agent) => self.agent_id(project_id, agent).await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes a hold durable and known to the owners, which are here: another node's would not know it.
    async fn write_hold(
        &self,
        principal: &Principal,
        agent_id: Option<AgentId>,
        mode: HoldMode,
        note: Option<&str>,
        action: &'static str,
    ) -> Result<(), Error> {
        let project_id = principal.project_id;
        let _alone = self.shared.holds.changing.lock().await;
        self.is_owner()?;
        let mut tx = self.store.begin().await?;
        tx.holds(project_id).set(agent_id, mode, note, principal.actor).await?;
        let subject = agent_id.map_or_else(|| project_id.to_string(), |id| id.to_string());
        tx.changes(project_id).insert(principal.actor, action, subject, &json!({ "note": note })).await?;
        tx.commit().await?;
        self.shared.holds.set(project_id, agent_id, Some(mode).filter(|mode| *mode != HoldMode::Release));
        Ok(())
    }
}

/// What a sweep did when it ends in time; else it goes on by itself.
async fn receipt(mut sweep: JoinHandle<u64>, began: Instant) -> HoldReceipt {
    let (executions, open) = match tokio::time::timeout(PATIENCE, &mut sweep).await {
        Ok(count) => (count.ok(), false),
        Err(_) => (None, true),
    };
    HoldReceipt { executions, open, took_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) }
}

/// Does something to its end, also when whoever asked for it goes away.
async fn seen_through<T: Send + 'static>(what: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(what).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // the runtime ends, and everything with it
            Err(_) => std::future::pending().await,
        },
    }
}
