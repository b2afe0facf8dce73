//! What guests of code agents do, as the journal says it.

use serde::{Deserialize, Serialize};

/// A call that a guest asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestCall {
    /// 1, 2, 3, ... within its execution.
    pub id: u32,
    /// The capability: a tool, `timer` or `llm.complete`.
    pub name: String,
    /// The arguments as the guest wrote them: JSON.
    pub arguments: String,
    /// How many answers it had heard before it asked.
    pub after: u32,
}

/// What a guest wrote to its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestLog {
    /// How much it matters.
    pub level: GuestLogLevel,
    /// The text.
    pub message: String,
    /// How many answers it had heard before.
    pub after: u32,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestLogLevel {
    /// For its author, while it is being written.
    Debug,
    /// What it does.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// A call that a guest gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestCancel {
    /// The call.
    pub id: u32,
    /// How many answers it had heard before.
    pub after: u32,
}
