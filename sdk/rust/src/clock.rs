//! The time of the execution. It stands still between two answers, and is the same after a crash.

use std::time::{Duration, SystemTime};

use crate::bindings::moltforge::agent::clock;

/// Now. `SystemTime::now` does not exist here.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(clock::now())
}
