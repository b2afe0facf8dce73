//! Executions that are ready and wait for their turn: by project, then agent, then priority with ageing.
//!
//! What a limit holds back is taken out of the order until that limit has room again, so a blocked head costs nothing and
//! holds nobody up. Every operation is O(log n), a choice included: whatever it takes out of the order on its way was put
//! in by one push or one release.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use moltforge_types::{AgentId, ExecutionId, ProjectId, Timestamp};

use super::Claimant;
use super::counts::Counts;
use super::ring::Ring;
use crate::mutation::{Mutation, mutated};

/// Waiting so long is worth one priority.
pub(crate) const AGEING: Duration = Duration::from_secs(30);
/// What has begun before comes ahead of what has not, by so many priorities.
const BEGUN: i64 = 10;

/// One execution that is ready.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) claimant: Arc<Claimant>,
    /// 0 to 9, 9 first.
    pub(crate) priority: u8,
    /// It has run before: it goes on.
    pub(crate) begun: bool,
    /// The lane whose owner has it.
    pub(crate) lane: u16,
    /// Since when it is ready.
    pub(crate) since: Timestamp,
}

/// Its place among the executions of an agent: who came when, with what its priority is worth in time taken off. Since
/// everybody ages alike, places never change.
type Rank = (i64, u64);
type Key = Option<Arc<str>>;

impl Entry {
    fn rank(&self, number: u64) -> Rank {
        let worth = i64::from(self.priority) + if self.begun { BEGUN } else { 0 };
        if mutated(Mutation::NoAgeing) {
            return (-worth, number);
        }
        let ageing = i64::try_from(AGEING.as_micros()).unwrap_or(i64::MAX);
        (self.since.as_micros().saturating_sub(worth.saturating_mul(ageing)), number)
    }

    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        const FIXED: usize = 512;
        FIXED + self.claimant.key.as_ref().map_or(0, |key| key.len())
    }
}

/// The executions of one agent with one concurrency key, or without one.
#[derive(Debug, Default)]
struct Line {
    entries: BTreeMap<Rank, Entry>,
    by_age: BTreeSet<(Timestamp, u64)>,
    /// Its key has no room.
    blocked: bool,
    open_since: Timestamp,
    /// As it stands in its agent's order.
    listed: Option<(Rank, Timestamp)>,
}

#[derive(Debug, Default)]
struct Agent {
    lines: HashMap<Key, Line>,
    heads: BTreeSet<(Rank, Key)>,
    ages: BTreeSet<(Timestamp, Key)>,
    /// Its limit has no room.
    blocked: bool,
    open_since: Timestamp,
    listed: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Project {
    agents: HashMap<AgentId, Agent>,
    ring: Ring<AgentId>,
    ages: BTreeSet<(Timestamp, AgentId)>,
    blocked: bool,
    number: usize,
    bytes: usize,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    projects: HashMap<ProjectId, Project>,
    ring: Ring<ProjectId>,
    places: HashMap<ExecutionId, (Arc<Claimant>, Rank)>,
    numbers: u64,
    bytes: usize,
}

impl Ready {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// About what they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of a project wait, and what they take.
    pub(crate) fn of_project(&self, project_id: ProjectId) -> (usize, usize) {
        self.projects.get(&project_id).map_or((0, 0), |project| (project.number, project.bytes))
    }

    /// Since when the oldest execution of a project waits that no limit of its own agent or key holds back.
    pub(crate) fn oldest(&self, project_id: ProjectId) -> Option<Timestamp> {
        self.projects.get(&project_id)?.ages.first().map(|(since, _)| *since)
    }

    /// The same of all projects.
    pub(crate) fn oldest_of_all(&self) -> Option<Timestamp> {
        self.projects.values().filter_map(|project| project.ages.first()).map(|(since, _)| *since).min()
    }

    /// An entry, if it waits here.
    pub(crate) fn get(&self, id: ExecutionId) -> Option<&Entry> {
        let (claimant, rank) = self.places.get(&id)?;
        self.projects
            .get(&claimant.project_id)?
            .agents
            .get(&claimant.agent_id)?
            .lines
            .get(&claimant.key)?
            .entries
            .get(rank)
    }

    /// Whether somebody waits whom no known limit holds back.
    pub(crate) fn has_open(&self) -> bool {
        !self.ring.is_empty()
    }

    /// Adds one; what waits already keeps its place.
    pub(crate) fn push(&mut self, entry: Entry) {
        let claimant = entry.claimant.clone();
        if self.places.contains_key(&claimant.execution_id) {
            return;
        }
        self.numbers += 1;
        let (rank, bytes) = (entry.rank(self.numbers), entry.bytes());
        self.places.insert(claimant.execution_id, (claimant.clone(), rank));
        self.bytes += bytes;
        let project = self.projects.entry(claimant.project_id).or_default();
        project.number += 1;
        project.bytes += bytes;
        let agent = project.agents.entry(claimant.agent_id).or_default();
        let line = agent.lines.entry(claimant.key.clone()).or_default();
        line.by_age.insert((entry.since, rank.1));
        line.entries.insert(rank, entry);
        if line.entries.first_key_value().is_some_and(|(first, _)| *first == rank) {
            // a new head may have another limit than the one that was held back
            line.blocked = false;
            agent.blocked = false;
        }
        self.settle(&claimant);
    }

    /// Takes one out: it was stopped, or somebody else lets it in.
    pub(crate) fn remove(&mut self, id: ExecutionId) -> Option<Entry> {
        let (claimant, rank) = self.places.remove(&id)?;
        let project = self.projects.get_mut(&claimant.project_id)?;
        let agent = project.agents.get_mut(&claimant.agent_id)?;
        let line = agent.lines.get_mut(&claimant.key)?;
        if line.entries.first_key_value().is_some_and(|(first, _)| *first == rank) {
            // whoever stands behind it may have another limit
            line.blocked = false;
            agent.blocked = false;
        }
        let entry = line.entries.remove(&rank)?;
        line.by_age.remove(&(entry.since, rank.1));
        let bytes = entry.bytes();
        project.number = project.number.saturating_sub(1);
        project.bytes = project.bytes.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.settle(&claimant);
        Some(entry)
    }

    /// Chooses whoever comes next and may begin, and takes it out. The node's own limits are the caller's.
    pub(crate) fn pick(&mut self, counts: &Counts) -> Option<Entry> {
        loop {
            let project_id = self.ring.first()?;
            let project = self.projects.get_mut(&project_id)?;
            if counts.project_is_full(project_id) {
                project.blocked = true;
                self.ring.set(project_id, false);
                continue;
            }
            let agent_id = project.ring.first()?;
            let agent = project.agents.get_mut(&agent_id)?;
            let (rank, key) = agent.heads.first()?;
            let line = agent.lines.get_mut(key)?;
            let claimant = line.entries.get(rank)?.claimant.clone();
            if counts.agent_is_full(&claimant) {
                agent.blocked = true;
            } else if key.is_some() && counts.key_is_full(&claimant) {
                line.blocked = true;
            } else {
                let cost = counts.cost(agent_id);
                project.ring.charge(agent_id, cost);
                self.ring.charge(project_id, cost);
                return self.remove(claimant.execution_id);
            }
            self.settle(&claimant);
        }
    }

    /// A permit came back: what its limits held back is in the order again.
    pub(crate) fn released(&mut self, claimant: &Claimant, now: Timestamp) {
        let Some(project) = self.projects.get_mut(&claimant.project_id) else { return };
        project.blocked = false;
        if let Some(agent) = project.agents.get_mut(&claimant.agent_id) {
            if std::mem::take(&mut agent.blocked) {
                agent.open_since = now;
            }
            if let Some(line) = agent.lines.get_mut(&claimant.key)
                && std::mem::take(&mut line.blocked)
            {
                line.open_since = now;
            }
        }
        self.settle(claimant);
    }

    /// Puts everything in the order again that is held back though its limit has room. None is, unless there is a bug:
    /// how many were is the answer.
    pub(crate) fn heal(&mut self, counts: &Counts, now: Timestamp) -> usize {
        let mut stuck = Vec::new();
        for (project_id, project) in &self.projects {
            let full = counts.project_is_full(*project_id);
            for agent in project.agents.values() {
                for line in agent.lines.values() {
                    let Some((_, head)) = line.entries.first_key_value() else { continue };
                    let claimant = &head.claimant;
                    let wrong = (project.blocked && !full)
                        || (agent.blocked
                            && agent.heads.first().is_some_and(|(_, key)| *key == claimant.key)
                            && !counts.agent_is_full(claimant))
                        || (line.blocked && !counts.key_is_full(claimant));
                    if wrong {
                        stuck.push(claimant.clone());
                    }
                }
            }
        }
        for claimant in &stuck {
            self.released(claimant, now);
        }
        stuck.len()
    }

    /// The execution of the same agent and key that should have come before this one, by what its priority and its waiting
    /// are worth now; for tests.
    #[cfg(test)]
    pub(crate) fn passed_over(&self, picked: &Entry, now: Timestamp) -> Option<&Entry> {
        let worth = |entry: &Entry| {
            let waited = now.as_micros() - entry.since.as_micros();
            i64::from(entry.priority) * 30_000_000 + i64::from(entry.begun) * 300_000_000 + waited
        };
        let Claimant { project_id, agent_id, key, .. } = &*picked.claimant;
        let line = self.projects.get(project_id)?.agents.get(agent_id)?.lines.get(key)?;
        line.entries.values().find(|entry| worth(entry) > worth(picked))
    }

    /// Whether the books agree; for tests and debug builds.
    #[cfg(test)]
    pub(crate) fn is_sound(&self) -> bool {
        let lines =
            || self.projects.values().flat_map(|project| project.agents.values()).flat_map(|a| a.lines.values());
        let number: usize = lines().map(|line| line.entries.len()).sum();
        let bytes: usize = lines().flat_map(|line| line.entries.values()).map(Entry::bytes).sum();
        number == self.places.len()
            && bytes == self.bytes
            && self.projects.values().map(|project| project.number).sum::<usize>() == number
            && lines().all(|line| line.by_age.len() == line.entries.len())
    }

    /// Brings the order in line with what the claimant's line, agent and project hold.
    fn settle(&mut self, claimant: &Claimant) {
        let Some(project) = self.projects.get_mut(&claimant.project_id) else { return };
        if let Some(agent) = project.agents.get_mut(&claimant.agent_id) {
            agent.settle(&claimant.key);
            let since = agent.ages.first().map(|(since, _)| (*since).max(agent.open_since));
            let since = since.filter(|_| !agent.blocked);
            if agent.listed != since {
                if let Some(before) = std::mem::replace(&mut agent.listed, since) {
                    project.ages.remove(&(before, claimant.agent_id));
                }
                project.ages.extend(since.map(|since| (since, claimant.agent_id)));
            }
            project.ring.set(claimant.agent_id, since.is_some());
            if agent.lines.is_empty() {
                project.agents.remove(&claimant.agent_id);
            }
        }
        self.ring.set(claimant.project_id, !project.blocked && !project.ring.is_empty());
        if project.agents.is_empty() {
            self.projects.remove(&claimant.project_id);
        }
    }
}

impl Agent {
    fn settle(&mut self, key: &Key) {
        let Some(line) = self.lines.get_mut(key) else { return };
        let head = line.entries.first_key_value().map(|(rank, _)| *rank).filter(|_| !line.blocked);
        let age = line.by_age.first().map(|(since, _)| (*since).max(line.open_since));
        let now = head.zip(age);
        if line.listed != now {
            if let Some((rank, since)) = std::mem::replace(&mut line.listed, now) {
                self.heads.remove(&(rank, key.clone()));
                self.ages.remove(&(since, key.clone()));
            }
            if let Some((rank, since)) = now {
                self.heads.insert((rank, key.clone()));
                self.ages.insert((since, key.clone()));
            }
        }
        if line.entries.is_empty() {
            self.lines.remove(key);
        }
    }
}
