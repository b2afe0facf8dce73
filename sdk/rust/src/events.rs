//! Events that start other agents.

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::Call;
use crate::bindings::moltforge::agent::events;

/// Publishes an event.
pub fn emit(kind: &str, data: &(impl Serialize + ?Sized)) -> Call<IgnoredAny> {
    Call::with(data, |data| events::emit(kind, None, Some(&data)))
}

/// Publishes an event for those that wait for this topic.
pub fn emit_to(topic: &str, kind: &str, data: &(impl Serialize + ?Sized)) -> Call<IgnoredAny> {
    Call::with(data, |data| events::emit(kind, Some(topic), Some(&data)))
}
