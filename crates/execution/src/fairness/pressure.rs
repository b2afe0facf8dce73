//! When new executions are refused: a project's queue is too long, too large, or too old.

use std::collections::HashMap;
use std::time::Duration;

use moltforge_types::{ProjectId, Timestamp};

use super::Fairness;
use crate::config::Config;

/// The shortest and the longest time after which a refused client is asked to come back.
const RETRY: (u64, u64) = (1, 300);
/// Picks of a project are counted over so long.
const WINDOW: Duration = Duration::from_secs(10);
/// Projects whose pace is remembered.
const MAX_KEPT: usize = 4_096;

/// Why a start is refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// As many wait as may, in number or bytes.
    Full {
        /// When there is likely to be room.
        retry_after: Duration,
    },
    /// The oldest has waited longer than it should.
    Old {
        /// How long.
        waited: Duration,
        /// When the queue is likely to be short enough again.
        retry_after: Duration,
    },
}

/// What a queue may grow to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    queued: usize,
    bytes: usize,
    queued_per_project: usize,
    bytes_per_project: usize,
    age: Duration,
}

impl Bounds {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            queued: config.max_queued,
            bytes: config.max_queued_bytes,
            queued_per_project: config.queued_per_project(),
            bytes_per_project: config.max_queued_bytes / 2,
            age: Duration::from_secs(config.queue_age_seconds.max(1)),
        }
    }
}

/// How fast the executions of each project have been let in lately.
#[derive(Debug, Default)]
pub(super) struct Rates {
    of: HashMap<ProjectId, Pace>,
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Timestamp,
    picks: u64,
    /// Picks of the window before.
    before: u64,
}

impl Rates {
    pub(super) fn picked(&mut self, project_id: ProjectId, now: Timestamp) {
        if self.of.len() > MAX_KEPT {
            self.of.retain(|_, pace| now.since(pace.since) < WINDOW * 2);
        }
        let pace = self.of.entry(project_id).or_insert(Pace { since: now, picks: 0, before: 0 });
        let passed = now.since(pace.since);
        if passed >= WINDOW {
            pace.before = if passed < WINDOW * 2 { pace.picks } else { 0 };
            (pace.picks, pace.since) = (0, now);
        }
        pace.picks += 1;
    }

    /// How long it takes to let in so many, at the pace of late. `None` when nothing was let in.
    fn time_for(&self, project_id: ProjectId, number: usize, now: Timestamp) -> Option<Duration> {
        let pace = self.of.get(&project_id)?;
        let passed = now.since(pace.since);
        if passed >= WINDOW * 2 {
            return None;
        }
        let over = if pace.before > 0 { passed + WINDOW } else { passed.max(Duration::from_millis(100)) };
        let (picks, number) = (u128::from((pace.picks + pace.before).max(1)), number as u128);
        let micros = number.saturating_mul(over.as_micros()) / picks;
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
    }
}

/// Rounded up, within what a client is asked to wait.
fn whole_seconds(time: Duration) -> Duration {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    Duration::from_secs(seconds.clamp(RETRY.0, RETRY.1))
}

impl Fairness {
    /// Whether one more execution of this project may wait.
    ///
    /// What waits for its own agent's limit or concurrency key does so because its author wants it: it counts in number
    /// and bytes, not in age.
    pub(crate) fn pressure(&self, project_id: ProjectId) -> Result<(), Pressure> {
        let now = self.ambient.now();
        let inner = self.lock();
        let (number, bytes) = inner.ready.of_project(project_id);
        if number == 0 && inner.ready.len() < inner.bounds.queued {
            return Ok(());
        }
        let bounds = inner.bounds;
        let wait = |rest: usize| {
            let time = inner.rates.time_for(project_id, rest.max(1), now).unwrap_or(bounds.age);
            whole_seconds(time)
        };
        let full = inner.ready.len() >= bounds.queued
            || inner.ready.bytes() >= bounds.bytes
            || number >= bounds.queued_per_project
            || bytes >= bounds.bytes_per_project;
        if full {
            return Err(Pressure::Full { retry_after: wait(1) });
        }
        let Some(oldest) = inner.ready.oldest(project_id) else { return Ok(()) };
        let waited = now.since(oldest);
        if waited <= bounds.age {
            return Ok(());
        }
        // those who wait now are let in, but for what fits into the target
        let whole = inner.rates.time_for(project_id, number, now).unwrap_or(bounds.age * 2);
        let rest = whole.saturating_sub(bounds.age).max(Duration::from_secs(1));
        Err(Pressure::Old { waited, retry_after: whole_seconds(rest) })
    }
}
