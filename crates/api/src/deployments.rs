//! `/v1/agents/{agent}/deployments`

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A version made live in an environment. The newest of an environment that is not ended is the live one; the others
/// are its history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// `dep_...`
    pub deployment_id: String,
    /// The agent.
    pub agent_id: String,
    /// The agent's name.
    pub agent_name: String,
    /// The environment, e.g. `production`.
    pub environment: String,
    /// The version's number.
    pub version: u32,
    /// `live`, `superseded` or `undeployed`.
    pub status: String,
    /// `deploy` or `rollback`.
    pub action: String,
    /// When it went live.
    pub created_at: String,
    /// Who did it.
    pub created_by: String,
    /// When it ceased to be live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// Body of `POST /v1/agents/{agent}/deployments`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The version's number; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The environment; `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// Body of `POST /v1/agents/{agent}/rollback`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The environment; `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The version to go back to; when absent the one that was live before the live one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Filters of `GET /v1/agents/{agent}/deployments`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeployments {
    /// Only those in this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
