//! Clocks that follow the paused time of the runtime, each with its own error.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moltforge_types::{Clock, Timestamp};
use tokio::time::Instant;

/// 2026-01-01: an arbitrary day.
const BASE: i64 = 1_767_225_600_000_000;

#[derive(Clone)]
pub(super) struct SimClock {
    start: Instant,
    skew: Arc<AtomicI64>,
    /// How often it was asked.
    asked: Arc<AtomicI64>,
}

/// More often than any run asks that does not turn in a hot loop.
const MOST: i64 = 2_000_000;

impl SimClock {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, skew: Arc::default(), asked: Arc::default() }
    }

    pub(super) fn jump(&self, forward: bool, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(0);
        self.skew.fetch_add(if forward { by } else { -by }, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> i64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Right again.
    pub(super) fn set_right(&self) {
        self.skew.store(0, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        // what is dropped in a panic asks, too
        assert!(
            asked < MOST || std::thread::panicking(),
            "something turns in a hot loop: the time was asked for {MOST} times"
        );
        let passed = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(0);
        Timestamp::from_micros(BASE + passed + self.skew.load(Ordering::Relaxed))
    }
}
