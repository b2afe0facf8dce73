//! Tools that the agent's file grants, built in or declared.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Call;
use crate::bindings::moltforge::agent::tools;

/// Calls a tool. `arguments` are an object: a struct, a map, `serde_json::json!({ ... })`.
pub fn call<T: DeserializeOwned>(name: &str, arguments: &(impl Serialize + ?Sized)) -> Call<T> {
    Call::with(arguments, |arguments| tools::call(name, &arguments))
}
