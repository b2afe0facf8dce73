//! `/v1/agents/{agent}/versions`

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::config::AgentConfig;

/// An immutable snapshot of an agent's configuration.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// `ver_...`
    pub version_id: String,
    /// The agent.
    pub agent_id: String,
    /// Counts from 1 without gaps.
    pub version: u32,
    /// SHA-256 of the canonical configuration: two versions with the same hash behave the same.
    pub content_hash: String,
    /// The configuration.
    pub config: AgentConfig,
    /// When it was made.
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
}

/// The difference between two versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VersionDiff {
    /// The older side; 0 (nothing) when the newer one is the agent's first version.
    pub from: u32,
    /// The newer side.
    pub to: u32,
    /// Each field that differs.
    pub changes: Vec<FieldChange>,
    /// The whole difference as unified text over the agent files, for people.
    pub unified: String,
}

/// One field that differs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// JSON pointer into the configuration.
    pub pointer: String,
    /// The older value; absent when the field is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// The newer value; absent when the field is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
}

/// Query of `GET /v1/agents/{agent}/versions/{version}/diff`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The version to compare with; the one before when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<u32>,
}
