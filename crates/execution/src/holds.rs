//! Holds of agents and projects: pause and kill switch.
//!
//! The row is durable first, then every owner of this node knows (nothing that is held begins from here), then what is at
//! work is stopped. A crash in between loses nothing: owners read the rows before they begin.

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
use tokio::time::Instant;

use crate::engine::{Command, Hold, HoldOf};
use crate::error::Error;
use crate::executions::{Executions, check_note};

/// How long a request waits for everything to stop; the rest goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ids read at a time, and commands on their way at a time.
const PAGE: u32 = 500;
const PARALLEL: usize = 64;

/// What stands, as the owners of this node know it.
#[derive(Default)]
pub(crate) struct Holds {
    /// Number of holds: nearly always zero, and asked at every command.
    count: AtomicUsize,
    standing: RwLock<HashMap<(ProjectId, Option<AgentId>), HoldMode>>,
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
        let (project_id, began) = (principal.project_id, Instant::now());
        let agent_id = self.held_agent(project_id, agent).await?;
        let action = if mode == HoldMode::Kill { "hold.killed" } else { "hold.paused" };
        self.write_hold(principal, agent_id, mode, note.as_deref(), action).await?;
        self.shared.holds.set(project_id, agent_id, Some(mode));
        let states: &[State] = match mode {
            // what is suspended holds no compute: it is held when it would go on
            HoldMode::Pause => &[State::Running, State::Scheduled, State::BackingOff],
            _ => &[State::Running, State::Scheduled, State::BackingOff, State::Suspended, State::Paused],
        };
        let swept = self.sweep(project_id, agent_id, states, Command::Hold);
        let (stopped, open) = finished_or_left(swept).await;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(HoldReceipt { executions: stopped, open, took_us })
    }

    /// Lifts a hold; what it paused goes on.
    pub async fn lift(&self, principal: &Principal, agent: Option<&str>) -> Result<HoldReceipt, Error> {
        let (project_id, began) = (principal.project_id, Instant::now());
        let agent_id = self.held_agent(project_id, agent).await?;
        let rows = self.store.holds(project_id).list().await?;
        if !rows.iter().any(|row| row.agent_id == agent_id) {
            return Err(Error::NotHeld);
        }
        // a mark until the sweep has ended: a crash in between loses nobody
        self.write_hold(principal, agent_id, HoldMode::Release, None, "hold.lifted").await?;
        self.shared.holds.set(project_id, agent_id, None);
        let swept = self.clone().release(project_id, agent_id, principal.actor.to_string());
        let (resumed, open) = finished_or_left(swept).await;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(HoldReceipt { executions: resumed, open, took_us })
    }

    /// Sees through what a process before began: kill switches and releases whose sweep it did not end.
    pub(crate) async fn finish_sweeps(self) {
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

    async fn release(self, project_id: ProjectId, agent_id: Option<AgentId>, by: String) -> u64 {
        let resumed = self.sweep(project_id, agent_id, &[State::Paused], Command::Release { by }).await;
        let lifted = async {
            let mut tx = self.store.begin().await?;
            let still = tx.holds(project_id).list().await?;
            // somebody may have held it again
            if still.iter().any(|row| row.agent_id == agent_id && row.mode == HoldMode::Release) {
                tx.holds(project_id).lift(agent_id).await?;
            }
            tx.commit().await
        };
        if let Err(error) = lifted.await {
            tracing::warn!(%error, "a lifted hold stays marked until the next start");
        }
        resumed
    }

    /// Applies a command to everything in these states. Gives how many there were.
    fn sweep(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        states: &'static [State],
        command: Command,
    ) -> impl Future<Output = u64> + Send + 'static {
        let this = self.clone();
        async move {
            let mut count = 0;
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
                    count += ids.len() as u64;
                    futures::stream::iter(ids)
                        .for_each_concurrent(PARALLEL, |id| this.apply_until_taken(project_id, id, command.clone()))
                        .await;
                    if !full {
                        break;
                    }
                }
            }
            count
        }
    }

    async fn apply_until_taken(&self, project_id: ProjectId, id: ExecutionId, command: Command) {
        for _ in 0..5 {
            match self.apply(project_id, id, command.clone()).await {
                Ok(_) | Err(Error::ExecutionEnded(_) | Error::ExecutionNotFound(_) | Error::ExecutionStopping(_)) => {
                    return;
                }
                Err(error) => {
                    tracing::debug!(execution_id = %id, %error, "a hold did not reach an execution yet");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    async fn held_agent(&self, project_id: ProjectId, agent: Option<&str>) -> Result<Option<AgentId>, Error> {
        match agent {
            Some(agent) => self.agent_id(project_id, agent).await.map(Some),
            None => Ok(None),
        }
    }

    async fn write_hold(
        &self,
        principal: &Principal,
        agent_id: Option<AgentId>,
        mode: HoldMode,
        note: Option<&str>,
        action: &'static str,
    ) -> Result<(), Error> {
        let project_id = principal.project_id;
        let mut tx = self.store.begin().await?;
        tx.holds(project_id).set(agent_id, mode, note, principal.actor).await?;
        let subject = agent_id.map_or_else(|| project_id.to_string(), |id| id.to_string());
        tx.changes(project_id).insert(principal.actor, action, subject, &json!({ "note": note })).await?;
        Ok(tx.commit().await?)
    }
}

/// The count when it ends in time; else it goes on by itself.
async fn finished_or_left(sweep: impl Future<Output = u64> + Send + 'static) -> (Option<u64>, bool) {
    let mut task = tokio::spawn(sweep);
    match tokio::time::timeout(PATIENCE, &mut task).await {
        Ok(count) => (count.ok(), false),
        Err(_) => (None, true),
    }
}
