//! The scheduler's rules: shares, priorities, ageing, limits, skipping; and that nothing waits for ever.

mod gates;
mod properties;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use moltforge_types::{AgentId, Ambient, ExecutionId, Id as _, ProjectId, SeededRandom, TestClock, Timestamp};

use super::{Claimant, Entry, Fairness};
use crate::config::Config;

/// A scheduler whose clock stands still until it is moved.
struct World {
    fairness: Fairness,
    clock: Arc<TestClock>,
    ambient: Ambient,
}

impl World {
    fn new(config: &Config) -> Self {
        let clock = Arc::new(TestClock::new(Timestamp::from_micros(1_000_000_000)));
        let ambient = Ambient::new(clock.clone(), Arc::new(SeededRandom::new(7)));
        Self { fairness: Fairness::new(config, ambient.clone()), clock, ambient }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn push(&self, claimant: Claimant, priority: u8) {
        let since = self.ambient.now();
        self.fairness.push(Entry { claimant: Arc::new(claimant), priority, begun: false, lane: 0, since });
    }
}

fn project(n: u128) -> ProjectId {
    ProjectId::from_u128(n)
}

fn execution(n: u128) -> ExecutionId {
    ExecutionId::from_u128(n)
}

fn claimant(n: u128, project_id: u128, agent_id: u128) -> Claimant {
    Claimant {
        execution_id: execution(n),
        project_id: project(project_id),
        agent_id: AgentId::from_u128(agent_id),
        key: None,
        agent_limit: None,
        key_limit: 1,
    }
}
