//! Until when this node may begin calls for what it owns, by its own monotonic clock.
//!
//! Everything that is about to leave looks here, so that a node that was stopped, or starved, begins nothing for shards
//! that may be another's by then: whoever first sees that the time is over ends it for good, and with it the term.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// It is over, and stays over.
const OVER: u64 = 0;
/// It ends with the process.
const UNLIMITED: u64 = u64::MAX;

/// The right to act, of one term.
#[derive(Debug)]
pub(crate) struct Authority {
    since: Instant,
    /// Microseconds after `since`.
    until: AtomicU64,
    over: watch::Sender<bool>,
}

impl Authority {
    /// For `length` from `since`.
    pub(crate) fn new(since: Instant, length: Duration) -> Self {
        Self { since, until: AtomicU64::new(micros(length)), over: watch::channel(false).0 }
    }

    /// As long as the process lives: something else proves that it is alone.
    pub(crate) fn unlimited() -> Self {
        Self { since: Instant::now(), until: AtomicU64::new(UNLIMITED), over: watch::channel(false).0 }
    }

    /// Whether calls may begin now.
    pub(crate) fn holds(&self) -> bool {
        self.change(|until| until)
    }

    /// Extends it to `length` from `since`. `false` when it was over before: then it stays so.
    pub(crate) fn extend(&self, since: Instant, length: Duration) -> bool {
        let until = micros(since.saturating_duration_since(self.since) + length);
        self.change(|was| was.max(until))
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.until.store(OVER, Ordering::SeqCst);
        self.over.send_replace(true);
    }

    /// Waits until somebody has seen that it is over. Its end alone wakes nobody: look from time to time.
    pub(crate) async fn over(&self) {
        // this is the sender
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    fn change(&self, next: impl Fn(u64) -> u64) -> bool {
        let now = micros(self.since.elapsed());
        let changed = self.until.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |until| match until {
            OVER => None,
            UNLIMITED => Some(UNLIMITED),
            _ if until <= now => None,
            _ => Some(next(until)),
        });
        if changed.is_err() {
            self.end();
        }
        changed.is_ok()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(UNLIMITED - 1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn it_ends_by_the_clock_alone_and_never_comes_back() {
        let authority = Authority::new(Instant::now(), LENGTH);
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(authority.holds());
        tokio::time::advance(Duration::from_millis(1)).await;
        // nobody looked: an extension that comes too late is refused all the same
        assert!(!authority.extend(Instant::now(), LENGTH));
        assert!(!authority.holds());
        authority.over().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_counts_from_when_it_was_asked_for_and_never_shortens() {
        let authority = Authority::new(Instant::now(), LENGTH);
        let asked = Instant::now();
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(authority.extend(asked + Duration::from_secs(5), LENGTH));
        assert!(authority.extend(asked, LENGTH), "an answer that is older");
        tokio::time::advance(Duration::from_secs(8)).await;
        assert!(authority.holds());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!authority.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_lasts_until_it_is_ended() {
        let authority = Authority::unlimited();
        tokio::time::advance(Duration::from_hours(24 * 365)).await;
        assert!(authority.holds());
        authority.end();
        assert!(!authority.holds() && !authority.extend(Instant::now(), LENGTH));
    }
}
