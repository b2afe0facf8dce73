//! What is at work, counted where limits stand. Derived from the permits that are out, and from nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use moltforge_types::{AgentId, ExecutionId, ProjectId};

use super::Claimant;

/// The cost of an execution about whose agent nothing is known, in milliseconds of a slot.
const UNKNOWN_COST: u64 = 1_000;
/// A cost is at least this and at most that: neither is free, nor does one long execution silence its project.
const COSTS: (u64, u64) = (1, 60_000);
/// Agents whose cost is remembered while nothing of them is at work.
const MAX_KEPT: usize = 4_096;

/// Limits of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Executions at work.
    pub(crate) running: usize,
    /// Of one project.
    pub(crate) running_per_project: usize,
    /// Journal bytes of the executions at work, which is about what their conversations take in memory.
    pub(crate) running_bytes: u64,
}

/// What stands in the way of a claim. From the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Every slot of the node is taken.
    Node,
    /// The executions at work take as much memory as they may.
    Memory,
    /// The project's share is taken.
    Project,
    /// The agent's `limits.concurrency`.
    Agent,
    /// The concurrency key.
    Key,
}

#[derive(Debug, Default)]
struct Agent {
    running: usize,
    /// A moving average of how long its executions held a slot, in milliseconds.
    cost: Option<u64>,
}

/// The counts.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) limits: Limits,
    running: usize,
    bytes: u64,
    projects: HashMap<ProjectId, usize>,
    agents: HashMap<AgentId, Agent>,
    keys: HashMap<(AgentId, Arc<str>), Vec<ExecutionId>>,
}

impl Counts {
    pub(super) fn new(limits: Limits) -> Self {
        let (projects, agents, keys) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { limits, running: 0, bytes: 0, projects, agents, keys }
    }

    /// Whether the node takes one more, whoever it is.
    pub(super) fn node(&self) -> Option<Blocked> {
        if self.running >= self.limits.running {
            return Some(Blocked::Node);
        }
        // one is always let in: it may be larger than the limit
        (self.running > 0 && self.bytes >= self.limits.running_bytes).then_some(Blocked::Memory)
    }

    pub(super) fn project_is_full(&self, project_id: ProjectId) -> bool {
        self.projects.get(&project_id).is_some_and(|running| *running >= self.limits.running_per_project)
    }

    pub(super) fn agent_is_full(&self, claimant: &Claimant) -> bool {
        let Some(limit) = claimant.agent_limit else { return false };
        self.running_of(claimant.agent_id) >= limit as usize
    }

    pub(super) fn key_is_full(&self, claimant: &Claimant) -> bool {
        self.holders(claimant).len() >= claimant.key_limit.max(1) as usize
    }

    /// Who holds the claimant's concurrency key.
    pub(super) fn holders(&self, claimant: &Claimant) -> &[ExecutionId] {
        let Some(key) = &claimant.key else { return &[] };
        self.keys.get(&(claimant.agent_id, key.clone())).map_or(&[], Vec::as_slice)
    }

    /// What stands in the way of this one, the narrowest first: that is what its owner can do something about.
    pub(super) fn blocked(&self, claimant: &Claimant) -> Option<Blocked> {
        if claimant.key.is_some() && self.key_is_full(claimant) {
            return Some(Blocked::Key);
        }
        if self.agent_is_full(claimant) {
            return Some(Blocked::Agent);
        }
        if self.project_is_full(claimant.project_id) {
            return Some(Blocked::Project);
        }
        self.node()
    }

    pub(super) fn take(&mut self, claimant: &Claimant) {
        self.running += 1;
        *self.projects.entry(claimant.project_id).or_default() += 1;
        self.agents.entry(claimant.agent_id).or_default().running += 1;
        if let Some(key) = &claimant.key {
            self.keys.entry((claimant.agent_id, key.clone())).or_default().push(claimant.execution_id);
        }
    }

    /// `held` is how long it was out, in milliseconds.
    pub(super) fn give_back(&mut self, claimant: &Claimant, bytes: u64, held: u64) {
        self.running = self.running.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(running) = self.projects.get_mut(&claimant.project_id) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.projects.remove(&claimant.project_id);
            }
        }
        if let Some(agent) = self.agents.get_mut(&claimant.agent_id) {
            agent.running = agent.running.saturating_sub(1);
            let held = held.clamp(COSTS.0, COSTS.1);
            agent.cost = Some(agent.cost.map_or(held, |cost| (cost * 7 + held) / 8));
        }
        if self.agents.len() > MAX_KEPT {
            self.agents.retain(|_, agent| agent.running > 0);
        }
        if let Some(key) = &claimant.key
            && let Some(holders) = self.keys.get_mut(&(claimant.agent_id, key.clone()))
        {
            holders.retain(|holder| *holder != claimant.execution_id);
            if holders.is_empty() {
                self.keys.remove(&(claimant.agent_id, key.clone()));
            }
        }
    }

    pub(super) fn grow(&mut self, before: u64, after: u64) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
    }

    /// What an execution of this agent is expected to cost, in milliseconds of a slot.
    pub(super) fn cost(&self, agent_id: AgentId) -> u64 {
        self.agents.get(&agent_id).and_then(|agent| agent.cost).unwrap_or(UNKNOWN_COST)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn running_of_project(&self, project_id: ProjectId) -> usize {
        self.projects.get(&project_id).copied().unwrap_or(0)
    }

    pub(super) fn running_of(&self, agent_id: AgentId) -> usize {
        self.agents.get(&agent_id).map_or(0, |agent| agent.running)
    }

    /// The parts make the whole.
    pub(super) fn is_sound(&self) -> bool {
        let projects: usize = self.projects.values().sum();
        let agents: usize = self.agents.values().map(|agent| agent.running).sum();
        projects == self.running && agents == self.running
    }
}
