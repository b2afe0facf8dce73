//! `/v1/agents`

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::config::AgentConfig;
use crate::deployments::Deployment;

/// An agent: a named definition with versions and deployments.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// `agt_...`
    pub agent_id: String,
    /// Unique in the project.
    pub name: String,
    /// From the latest version.
    pub description: String,
    /// The number of the latest version. Also the `ETag`, as `"<number>"`.
    pub latest_version: u32,
    /// The latest version's configuration.
    pub config: AgentConfig,
    /// What is live, per environment.
    pub deployments: Vec<Deployment>,
    /// When it was created.
    pub created_at: String,
    /// When its latest version was made.
    pub updated_at: String,
    /// When it was deleted, if it was: its history stays readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
}

/// Body of `POST /v1/agents`. The same operation takes an agent file as `application/toml`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    /// The configuration of version 1.
    pub config: AgentConfig,
}

/// Filters of `GET /v1/agents`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAgents {
    /// Only names that start with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// Only agents that are live in this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Deleted ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `DELETE /v1/agents/{agent}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteAgent {
    /// `cancel` stops the agent's live executions first; without it their presence refuses the deletion (409
    /// `agent_has_live_executions`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<String>,
}
