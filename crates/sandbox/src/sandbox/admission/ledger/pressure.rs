//! Who has to leave so that others have room. Who leaves is rebuilt later: it loses time, no work that is written down.

use std::sync::Arc;

use super::project::{Key, Project};
use super::{Age, Candidate, Decision, Ledger, Scope, Ticket};

impl Ledger {
    /// Tells others to leave if this one then has room, and promises it to it. Whether it did.
    pub(super) fn make_room(&mut self, candidate: &Candidate, scope: Scope, decisions: &mut Vec<Decision>) -> bool {
        let victims = self.room_for(candidate, scope).unwrap_or_default();
        let some = !victims.is_empty();
        for victim in victims {
            self.dismiss(victim, decisions);
        }
        if some {
            self.promise = Some((Arc::clone(&candidate.project), candidate.key));
        }
        some
    }

    /// Whom to dismiss so that this one has room, if that can be. Nobody when enough of them are about to leave.
    fn room_for(&self, candidate: &Candidate, scope: Scope) -> Option<Vec<Ticket>> {
        let Candidate { project: name, key, memory, .. } = candidate;
        let project = self.projects.get(name)?;
        let (coming, going) = self.leaving;
        let wanted = self.memory.saturating_add(self.extra).saturating_add(*memory);
        let mut bytes = wanted.saturating_sub(self.node.memory.saturating_add(coming));
        let inside = self.holders.len().saturating_sub(going as usize);
        let mut node = key.enters && inside >= self.node.guests as usize;
        let here = project.holders.len().saturating_sub(project.leaving);
        let mut places = key.enters && here >= self.node.per_project as usize;
        let mut victims = Vec::new();
        for victim in self.victims(candidate, scope) {
            if bytes == 0 && !node && !places {
                break;
            }
            let Some(holder) = self.holders.get(&victim) else { continue };
            let is_of_project = holder.project == *name;
            if holder.leaving || victim == key.age.1 || victims.contains(&victim) || (places && !is_of_project) {
                continue;
            }
            bytes = bytes.saturating_sub(holder.memory);
            (node, places) = (false, places && !is_of_project);
            victims.push(victim);
        }
        // what processes use besides cannot keep out the only one
        let others = inside - victims.len() - usize::from(!key.enters);
        ((bytes == 0 || others == 0) && !node && !places).then_some(victims)
    }

    /// Who may be dismissed for this one, those first whom it costs least.
    fn victims(&self, candidate: &Candidate, scope: Scope) -> impl Iterator<Item = Ticket> {
        let Candidate { project: name, key, is_over, .. } = candidate;
        let mut computing: Vec<Ticket> = Vec::new();
        // nobody but its oldest is safe in a project that has more than its share
        if !is_over {
            let share = self.share();
            let mut over: Vec<_> = self.projects.iter().filter(|(_, other)| other.used() > share).collect();
            over.sort_by_key(|(_, other)| std::cmp::Reverse(other.used()));
            let ages = over.iter().flat_map(|(_, other)| other.holders.iter().skip(1).rev());
            computing.extend(ages.map(|age| age.1));
        }
        let younger = |age: &&Age| **age > key.age;
        if scope != Scope::Usual
            && let Some(project) = self.projects.get(name)
        {
            computing.extend(project.holders.iter().rev().take_while(younger).map(|age| age.1));
        }
        if scope == Scope::Node {
            let mut ages: Vec<_> = self.holders.values().map(|holder| holder.age).collect();
            ages.sort_unstable_by(|a, b| b.cmp(a));
            computing.extend(ages.iter().take_while(younger).map(|age| age.1));
        }
        // who waits for an answer loses least
        let share = self.share();
        let may = move |ticket: &Ticket| {
            let Some(holder) = self.holders.get(ticket) else { return false };
            let used = self.projects.get(&holder.project).map_or(0, Project::used);
            !is_over || holder.project == *name || used > share
        };
        self.idle.values().copied().filter(may).chain(computing)
    }

    /// Processes use more than their guests said: some have to leave.
    pub(super) fn relieve(&mut self, decisions: &mut Vec<Decision>) {
        while (self.memory - self.leaving.0).saturating_add(self.extra) > self.node.memory
            && self.holders.len() - self.leaving.1 as usize > 1
        {
            let stays = |ticket: &Ticket| self.holders.get(ticket).is_some_and(|holder| !holder.leaving);
            let idle = self.idle.values().copied().find(stays);
            let largest = || {
                let mut projects: Vec<_> = self.projects.values().collect();
                projects.sort_by_key(|project| std::cmp::Reverse(project.used()));
                let all = projects.iter().flat_map(|project| project.holders.iter().skip(1).rev());
                all.map(|age| age.1).find(stays)
            };
            let youngest = || self.holders.values().map(|one| one.age).filter(|age| stays(&age.1)).max();
            let Some(victim) = idle.or_else(largest).or_else(|| youngest().map(|age| age.1)) else { return };
            self.dismiss(victim, decisions);
        }
    }

    /// Tells one to leave. What it waits for is not wanted any more.
    pub(super) fn dismiss(&mut self, victim: Ticket, decisions: &mut Vec<Decision>) {
        let Some(holder) = self.holders.get_mut(&victim) else { return };
        if std::mem::replace(&mut holder.leaving, true) {
            return;
        }
        let (name, age) = (Arc::clone(&holder.project), holder.age);
        self.leaving = (self.leaving.0 + holder.memory, self.leaving.1 + 1);
        let idle = holder.idle.take();
        if let Some(moment) = idle {
            self.idle.remove(&moment);
        }
        let project = self.project(&name);
        project.leaving += 1;
        project.idle -= usize::from(idle.is_some());
        let grew = project.wishes.remove(&Key::grow(age)).is_some();
        project.growing -= usize::from(grew);
        self.waiting -= usize::from(grew);
        decisions.push(Decision::Leaves(victim));
    }
}
