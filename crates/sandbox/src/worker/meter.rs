//! How much time on a processor a guest has used: the time of the worker's thread while it polls the guest.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::ticker::Ticker;

/// What one guest has used, in nanoseconds.
#[derive(Default)]
pub(crate) struct Meter {
    used: AtomicU64,
    since: AtomicU64,
}

impl Meter {
    /// Until now, while the guest runs.
    pub(crate) fn now(&self) -> Duration {
        let running = thread_time().saturating_sub(self.since.load(Ordering::Relaxed));
        Duration::from_nanos(self.used.load(Ordering::Relaxed).saturating_add(running))
    }

    /// Until it stopped, while it does not run.
    pub(crate) fn total(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }
}

fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A guest's future, measured and ticked at.
pub(crate) struct Metered<F> {
    inner: Pin<Box<F>>,
    meter: Arc<Meter>,
    ticker: Arc<Ticker>,
}

impl<F: Future> Metered<F> {
    /// Measures `inner`.
    pub(crate) fn new(inner: F, meter: Arc<Meter>, ticker: Arc<Ticker>) -> Self {
        Self { inner: Box::pin(inner), meter, ticker }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let start = thread_time();
        self.meter.since.store(start, Ordering::Relaxed);
        self.ticker.begin();
        let polled = self.inner.as_mut().poll(context);
        self.ticker.end();
        self.meter.used.fetch_add(thread_time().saturating_sub(start), Ordering::Relaxed);
        polled
    }
}
