//! Wake-ups of the near future. The rows are the truth; this is what the owner need not ask them for.

use std::collections::BTreeMap;
use std::time::Duration;

use moltforge_types::{ExecutionId, ProjectId, Timestamp};

/// How far ahead wake-ups are kept in memory; later ones are read from the rows when they come near.
pub(crate) const HORIZON: Duration = Duration::from_mins(10);
/// How often the rows are asked for what comes into the horizon.
pub(crate) const REFILL: Duration = Duration::from_mins(5);

/// Wake-ups by time, at most one for each execution.
#[derive(Default)]
pub(crate) struct Timers {
    by_time: BTreeMap<(Timestamp, ExecutionId), ProjectId>,
    by_execution: super::Map<ExecutionId, Timestamp>,
}

impl Timers {
    /// Sets, moves or removes an execution's wake-up.
    pub(crate) fn set(&mut self, project_id: ProjectId, id: ExecutionId, wake_at: Option<Timestamp>, now: Timestamp) {
        let wake_at = wake_at.filter(|at| *at <= now.plus(HORIZON));
        if self.by_execution.get(&id).copied() == wake_at {
            return;
        }
        if let Some(before) = self.by_execution.remove(&id) {
            self.by_time.remove(&(before, id));
        }
        if let Some(at) = wake_at {
            self.by_execution.insert(id, at);
            self.by_time.insert((at, id), project_id);
        }
    }

    /// When the earliest one comes.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes one whose time has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(ProjectId, ExecutionId)> {
        let first = self.by_time.first_entry()?;
        let (at, id) = *first.key();
        if at > now {
            return None;
        }
        let project_id = first.remove();
        self.by_execution.remove(&id);
        Some((project_id, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    #[test]
    fn one_wake_up_each_in_order() {
        let at = Timestamp::from_micros;
        let (a, b, c) = (ExecutionId::from_u128(1), ExecutionId::from_u128(2), ExecutionId::from_u128(3));
        let p = ProjectId::from_u128(9);
        let mut timers = Timers::default();
        timers.set(p, a, Some(at(50)), at(0));
        timers.set(p, b, Some(at(20)), at(0));
        timers.set(p, c, Some(at(0).plus(HORIZON + Duration::from_secs(1))), at(0));
        timers.set(p, a, Some(at(10)), at(0));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(5)), None);
        assert_eq!(timers.take_due(at(30)), Some((p, a)));
        timers.set(p, b, None, at(30));
        assert_eq!(timers.take_due(Timestamp::from_micros(i64::MAX)), None);
    }
}
