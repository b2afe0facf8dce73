//! Who has room on the node, who waits for it, and who has to leave: the rules, without a clock, a task or a process.
//!
//! Older means begun earlier, also when a guest was rebuilt since. The oldest guest that wants to grow always can in the
//! end, so nobody waits for each other for ever; no project is kept from its share by others.

mod pressure;
mod project;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use project::{Key, Project, Wish};

/// So often others may pass one who waits and has a right to what it waits for.
pub(super) const PATIENCE: u32 = 64;
/// So many who wait are looked at in each project. Those behind them are not where the room is short.
const LOOK: usize = 16;
/// Room is made for so many at a time, one of each project.
const PLANS: usize = 16;

/// Names a guest from the moment at which it wants to enter.
pub(super) type Ticket = u64;
/// When it began, and its ticket.
pub(super) type Age = (u64, Ticket);

/// What there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) memory: u64,
    pub(super) guests: u32,
    pub(super) per_project: u32,
}

/// What was decided, to be carried out in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Enters(Ticket),
    Grows(Ticket),
    Leaves(Ticket),
}

/// A guest that was let in.
#[derive(Debug)]
struct Holder {
    project: Arc<str>,
    age: Age,
    memory: u64,
    /// Since when it waits for an answer, as a number that grows.
    idle: Option<u64>,
    /// It was told to leave.
    leaving: bool,
}

/// The rooms of a node.
#[derive(Debug)]
pub(super) struct Ledger {
    node: Node,
    projects: HashMap<Arc<str>, Project>,
    holders: HashMap<Ticket, Holder>,
    /// Who waits for an answer, longest first.
    idle: BTreeMap<u64, Ticket>,
    moments: u64,
    tickets: Ticket,
    /// Bytes that holders have.
    memory: u64,
    /// Bytes of processes beyond what their guests have.
    extra: u64,
    /// Bytes and guests that are about to leave.
    leaving: (u64, u32),
    /// Who waits, to enter or to grow.
    waiting: usize,
    /// For whom others were told to leave: nobody gets what they leave before.
    promise: Option<(Arc<str>, Key)>,
}

/// Who may be dismissed for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Whoever waits for an answer, and those of projects that have more than their share.
    Usual,
    /// Also those of its project that are younger.
    Project,
    /// Also everybody else who is younger.
    Node,
}

impl Ledger {
    pub(super) fn new(node: Node) -> Self {
        Self {
            node,
            projects: HashMap::new(),
            holders: HashMap::new(),
            idle: BTreeMap::new(),
            moments: 0,
            tickets: 0,
            memory: 0,
            extra: 0,
            leaving: (0, 0),
            waiting: 0,
            promise: None,
        }
    }

    /// Somebody wants to enter.
    pub(super) fn wants(&mut self, project: &str, began: u64, memory: u64) -> Ticket {
        self.tickets += 1;
        self.waiting += 1;
        let key = Key::enter((began, self.tickets));
        self.project(project).wishes.insert(key, Wish::of(memory));
        self.tickets
    }

    /// A holder wants more. Nothing when that can never be.
    pub(super) fn wants_more(&mut self, ticket: Ticket, memory: u64) -> Option<()> {
        let holder = self.holders.get(&ticket)?;
        if holder.memory.saturating_add(memory) > self.node.memory {
            return None;
        }
        if holder.leaving {
            return Some(());
        }
        let (age, project) = (holder.age, Arc::clone(&holder.project));
        let project = self.project(&project);
        let before = project.wishes.insert(Key::grow(age), Wish::of(memory));
        project.growing += usize::from(before.is_none());
        self.waiting += usize::from(before.is_none());
        Some(())
    }

    /// Whoever wanted to enter no longer does, or the holder is gone.
    pub(super) fn leaves(&mut self, project: &str, began: u64, ticket: Ticket) {
        let age = (began, ticket);
        let name = project;
        if let Some(holder) = self.holders.remove(&ticket) {
            self.memory -= holder.memory;
            if let Some(moment) = holder.idle {
                self.idle.remove(&moment);
            }
            if holder.leaving {
                self.leaving = (self.leaving.0 - holder.memory, self.leaving.1 - 1);
            }
            let project = self.project(name);
            project.memory -= holder.memory;
            project.holders.remove(&age);
            project.idle -= usize::from(holder.idle.is_some());
            project.leaving -= usize::from(holder.leaving);
        }
        let project = self.project(name);
        let entered = project.wishes.remove(&Key::enter(age)).is_some();
        let grew = project.wishes.remove(&Key::grow(age)).is_some();
        project.growing -= usize::from(grew);
        self.waiting -= usize::from(entered) + usize::from(grew);
        self.forget_if_empty(name);
    }

    /// A holder waits for an answer, or no longer.
    pub(super) fn is_idle(&mut self, ticket: Ticket, idle: bool) {
        let Some(holder) = self.holders.get_mut(&ticket) else { return };
        if holder.leaving || holder.idle.is_some() == idle {
            return;
        }
        let before = holder.idle.take();
        self.moments += 1;
        holder.idle = idle.then_some(self.moments);
        let project = Arc::clone(&holder.project);
        if let Some(moment) = before {
            self.idle.remove(&moment);
        }
        if idle {
            self.idle.insert(self.moments, ticket);
        }
        let project = self.project(&project);
        if idle {
            project.idle += 1;
        } else {
            project.idle -= 1;
        }
    }

    /// So many bytes do the guests of a project really use: what they wrote of the memory that they began with, and
    /// what the process needs for each of them, is in no growth.
    pub(super) fn uses(&mut self, project: &str, bytes: u64) {
        let entry = self.project(project);
        let extra = bytes.saturating_sub(entry.memory);
        let before = std::mem::replace(&mut entry.extra, extra);
        self.extra = self.extra - before + extra;
        self.forget_if_empty(project);
    }

    /// Bytes that are taken, holders, and who waits.
    pub(super) fn load(&self) -> (u64, usize, usize) {
        (self.memory + self.extra, self.holders.len(), self.waiting)
    }

    /// Holders of one project.
    pub(super) fn guests_of(&self, project: &str) -> usize {
        self.projects.get(project).map_or(0, |project| project.holders.len())
    }

    /// Whether anybody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting > 0
    }

    /// Bytes of a holder.
    pub(super) fn memory_of(&self, ticket: Ticket) -> u64 {
        self.holders.get(&ticket).map_or(0, |holder| holder.memory)
    }

    /// Decides what can be decided now.
    pub(super) fn settle(&mut self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        while self.waiting > 0 && self.keeps_promise(&mut decisions) {
            if !self.pass(&mut decisions) && !self.unstick(&mut decisions) {
                break;
            }
        }
        self.relieve(&mut decisions);
        decisions
    }

    /// Gives what was promised if it is there now. Whether others may come after it.
    fn keeps_promise(&mut self, decisions: &mut Vec<Decision>) -> bool {
        let Some((project, key)) = self.promise.take() else { return true };
        let Some(candidate) = self.candidate(&project, key) else { return true };
        if self.fits(&candidate) {
            self.grant(&candidate, decisions);
            return true;
        }
        if self.leaving.1 == 0 {
            // somebody used more meanwhile
            return !self.make_room(&candidate, Scope::Usual, decisions);
        }
        self.promise = Some((project, key));
        false
    }

    /// One look at those who wait. Whether somebody got what it wants.
    fn pass(&mut self, decisions: &mut Vec<Decision>) -> bool {
        let (mut granted, mut unfit) = (false, Vec::<(Arc<str>, Key)>::new());
        for candidate in self.candidates() {
            if self.fits(&candidate) {
                self.grant(&candidate, decisions);
                granted = true;
                for (project, key) in &unfit {
                    self.passed(project, *key);
                }
                continue;
            }
            let is_first = unfit.len() < PLANS && unfit.iter().all(|(project, _)| *project != candidate.project);
            if is_first && self.make_room(&candidate, Scope::Usual, decisions) {
                return false;
            }
            let closes = candidate.is_urgent;
            if !candidate.is_blocked_by_its_project {
                unfit.push((candidate.project, candidate.key));
            }
            if closes {
                break;
            }
        }
        granted
    }

    /// Where nobody goes on by itself the oldest has to, at the expense of those younger. Whether somebody got something.
    fn unstick(&mut self, decisions: &mut Vec<Decision>) -> bool {
        if self.promise.is_some() || self.leaving.1 > 0 {
            return false;
        }
        let stuck = self.projects.iter().filter(|(_, project)| project.is_stuck());
        let mut oldest: Vec<_> = stuck.filter_map(|(name, one)| Some((one.oldest_wish()?, Arc::clone(name)))).collect();
        oldest.sort_unstable_by_key(|(key, _)| key.age);
        let scope = if self.projects.values().all(Project::is_stuck) { Scope::Node } else { Scope::Project };
        for (key, project) in oldest {
            let Some(candidate) = self.candidate(&project, key) else { continue };
            // the door may be closed for others alone
            if self.fits(&candidate) {
                self.grant(&candidate, decisions);
                return true;
            }
            if self.make_room(&candidate, scope, decisions) {
                return false;
            }
        }
        false
    }

    /// Who waits, those first who have most right to come first.
    fn candidates(&self) -> Vec<Candidate> {
        let of = |(name, project): (&Arc<str>, &Project)| {
            let keys: Vec<_> = project.wishes.keys().take(LOOK).copied().collect();
            keys.into_iter().filter_map(|key| self.candidate(name, key)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.projects.iter().flat_map(of).collect();
        // of those who have waited for long the oldest, else those of the smallest project
        all.sort_by_cached_key(|one| {
            let used = if one.is_urgent { 0 } else { self.projects.get(&one.project).map_or(0, Project::used) };
            (one.is_over, !one.is_urgent, used, one.key)
        });
        all
    }

    fn candidate(&self, name: &Arc<str>, key: Key) -> Option<Candidate> {
        let project = self.projects.get(name)?;
        let wish = project.wishes.get(&key)?;
        let is_over = project.would_be_over(self.share(), key, wish.memory);
        let is_blocked_by_its_project = key.enters && project.holders.len() >= self.node.per_project as usize;
        let is_urgent = wish.passed >= PATIENCE && !is_blocked_by_its_project;
        let project = Arc::clone(name);
        Some(Candidate { project, key, memory: wish.memory, is_over, is_urgent, is_blocked_by_its_project })
    }

    /// What each project may use while others want something, too.
    fn share(&self) -> u64 {
        if self.projects.len() <= 1 {
            return u64::MAX;
        }
        self.node.memory / u64::try_from(self.projects.len().max(1)).unwrap_or(u64::MAX)
    }

    fn fits(&self, candidate: &Candidate) -> bool {
        let Candidate { project, key, memory, .. } = candidate;
        let inside = self.projects.get(project).map_or(0, |project| project.holders.len());
        if key.enters && (inside >= self.node.per_project as usize || self.holders.len() >= self.node.guests as usize) {
            return false;
        }
        // what processes use besides cannot keep out the only one
        let others = self.holders.len() - usize::from(!key.enters);
        let extra = if others == 0 { 0 } else { self.extra };
        self.memory.saturating_add(extra).saturating_add(*memory) <= self.node.memory
    }

    fn grant(&mut self, candidate: &Candidate, decisions: &mut Vec<Decision>) {
        let Candidate { project: name, key, memory, .. } = candidate;
        let (age, ticket) = (key.age, key.age.1);
        let project = self.project(name);
        project.wishes.remove(key);
        project.memory += memory;
        if key.enters {
            project.holders.insert(age);
            let holder = Holder { project: Arc::clone(name), age, memory: *memory, idle: None, leaving: false };
            self.holders.insert(ticket, holder);
            decisions.push(Decision::Enters(ticket));
        } else {
            project.growing -= 1;
            if let Some(holder) = self.holders.get_mut(&ticket) {
                holder.memory += memory;
            }
            decisions.push(Decision::Grows(ticket));
        }
        self.memory += memory;
        self.waiting -= 1;
    }

    fn passed(&mut self, project: &str, key: Key) {
        if let Some(wish) = self.projects.get_mut(project).and_then(|project| project.wishes.get_mut(&key)) {
            wish.passed += 1;
        }
    }

    fn project(&mut self, name: &str) -> &mut Project {
        if !self.projects.contains_key(name) {
            self.projects.insert(name.into(), Project::default());
        }
        self.projects.entry(name.into()).or_default()
    }

    fn forget_if_empty(&mut self, name: &str) {
        if self.projects.get(name).is_some_and(Project::is_empty) {
            self.projects.remove(name);
        }
    }
}

/// Somebody who waits.
#[derive(Debug)]
struct Candidate {
    project: Arc<str>,
    key: Key,
    memory: u64,
    /// It would have more than its project's share.
    is_over: bool,
    /// Others have passed it often enough: nobody behind it gets anything before.
    is_urgent: bool,
    /// It waits for its own project, others may pass for ever.
    is_blocked_by_its_project: bool,
}

#[cfg(test)]
mod tests;
