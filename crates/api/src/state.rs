//! `/v1/agents/{agent}/state`

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One value of an agent's durable state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The execution that wrote it.
    pub execution_id: String,
    /// When it was written.
    pub updated_at: String,
}
