//! `/v1/agents`

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::config::{AgentConfig, AgentKind, ApprovalPolicy, HttpTool, ModelParameters, ScriptedReply, TriggerConfig};
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

/// Body of `PATCH /v1/agents/{agent}`, a JSON Merge Patch (RFC 7396) of the configuration: a field that is absent stays,
/// `null` removes one, objects are merged and lists are replaced. What it results in is checked as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentPatch {
    /// As it is: a name cannot change.
    pub name: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// How it runs.
    pub kind: Option<AgentKind>,
    /// Of `code`: the file with its `run`.
    pub code: Option<String>,
    /// Of `code`: the SHA-256 of its files.
    pub bundle: Option<String>,
    /// `scripted`, or `<provider>/<model>`.
    pub model: Option<String>,
    /// The system prompt.
    pub instructions: Option<String>,
    /// The tools that it may call: the whole list.
    pub tools: Option<Vec<String>>,
    /// The hosts that it asks to reach: the whole list.
    pub hosts: Option<Vec<String>>,
    /// The agents that it may start as children: the whole list.
    pub agents: Option<Vec<String>>,
    /// JSON Schema of the input; an object is merged into the one that is there.
    pub input_schema: Option<Value>,
    /// JSON Schema of the output; an object is merged into the one that is there.
    pub output_schema: Option<Value>,
    /// Limits of one execution.
    pub limits: Option<LimitsPatch>,
    /// Priority of its executions that are started without one.
    pub priority: Option<u8>,
    /// Parameters of the model.
    pub parameters: Option<ModelParameters>,
    /// What starts it besides a call: the whole list.
    pub triggers: Option<Vec<TriggerConfig>>,
    /// Tools declared as HTTP endpoints: the whole list.
    #[serde(rename = "tool")]
    pub declared_tools: Option<Vec<HttpTool>>,
    /// Calls that wait for a person: the whole list.
    pub approvals: Option<Vec<ApprovalPolicy>>,
    /// The replies of the `scripted` model: the whole list.
    pub script: Option<Vec<ScriptedReply>>,
}

/// The limits in an [`AgentPatch`]; `null` sets one back to what it is when absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsPatch {
    /// Wall time from its acceptance to its end.
    pub wall: Option<String>,
    /// Model calls.
    pub turns: Option<u32>,
    /// Tool calls.
    pub tool_calls: Option<u32>,
    /// Tokens of all model calls.
    pub tokens: Option<u64>,
    /// Attempts without progress before it is paused.
    pub attempts: Option<u32>,
    /// Executions of the agent at work at the same time.
    pub concurrency: Option<u32>,
    /// Executions at work at the same time with one `concurrency_key`.
    pub key_concurrency: Option<u32>,
    /// Children that it may start.
    pub children: Option<u32>,
    /// Of `code`: memory of the program.
    pub memory: Option<String>,
    /// Of `code`: time on a processor.
    pub cpu: Option<String>,
    /// Of `code`: size of what the program returns.
    pub output: Option<String>,
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
