//! Why a call has no value.

use std::fmt;

use serde_json::Value;

use crate::bindings::moltforge::agent::calls;

/// What a call or an agent returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call has no value, or a run no output.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// A stable name. Those of MoltForge have pages in its documentation: `host_not_granted`, `tool_arguments_invalid`, ...
    pub code: String,
    /// What happened.
    pub message: String,
    /// More about it.
    pub details: Option<Value>,
}

impl Error {
    /// An error of your own.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

impl From<calls::Error> for Error {
    fn from(error: calls::Error) -> Self {
        let details = error.details.and_then(|text| serde_json::from_str(&text).ok());
        Self { code: error.code, message: error.message, details }
    }
}

impl From<Error> for calls::Error {
    fn from(error: Error) -> Self {
        Self { code: error.code, message: error.message, details: error.details.map(|value| value.to_string()) }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new("json", error.to_string())
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::new("failed", message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::new("failed", message)
    }
}
