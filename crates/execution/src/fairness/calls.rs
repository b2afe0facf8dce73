//! Calls that wait for a slot of their model provider or tool.
//!
//! Each provider and each limited tool is a gate of its own, so that a call that waits at one holds nobody up at another.
//! At a gate, projects take turns, then agents, then who came first. A call that is given up leaves its gate by being
//! dropped, waiting or not.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_types::{AgentId, ExecutionId, ProjectId};
use tokio::sync::oneshot;

use super::ring::Ring;

/// What a call needs a slot of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    /// A model provider, of all projects.
    Provider(Arc<str>),
    /// A tool of an agent.
    Tool(AgentId, Arc<str>),
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
    pub(crate) execution_id: ExecutionId,
    pub(crate) step: u32,
}

/// All gates of a node. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Gates {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    gates: HashMap<Resource, Gate>,
    waiting: BTreeMap<Ticket, Resource>,
    tickets: u64,
}

/// Execution, step, and a number: the same step may be called again before its call before has left.
type Ticket = (ExecutionId, u32, u64);

#[derive(Default)]
struct Gate {
    limit: usize,
    taken: usize,
    projects: Ring<ProjectId>,
    lines: HashMap<ProjectId, Lines>,
}

#[derive(Default)]
struct Lines {
    agents: Ring<AgentId>,
    lines: HashMap<AgentId, VecDeque<Waiting>>,
}

struct Waiting {
    caller: Caller,
    ticket: Ticket,
    go: oneshot::Sender<Slot>,
}

/// One slot of a gate; it comes back when it is dropped.
pub(crate) struct Slot {
    gates: Gates,
    resource: Option<Resource>,
}

impl Gates {
    /// Waits for a slot. Cancel-safe: whoever stops waiting leaves no trace.
    pub(crate) async fn enter(&self, resource: Resource, limit: u32, caller: Caller) -> Slot {
        let (go, gone) = oneshot::channel();
        let ticket = {
            let mut inner = self.lock();
            inner.tickets += 1;
            let ticket = (caller.execution_id, caller.step, inner.tickets);
            let gate = inner.gates.entry(resource.clone()).or_default();
            // the latest version's word counts
            gate.limit = limit.max(1) as usize;
            if gate.taken < gate.limit && gate.projects.is_empty() {
                gate.taken += 1;
                return Slot { gates: self.clone(), resource: Some(resource) };
            }
            gate.push(Waiting { caller, ticket, go });
            inner.waiting.insert(ticket, resource.clone());
            ticket
        };
        let leave = Leave { gates: self, caller, ticket };
        let slot = gone.await;
        drop(leave);
        match slot {
            Ok(slot) => slot,
            // the gate is never dropped with somebody in it; a call without a slot is better than one that hangs
            Err(_) => Slot { gates: self.clone(), resource: None },
        }
    }

    /// What the calls of an execution wait for: step and words.
    pub(crate) fn waiting_of(&self, id: ExecutionId) -> Vec<(u32, String)> {
        let inner = self.lock();
        let waiting = inner.waiting.range((id, 0, 0)..=(id, u32::MAX, u64::MAX));
        waiting.map(|((_, step, _), resource)| (*step, inner.words(resource))).collect()
    }

    /// Whether a call waits, so that giving it up loses nothing.
    pub(crate) fn is_waiting(&self, id: ExecutionId, step: u32) -> bool {
        self.lock().waiting.range((id, step, 0)..=(id, step, u64::MAX)).next().is_some()
    }

    /// Calls that wait, of all gates.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// A slot came back, or a call left: whoever comes next gets what is free.
    fn serve(&self, resource: &Resource) {
        let mut unwanted = Vec::new();
        {
            let mut inner = self.lock();
            let Inner { gates, waiting, .. } = &mut *inner;
            let Some(gate) = gates.get_mut(resource) else { return };
            while gate.taken < gate.limit
                && let Some(next) = gate.pop()
            {
                waiting.remove(&next.ticket);
                gate.taken += 1;
                let slot = Slot { gates: self.clone(), resource: Some(resource.clone()) };
                if let Err(mut slot) = next.go.send(slot) {
                    // it has just gone: the slot is for the next one
                    gate.taken -= 1;
                    slot.resource = None;
                    unwanted.push(slot);
                }
            }
            if gate.taken == 0 && gate.projects.is_empty() {
                gates.remove(resource);
            }
        }
        drop(unwanted);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn words(&self, resource: &Resource) -> String {
        let limit = self.gates.get(resource).map_or(0, |gate| gate.limit);
        match resource {
            Resource::Provider(name) => format!("the provider {name}, which takes {limit} at a time"),
            Resource::Tool(_, name) => format!("the tool {name}, which takes {limit} at a time"),
        }
    }
}

impl Gate {
    fn push(&mut self, waiting: Waiting) {
        let Caller { project_id, agent_id, .. } = waiting.caller;
        let lines = self.lines.entry(project_id).or_default();
        lines.lines.entry(agent_id).or_default().push_back(waiting);
        lines.agents.set(agent_id, true);
        self.projects.set(project_id, true);
    }

    fn pop(&mut self) -> Option<Waiting> {
        let project_id = self.projects.first()?;
        let lines = self.lines.get_mut(&project_id)?;
        let agent_id = lines.agents.first()?;
        let next = lines.lines.get_mut(&agent_id)?.pop_front();
        lines.agents.charge(agent_id, 1);
        self.projects.charge(project_id, 1);
        self.settle(project_id, agent_id);
        next
    }

    fn remove(&mut self, caller: Caller, ticket: Ticket) {
        let Some(line) = self.lines.get_mut(&caller.project_id).and_then(|lines| lines.lines.get_mut(&caller.agent_id))
        else {
            return;
        };
        line.retain(|known| known.ticket != ticket);
        self.settle(caller.project_id, caller.agent_id);
    }

    fn settle(&mut self, project_id: ProjectId, agent_id: AgentId) {
        let Some(lines) = self.lines.get_mut(&project_id) else { return };
        if lines.lines.get(&agent_id).is_some_and(VecDeque::is_empty) {
            lines.lines.remove(&agent_id);
            lines.agents.set(agent_id, false);
        }
        if lines.lines.is_empty() {
            self.lines.remove(&project_id);
            self.projects.set(project_id, false);
        }
    }
}

/// Leaves the gate when the call is given up while it waits.
struct Leave<'a> {
    gates: &'a Gates,
    caller: Caller,
    ticket: Ticket,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut inner = self.gates.lock();
        let Some(resource) = inner.waiting.remove(&self.ticket) else { return };
        if let Some(gate) = inner.gates.get_mut(&resource) {
            gate.remove(self.caller, self.ticket);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(resource) = self.resource.take() else { return };
        if let Some(gate) = self.gates.lock().gates.get_mut(&resource) {
            gate.taken = gate.taken.saturating_sub(1);
        }
        self.gates.serve(&resource);
    }
}
