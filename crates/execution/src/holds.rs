//! Holds of agents and projects: pause and kill switch.
//!
//! The row is durable first, then every owner of this node knows (nothing that is held begins from here), then what is at
//! work is stopped. A crash in between loses nothing: owners read the rows before they begin, and whoever asked may go.

pub(crate) mod keeper;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use moltforge_api::holds::{Hold as View, HoldReceipt};
use moltforge_store::Hold as Row;
use moltforge_types::execution::HoldMode;
use moltforge_types::{AgentId, Principal, ProjectId, Timestamp};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::keeper::{Change, Swept};
use crate::engine::{Hold, HoldOf};
use crate::error::Error;
use crate::executions::{Executions, check_note};
use crate::mutation::{Mutation, mutated};

/// How long a request waits for everything to stop; the rest goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands, as the owners of this node know it.
#[derive(Default)]
pub(crate) struct Holds {
    /// Number of holds: nearly always zero, and asked at every command.
    count: AtomicUsize,
    standing: RwLock<HashMap<Of, (HoldMode, Timestamp)>>,
    /// Held from a row's change until it is known here: rows and memory change in the same order.
    changing: Mutex<()>,
    /// A sweep did not reach everything.
    unfinished: AtomicBool,
    /// How often each was changed here: a sweep that ends late must not take the mark of a later one.
    changes: std::sync::Mutex<HashMap<Of, u64>>,
}

/// A project, or one of its agents.
type Of = (ProjectId, Option<AgentId>);

impl Holds {
    /// What holds an agent's executions. A kill switch comes before a pause.
    pub(crate) fn of(&self, project_id: ProjectId, agent_id: AgentId) -> Option<Hold> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let standing = self.standing.read().unwrap_or_else(PoisonError::into_inner);
        let agent = standing.get(&(project_id, Some(agent_id))).map(|known| hold(HoldOf::Agent, *known));
        let project = standing.get(&(project_id, None)).map(|known| hold(HoldOf::Project, *known));
        [project, agent].into_iter().flatten().max_by_key(|hold| hold.mode == HoldMode::Kill)
    }

    /// Whether new executions are taken.
    pub(crate) fn takes_starts(&self, project_id: ProjectId, agent_id: AgentId) -> Result<(), Error> {
        match self.of(project_id, agent_id) {
            Some(Hold { of, mode: HoldMode::Kill, .. }) => Err(Error::Killed(match of {
                HoldOf::Agent => "the agent",
                HoldOf::Project => "the project",
            })),
            _ => Ok(()),
        }
    }

    /// Learns what stands from the rows, and of no change in between.
    pub(crate) async fn read<E>(&self, rows: impl Future<Output = Result<Vec<Row>, E>>) -> Result<(), E> {
        let _alone = self.changing.lock().await;
        let rows = rows.await?;
        // a node that lost its shards may have begun something late, and cannot see it through
        let known = |row: &Row| self.mode_of(row.project_id, row.agent_id) == Some(row.mode);
        if rows.iter().any(|row| row.mode == HoldMode::Release || !known(row)) {
            self.unfinished();
        }
        if !mutated(Mutation::HoldsForgotten) {
            self.replace(&rows);
        }
        Ok(())
    }

    fn mode_of(&self, project_id: ProjectId, agent_id: Option<AgentId>) -> Option<HoldMode> {
        let standing = self.standing.read().unwrap_or_else(PoisonError::into_inner);
        standing.get(&(project_id, agent_id)).map(|(mode, _)| *mode)
    }

    /// A sweep did not reach everything: it is repeated.
    fn unfinished(&self) {
        self.unfinished.store(true, Ordering::Release);
    }

    fn take_unfinished(&self) -> bool {
        self.unfinished.swap(false, Ordering::AcqRel)
    }

    /// Everything that stands, as the rows say.
    fn replace(&self, rows: &[Row]) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        standing.clear();
        standing.extend(
            rows.iter()
                .filter(|row| stands(row))
                .map(|row| ((row.project_id, row.agent_id), (row.mode, row.created_at))),
        );
        self.count.store(standing.len(), Ordering::Release);
    }

    fn set(&self, project_id: ProjectId, agent_id: Option<AgentId>, mode: Option<HoldMode>, now: Timestamp) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        match mode {
            Some(mode) => standing.insert((project_id, agent_id), (mode, now)),
            None => standing.remove(&(project_id, agent_id)),
        };
        self.count.store(standing.len(), Ordering::Release);
        drop(standing);
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner).entry((project_id, agent_id)).or_default() += 1;
    }

    /// How often it was changed by now.
    fn changes_of(&self, of: Of) -> u64 {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).get(&of).copied().unwrap_or(0)
    }
}

fn hold(of: HoldOf, (mode, since): (HoldMode, Timestamp)) -> Hold {
    Hold { of, mode, since }
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
        let change = Change { project_id: principal.project_id, agent_id, mode, note, actor: principal.actor };
        let keeper = self.keeper();
        let swept = seen_through(async move { keeper.hold(change).await });
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
        let (project_id, actor) = (principal.project_id, principal.actor);
        let change = Change { project_id, agent_id, mode: HoldMode::Release, note: None, actor };
        let keeper = self.keeper();
        let swept = seen_through(async move { keeper.lift(change).await });
        Ok(receipt(swept.await?, began).await)
    }

    async fn held_agent(&self, project_id: ProjectId, agent: Option<&str>) -> Result<Option<AgentId>, Error> {
        match agent {
            Some(agent) => self.agent_id(project_id, agent).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What a sweep did when it ends in time; else it goes on by itself.
async fn receipt(mut sweep: JoinHandle<Swept>, began: Instant) -> HoldReceipt {
    let (executions, open) = match tokio::time::timeout(PATIENCE, &mut sweep).await {
        // what could not be reached is tried again until it is
        Ok(swept) => (swept.as_ref().ok().map(|swept| swept.taken), swept.map_or(true, |swept| swept.missed)),
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
