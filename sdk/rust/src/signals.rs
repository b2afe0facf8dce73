//! Signals that people and programs send to an execution.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::Call;
use crate::bindings::moltforge::agent::signals;
use crate::timers::millis;

/// Waits for a signal: what it carries.
pub fn wait<T: DeserializeOwned>(name: &str) -> Call<T> {
    Call::new(signals::wait(name, None))
}

/// The same for so long; then it is an error.
pub fn wait_for<T: DeserializeOwned>(name: &str, longest: Duration) -> Call<T> {
    Call::new(signals::wait(name, Some(millis(longest))))
}
