//! Where an execution comes from, and how it wants to be treated among others.

use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, TriggerId};

/// The priority of an execution that names none.
pub const DEFAULT_PRIORITY: u8 = 5;
/// The highest priority; 0 is the lowest.
pub const MAX_PRIORITY: u8 = 9;

/// What stands in an execution's first entry beside its trigger's kind. Empty for a plain call of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The trigger that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<TriggerId>,
    /// How many executions led to this one by events and webhooks, one after the other. Capped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chain_depth: u32,
    /// 0 (lowest) to 9; 5 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Executions of an agent with the same key run one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The execution that started it, for a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What it is a copy of, for a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<Fork>,
}

impl Origin {
    /// A plain call.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The priority that counts.
    pub fn effective_priority(&self) -> u8 {
        self.priority.unwrap_or(DEFAULT_PRIORITY)
    }
}

/// The parent of a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Who started it.
    pub execution_id: ExecutionId,
    /// The shard of that one.
    pub shard: u16,
    /// In which of its steps.
    pub step: u32,
    /// The execution at the top of the tree.
    pub root_id: ExecutionId,
    /// How far below the top: 1 for a child of the root.
    pub depth: u32,
}

/// The original of a fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Which execution.
    pub execution_id: ExecutionId,
    /// Its last entry that was copied.
    pub seq: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in like this")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
