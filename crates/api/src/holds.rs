//! `/v1/holds`: agents and projects that are paused, or stopped by their kill switch.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A hold that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// The agent's id; absent for the whole project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// `pause` or `kill`.
    pub mode: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who set it.
    pub actor: String,
    /// When.
    pub created_at: String,
}

/// Body of `PUT /v1/holds/agents/{agent}` and `PUT /v1/holds/project`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetHold {
    /// `pause`: executions are paused and go on when the hold is lifted; new ones are accepted and wait. `kill`:
    /// executions are killed, new ones are refused until the hold is lifted.
    pub mode: String,
    /// Why, for people. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a hold that was set or lifted. Nothing held begins from the moment of this answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldReceipt {
    /// Executions that were stopped, or set to go on; absent when there were too many to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<u64>,
    /// Some are still being stopped, or set to go on.
    pub open: bool,
    /// How long it took, microseconds.
    pub took_us: u64,
}
