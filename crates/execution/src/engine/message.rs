//! What executions tell each other. Durable in the sender's commit, taken in the receiver's; each may come twice.

use moltforge_types::ExecutionId;
use moltforge_types::execution::State;
use moltforge_types::journal::ErrorInfo;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Command;

/// The end of a child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildOutcome {
    /// Which child.
    pub child_id: ExecutionId,
    /// `completed`, `failed` or `cancelled`.
    pub state: State,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
}

/// One message. Stored as JSON: names and meanings never change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// From a child to its parent.
    ChildEnded(ChildOutcome),
    /// From a parent that has ended to its children.
    Stop {
        /// Who stopped the parent.
        by: String,
        /// What the receiver's journal says about it.
        note: String,
        /// At once.
        kill: bool,
    },
}

impl Message {
    /// What it is, in the message's row.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ChildEnded(_) => "child_ended",
            Self::Stop { .. } => "stop",
        }
    }

    /// What the receiver makes of it.
    pub fn command(self) -> Command {
        match self {
            Self::ChildEnded(outcome) => Command::ChildEnded(outcome),
            Self::Stop { by, note, kill } => Command::Stop { by, note: Some(note), kill },
        }
    }
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// To which execution.
    pub to: ExecutionId,
    /// Its shard.
    pub shard: u16,
    /// What it says.
    pub message: Message,
}
