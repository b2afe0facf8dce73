//! Time that goes by. An agent that waits for it is not in memory.

use std::time::Duration;

use crate::bindings::moltforge::agent::timers;
use crate::{Call, Either, race};

/// Waits. It may be for days.
pub fn sleep(duration: Duration) -> Call<()> {
    Call::new(timers::after(millis(duration)))
}

/// The output of a future, or nothing when it takes longer; then the future is dropped.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
    match race(future, sleep(duration)).await {
        Either::Left(output) => Some(output),
        Either::Right(_) => None,
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
