//! Holds and their ends: what a client may rely on once it was told, and the rows as a keeper reads and writes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_store::{Hold as Row, LaneToken, Reads as _};
use moltforge_types::execution::{HoldMode, State as Stands};
use moltforge_types::{Actor, AgentId, ExecutionId, ProjectId};

use super::agents::specs;
use super::client::{Client, TRIES};
use super::dice::Dice;
use super::journal::SimJournal;
use super::plan::Kind;
use crate::error::Error;
use crate::holds::keeper::{Book, Change, check_no_kill};

type Of = (ProjectId, Option<AgentId>);

/// What is held for sure: somebody was told so, and nobody has begun to lift it since.
#[derive(Default)]
pub(super) struct Certain(Mutex<BTreeMap<Of, Known>>);

#[derive(Default)]
struct Known {
    lifts: u64,
    /// Lifts of which nobody knows whether they have happened.
    open: u64,
    held: bool,
}

impl Certain {
    fn with<T>(&self, of: Of, what: impl FnOnce(&mut Known) -> T) -> T {
        what(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default())
    }

    pub(super) fn is_held(&self, project_id: ProjectId, agent_id: AgentId) -> bool {
        self.with((project_id, Some(agent_id)), |known| known.held) || self.with((project_id, None), |known| known.held)
    }
}

/// Holds, or lifts what is held.
pub(super) fn hold_or_lift(client: &Client, dice: &Dice) {
    let standing: Vec<Row> = client.state.memory.held();
    if let Some(row) = dice.pick(&standing).filter(|_| dice.chance(600)) {
        tokio::spawn(client.clone().lift(row.project_id, row.agent_id));
        return;
    }
    let specs = specs();
    let Some(spec) = dice.pick(&specs) else { return };
    let agent_id = dice.chance(800).then_some(spec.agent_id);
    let mode = if dice.chance(150) { HoldMode::Kill } else { HoldMode::Pause };
    tokio::spawn(client.clone().hold(spec.project_id, agent_id, mode));
}

impl Client {
    async fn hold(self, project_id: ProjectId, agent_id: Option<AgentId>, mode: HoldMode) {
        let (certain, of) = (&self.state.certain, (project_id, agent_id));
        let before = certain.with(of, |known| (known.open == 0).then_some(known.lifts));
        for attempt in 0..TRIES {
            if self.state.is_healed() {
                return;
            }
            if let Some(node) = self.node() {
                let change = Change { project_id, agent_id, mode, note: None, actor: Actor::System };
                match node.keeper.hold(change).await {
                    Ok(sweep) => {
                        let swept = sweep.await;
                        self.state.trace(|| format!("held {agent_id:?} of {project_id}, {mode}: {swept:?}"));
                        certain.with(of, |known| known.held = known.open == 0 && before == Some(known.lifts));
                        return;
                    }
                    Err(error) => self.state.trace(|| format!("hold {agent_id:?} of {project_id}: {error}")),
                }
            }
            self.pause_between(attempt).await;
        }
    }

    /// Lifts a hold; whether it is known to be lifted.
    pub(super) async fn lift(self, project_id: ProjectId, agent_id: Option<AgentId>) -> bool {
        let (certain, of) = (&self.state.certain, (project_id, agent_id));
        certain.with(of, |known| {
            known.lifts += 1;
            known.open += 1;
            known.held = false;
        });
        for attempt in 0..TRIES {
            if let Some(node) = self.node() {
                let change = Change { project_id, agent_id, mode: HoldMode::Release, note: None, actor: Actor::System };
                match node.keeper.lift(change).await {
                    Ok(sweep) => {
                        let swept = sweep.await;
                        self.state.trace(|| format!("lifted {agent_id:?} of {project_id}: {swept:?}"));
                        if attempt == 0 {
                            // an earlier try may still be on its way
                            certain.with(of, |known| known.open -= 1);
                        }
                        return true;
                    }
                    Err(error) => self.state.trace(|| format!("lift {agent_id:?} of {project_id}: {error}")),
                }
            }
            self.pause_between(attempt).await;
        }
        false
    }
}

/// The rows, with the faults of the way to them.
pub(super) struct SimBook(pub(super) Arc<SimJournal>);

#[async_trait]
impl Book for SimBook {
    async fn all(&self) -> Result<Vec<Row>, Error> {
        Ok(self.0.holds().await?)
    }

    async fn set(&self, change: &Change, token: LaneToken) -> Result<(), Error> {
        self.0.way().await?;
        let state = &self.0.state;
        if state.strikes(Kind::CrashBefore) {
            return self.0.die().await;
        }
        if state.strikes(Kind::Slow) {
            tokio::time::sleep(state.faults.millis(50, 8000)).await;
        }
        if state.memory.current(token) != token {
            return Err(Error::ShardUnowned);
        }
        let Change { project_id, agent_id, mode, note, actor } = change.clone();
        if mode == HoldMode::Pause {
            let mut rows = state.memory.held();
            rows.retain(|row| row.project_id == project_id);
            check_no_kill(&rows, agent_id)?;
        }
        let (actor, created_at) = (actor.to_string(), state.memory_now());
        state.memory.set_hold(Row { project_id, agent_id, mode, note, actor, created_at });
        state.trace(|| format!("node {} writes {mode} of {agent_id:?} in {project_id}", self.0.process.slot));
        if state.strikes(Kind::CrashAfter) {
            return self.0.die().await;
        }
        Ok(())
    }

    async fn forget(&self, project_id: ProjectId, agent_id: Option<AgentId>, token: LaneToken) -> Result<(), Error> {
        self.0.way().await?;
        if self.0.state.memory.current(token) != token {
            return Err(Error::ShardUnowned);
        }
        self.0.state.memory.lift_hold(project_id, agent_id);
        Ok(())
    }

    async fn ids_in(
        &self,
        project_id: ProjectId,
        agent_id: Option<AgentId>,
        state: Stands,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error> {
        self.0.way().await?;
        Ok(self.0.state.memory.ids_in(project_id, state, agent_id, after, limit))
    }
}

/// Lifts everything, after the faults: what was held goes on.
pub(super) async fn lift_all(client: &Client) {
    // those that are on their way arrive
    tokio::time::sleep(Duration::from_secs(20)).await;
    // a lease of before may last as long as the database's clock had jumped
    for _ in 0..90 {
        let standing = client.state.memory.held();
        if standing.is_empty() {
            break;
        }
        // a mark is a lift that has begun: the keepers see it through
        for row in standing.into_iter().filter(|row| row.mode != HoldMode::Release) {
            client.clone().lift(row.project_id, row.agent_id).await;
        }
        // keepers finish what they could not reach
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    for row in client.state.memory.held() {
        client.state.violated("hold", format!("a hold cannot be lifted: {row:?}"));
    }
}
