//! Stopping: of one execution and of everything below it, with a receipt.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt as _;
use moltforge_api::executions::{Execution as View, StopReceipt, StoppedCall, StoppedExecution, TreeNode};
use moltforge_store::ExecutionFilter;
use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use moltforge_types::{AgentId, ExecutionId, Principal, ProjectId};
use tokio::time::Instant;

use crate::engine::Command;
use crate::error::Error;
use crate::executions::{Executions, check_note};

/// How long an answer waits for everything below to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what has not ended: doubles from the first up to the second.
const POLL_FIRST: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_millis(500);
/// Stops on their way at a time.
const PARALLEL: usize = 16;
/// Executions of a tree that a receipt names; a tree has 100 children to a node, 8 levels deep at most.
const MAX_NAMED: usize = 10_000;
const PAGE: u32 = 200;
/// Entries that are read to find a stop that is on its way, at first and at most. Behind it stand the answers to calls
/// that it let end, ends of children, and signals: all of them are bounded.
const LOOK_FIRST: u32 = 8;
const LOOK_MOST: u32 = 4_096;

impl Executions {
    /// Stops an execution and everything below it. Calls with a durable intent may end, for a while.
    pub async fn cancel(&self, principal: &Principal, id: ExecutionId, note: Option<String>) -> Result<View, Error> {
        self.stop(principal, id, note, false).await
    }

    /// Stops an execution and everything below it at once.
    pub async fn kill(&self, principal: &Principal, id: ExecutionId, note: Option<String>) -> Result<View, Error> {
        self.stop(principal, id, note, true).await
    }

    async fn stop(
        &self,
        principal: &Principal,
        id: ExecutionId,
        note: Option<String>,
        kill: bool,
    ) -> Result<View, Error> {
        check_note(note.as_ref())?;
        let (project_id, began, by) = (principal.project_id, Instant::now(), principal.actor.to_string());
        let mut view = match self.apply(project_id, id, Command::Stop { by: by.clone(), note, kill }).await {
            // what it left behind may still be on its way out
            Err(ended @ Error::ExecutionEnded(_)) => {
                if self.live_below(project_id, id).await?.is_empty() {
                    return Err(ended);
                }
                self.get(project_id, id).await?
            }
            answer => answer?,
        };
        // the tree is told by messages that are durable already; going there makes it prompt, and the answer true
        let deadline = began + PATIENCE;
        let command = Command::Stop { by, note: Some(format!("{id} above it was stopped")), kill };
        let mut pause = POLL_FIRST;
        loop {
            let live = self.live_below(project_id, id).await?;
            let told = futures::stream::iter(live.iter().copied()).for_each_concurrent(PARALLEL, |child| {
                let command = command.clone();
                async move {
                    match self.apply(project_id, child, command).await {
                        Ok(_) | Err(Error::ExecutionEnded(_)) => {}
                        Err(error) => tracing::debug!(execution_id = %child, %error, "not stopped yet"),
                    }
                }
            });
            told.await;
            let root_ends = view.finished_at.is_some() || !kill;
            if (live.is_empty() && root_ends) || Instant::now() >= deadline || !kill {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
            view = self.get(project_id, id).await?;
        }
        let mut receipt = self.receipt(project_id, id).await?;
        receipt.took_us = Some(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        view.receipt = Some(Box::new(receipt));
        Ok(view)
    }

    /// What has not ended below an execution.
    async fn live_below(&self, project_id: ProjectId, id: ExecutionId) -> Result<Vec<ExecutionId>, Error> {
        let (below, _) = self.below(project_id, id).await?;
        Ok(below.into_iter().filter(|found| !found.state.is_terminal()).map(|found| found.id).collect())
    }

    /// Everything below an execution, level by level, and whether there may be more than is named.
    async fn below(&self, project_id: ProjectId, id: ExecutionId) -> Result<(Vec<Below>, bool), Error> {
        let (mut found, mut parents) = (Vec::new(), VecDeque::from([id]));
        while let Some(parent) = parents.pop_front() {
            let mut after = None;
            loop {
                let page = self.store.executions(project_id).children(parent, after, PAGE).await?;
                after = page.last().map(|(id, ..)| *id);
                let full = page.len() == PAGE as usize;
                parents.extend(page.iter().map(|(id, ..)| *id));
                let below = |(id, agent_name, state)| Below { id, agent_name, state, parent };
                found.extend(page.into_iter().map(below));
                if found.len() >= MAX_NAMED {
                    return Ok((found, full || !parents.is_empty()));
                }
                if !full {
                    break;
                }
            }
        }
        Ok((found, false))
    }

    /// An execution and everything below it, level by level.
    pub async fn tree(&self, project_id: ProjectId, id: ExecutionId) -> Result<Vec<TreeNode>, Error> {
        let root = self.get(project_id, id).await?;
        let root = TreeNode {
            execution_id: root.execution_id,
            agent_name: root.agent_name,
            state: root.state,
            parent_id: None,
        };
        let (below, _) = self.below(project_id, id).await?;
        let below = below.into_iter().map(|found| TreeNode {
            execution_id: found.id.to_string(),
            agent_name: found.agent_name,
            state: found.state.to_string(),
            parent_id: Some(found.parent.to_string()),
        });
        Ok(std::iter::once(root).chain(below).collect())
    }

    /// What a stop did to an execution and everything below it, as the journals say.
    pub async fn receipt(&self, project_id: ProjectId, id: ExecutionId) -> Result<StopReceipt, Error> {
        let row = self.store.executions(project_id).find(id).await?;
        let row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
        let stopped = self.stopped(id, &row.agent_name, row.columns.state).await?;
        let mut below = Vec::new();
        let (named, truncated) = self.below(project_id, id).await?;
        for found in named {
            below.push(self.stopped(found.id, &found.agent_name, found.state).await?);
        }
        let lives = |one: &&StoppedExecution| one.state.parse().is_ok_and(|state: State| !state.is_terminal());
        let stopping = std::iter::once(&stopped).chain(&below).filter(lives).count() as u64;
        Ok(StopReceipt { stopped, below, stopping, truncated, took_us: None })
    }

    async fn stopped(&self, id: ExecutionId, agent_name: &str, state: State) -> Result<StoppedExecution, Error> {
        let mut stopped = StoppedExecution {
            execution_id: id.to_string(),
            agent_name: agent_name.to_owned(),
            state: state.to_string(),
            ..StoppedExecution::default()
        };
        let mut limit = LOOK_FIRST;
        loop {
            let rows = self.shared.journal.reads().last_entries(id, limit).await?;
            // the end of an execution is its last entry; a stop on its way stands before what came in since
            for row in rows.iter().rev() {
                let recorded = crate::codec::decode(id, row)?;
                match recorded.entry {
                    Entry::Stopping { by, kill, calls, .. } => {
                        (stopped.by, stopped.kill) = (Some(by), kill);
                        stopped.requested_at = Some(recorded.at.to_string());
                        stopped.calls = calls.into_iter().map(call).collect();
                        return Ok(stopped);
                    }
                    Entry::Cancelled { by, kill, requested_at, calls, .. } => {
                        (stopped.by, stopped.kill) = (Some(by), kill);
                        let requested_at = requested_at.unwrap_or(recorded.at);
                        stopped.requested_at = Some(requested_at.to_string());
                        stopped.stopped_at = Some(recorded.at.to_string());
                        let took = recorded.at.since(requested_at).as_micros();
                        stopped.stop_us = Some(u64::try_from(took).unwrap_or(u64::MAX));
                        stopped.calls = calls.into_iter().map(call).collect();
                        return Ok(stopped);
                    }
                    // something began here: no stop stands before it
                    Entry::Running { .. } | Entry::ToolInvoked { .. } | Entry::Suspended { .. } => return Ok(stopped),
                    _ => {}
                }
            }
            if state.is_terminal() || rows.len() < limit as usize || limit >= LOOK_MOST {
                return Ok(stopped);
            }
            limit *= 8;
        }
    }

    /// Stops every live execution of an agent. Returns how many were stopped.
    pub async fn cancel_agent(&self, principal: &Principal, agent_id: AgentId) -> Result<usize, Error> {
        let states: Vec<_> = State::ALL.iter().copied().filter(|state| !state.is_terminal()).collect();
        let mut stopped = 0;
        loop {
            let filter = ExecutionFilter { agent_id: Some(agent_id), states: &states, before: None };
            let (rows, _) = self.store.executions(principal.project_id).list(filter, 100).await?;
            if rows.is_empty() {
                return Ok(stopped);
            }
            for row in rows {
                let note = Some("the agent was deleted".to_owned());
                match self.kill(principal, row.execution_id, note).await {
                    Ok(_) => stopped += 1,
                    Err(Error::ExecutionEnded(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// One execution below another.
struct Below {
    id: ExecutionId,
    agent_name: String,
    state: State,
    parent: ExecutionId,
}

fn call(call: moltforge_types::journal::StoppedCall) -> StoppedCall {
    StoppedCall {
        step: call.step,
        name: call.name,
        kind: if call.model { "model" } else { "tool" }.to_owned(),
        outcome: "unknown".to_owned(),
        idempotency_key: call.idempotency_key,
        booked_tokens: call.booked_tokens,
    }
}
