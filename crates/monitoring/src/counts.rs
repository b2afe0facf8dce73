//! How many executions are in each state. Counting reads an index to its end: with a million of them that takes a quarter
//! of a second, and whoever scrapes asks again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use moltforge_types::ProjectId;
use moltforge_types::execution::State;

/// What took less is counted again for everybody who asks.
const SLOW: Duration = Duration::from_millis(100);
/// What took more is kept so many times as long: counting is one part in so many of the time, and no more.
const PART: u32 = 20;

type Numbers = Vec<(State, u64)>;

/// The latest counts of projects that are slow to count.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    kept: Mutex<HashMap<ProjectId, (Instant, Numbers)>>,
}

impl Counts {
    /// What was counted not long ago.
    pub(crate) fn find(&self, project_id: ProjectId) -> Option<Numbers> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&project_id).filter(|(until, _)| *until > Instant::now()).map(|(_, numbers)| numbers.clone())
    }

    /// Keeps what took so long to count, if that was long.
    pub(crate) fn keep(&self, project_id: ProjectId, numbers: &Numbers, took: Duration) {
        if took < SLOW {
            return;
        }
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| *until > now);
        kept.insert(project_id, (now + took * PART, numbers.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    #[test]
    fn only_what_is_slow_is_kept_and_not_for_ever() {
        let counts = Counts::default();
        let [quick, slow, old] = [1, 2, 3].map(ProjectId::from_u128);
        let numbers = vec![(State::Suspended, 1_000_000)];
        counts.keep(quick, &numbers, Duration::from_millis(99));
        counts.keep(old, &numbers, SLOW);
        counts.kept.lock().unwrap().values_mut().for_each(|(until, _)| *until = Instant::now());
        counts.keep(slow, &numbers, Duration::from_mins(1));
        assert_eq!([quick, slow, old].map(|id| counts.find(id)), [None, Some(numbers), None]);
        assert_eq!(counts.kept.lock().unwrap().len(), 1, "what is over is dropped");
    }
}
