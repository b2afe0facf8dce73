//! What the guests of each agent use on this node.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moltforge_sandbox::Meter;
use moltforge_types::ProjectId;

/// Agents that are remembered after their last guest, so that what it used is still told once.
const IDLE: usize = 10_000;
/// A share of a processor is told over at least this time.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts guests by agent. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meters(Arc<Mutex<HashMap<(ProjectId, String), Agent>>>);

/// What an agent uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// Its name.
    pub agent: String,
    /// Bytes of memory of its programs.
    pub memory: u64,
    /// Processor time since the last look, in per cent of one processor.
    pub cpu_percent: f64,
}

#[derive(Debug)]
struct Agent {
    live: BTreeMap<u64, Meter>,
    next: u64,
    /// Processor time of guests that are gone.
    gone: Duration,
    since: Instant,
    /// All processor time when the window began.
    before: Duration,
    cpu_percent: f64,
}

impl Agent {
    fn new(now: Instant) -> Self {
        let (live, zero) = (BTreeMap::new(), Duration::ZERO);
        Self { live, next: 0, gone: zero, since: now, before: zero, cpu_percent: 0.0 }
    }

    fn cpu(&self) -> Duration {
        self.gone + self.live.values().map(|meter| meter.read().cpu).sum::<Duration>()
    }

    fn look(&mut self, now: Instant) {
        let window = now.saturating_duration_since(self.since);
        if window >= WINDOW {
            let cpu = self.cpu();
            self.cpu_percent = 100.0 * cpu.saturating_sub(self.before).as_secs_f64() / window.as_secs_f64();
            (self.since, self.before) = (now, cpu);
        }
    }
}

/// A guest that is counted until this is dropped.
#[derive(Debug)]
pub struct Metered {
    meters: Meters,
    key: (ProjectId, String),
    id: u64,
}

impl Meters {
    /// Counts a guest.
    pub fn count(&self, project_id: ProjectId, agent: &str, meter: Meter) -> Metered {
        let key = (project_id, agent.to_owned());
        let mut all = self.all();
        if all.len() >= IDLE {
            all.retain(|_, agent| !agent.live.is_empty());
        }
        let counted = all.entry(key.clone()).or_insert_with(|| Agent::new(Instant::now()));
        let id = counted.next;
        counted.next += 1;
        counted.live.insert(id, meter);
        drop(all);
        Metered { meters: self.clone(), key, id }
    }

    /// What the agents of a project use, by name. One whose last guest is gone is told once more.
    pub fn of(&self, project_id: ProjectId) -> Vec<Used> {
        self.at(project_id, Instant::now())
    }

    fn at(&self, project_id: ProjectId, now: Instant) -> Vec<Used> {
        let mut used = Vec::new();
        self.all().retain(|(project, name), agent| {
            if *project != project_id {
                return true;
            }
            agent.look(now);
            let memory = agent.live.values().map(|meter| meter.read().memory).sum();
            used.push(Used { agent: name.clone(), memory, cpu_percent: agent.cpu_percent });
            // what it used since the last look is told by now
            !agent.live.is_empty() || agent.since != now
        });
        used.sort_by(|a, b| a.agent.cmp(&b.agent));
        used
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(ProjectId, String), Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(agent) = self.meters.all().get_mut(&self.key)
            && let Some(meter) = agent.live.remove(&self.id)
        {
            agent.gone += meter.read().cpu;
        }
    }
}

#[cfg(test)]
mod tests {
    use moltforge_sandbox::Usage;
    use moltforge_types::Id as _;

    use super::*;

    #[test]
    fn guests_count_for_their_agent() {
        let (meters, mine) = (Meters::default(), ProjectId::from_u128(1));
        let meter = |memory, cpu| Meter::of(Usage { memory, cpu: Duration::from_millis(cpu) });
        let first = meters.count(mine, "a", meter(10, 200));
        let _second = meters.count(mine, "a", meter(5, 300));
        let _other = meters.count(mine, "b", meter(7, 0));
        let _stranger = meters.count(ProjectId::from_u128(2), "a", meter(99, 99));
        let later = Instant::now() + Duration::from_secs(5);
        let used = meters.at(mine, later);
        assert_eq!(
            used.iter().map(|used| (used.agent.as_str(), used.memory)).collect::<Vec<_>>(),
            [("a", 15), ("b", 7)]
        );
        // half a second of five
        assert!((used[0].cpu_percent - 10.0).abs() < 0.1, "{used:?}");
        drop(first);
        let used = meters.at(mine, later + Duration::from_secs(5));
        assert_eq!((used[0].memory, used[0].cpu_percent), (5, 0.0), "what was used once is not told again");
    }

    #[test]
    fn an_agent_without_guests_is_told_once_more() {
        let (meters, mine) = (Meters::default(), ProjectId::from_u128(1));
        drop(meters.count(mine, "a", Meter::of(Usage { memory: 1, cpu: Duration::from_secs(1) })));
        let now = Instant::now();
        let used = meters.at(mine, now + Duration::from_secs(10));
        assert!(used[0].memory == 0 && used[0].cpu_percent > 9.0, "{used:?}");
        assert!(meters.at(mine, now + Duration::from_secs(20)).is_empty());
    }
}
