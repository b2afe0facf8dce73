//! Other agents as children.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Call;
use crate::bindings::moltforge::agent::agents::{self, Mode};
use crate::timers::millis;

/// Runs an agent: its output.
pub fn call<T: DeserializeOwned>(agent: &str, input: &(impl Serialize + ?Sized)) -> Call<T> {
    Call::with(input, |input| agents::call(agent, Some(&input), None))
}

/// The same for so long; then it is an error.
pub fn call_for<T: DeserializeOwned>(agent: &str, input: &(impl Serialize + ?Sized), longest: Duration) -> Call<T> {
    Call::with(input, |input| agents::call(agent, Some(&input), Some(millis(longest))))
}

/// A child that was started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// Its execution.
    pub execution_id: String,
}

/// Starts an agent, and does not wait for it.
pub fn start(agent: &str, input: &(impl Serialize + ?Sized)) -> Call<Started> {
    Call::with(input, |input| agents::start(agent, Some(&input)))
}

/// Waits for all of these children: those that ended and those that are open.
pub fn wait(children: &[Started]) -> Call<Value> {
    wait_mode(children, Mode::All, None)
}

/// Waits for any of these children.
pub fn wait_any(children: &[Started]) -> Call<Value> {
    wait_mode(children, Mode::Any, None)
}

/// Waits for all of these children, for so long.
pub fn wait_for(children: &[Started], longest: Duration) -> Call<Value> {
    wait_mode(children, Mode::All, Some(longest))
}

fn wait_mode(children: &[Started], mode: Mode, longest: Option<Duration>) -> Call<Value> {
    let ids: Vec<String> = children.iter().map(|child| child.execution_id.clone()).collect();
    Call::new(agents::wait(&ids, mode, longest.map(millis)))
}
