//! What the agent remembers between its runs.

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::Call;
use crate::bindings::moltforge::agent::state;

/// A value, if there is one.
pub fn get<T: DeserializeOwned>(key: &str) -> Call<Option<T>> {
    Call::new(state::get(key))
}

/// Keeps a value.
pub fn set(key: &str, value: &(impl Serialize + ?Sized)) -> Call<IgnoredAny> {
    Call::with(value, |value| state::set(key, &value))
}

/// Forgets a value.
pub fn delete(key: &str) -> Call<IgnoredAny> {
    Call::new(state::delete(key))
}
