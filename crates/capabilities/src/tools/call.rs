//! Tool calls that need I/O.

use std::sync::Arc;

use moltforge_api::AgentConfig;
use moltforge_egress::Egress;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{AgentId, ExecutionId, ProjectId};
use serde_json::Value;

use super::ToolSet;

/// One call that [`super::Begin::Call`] asked for.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The project.
    pub project_id: ProjectId,
    /// The agent whose state `state.get` reads.
    pub agent_id: AgentId,
    /// The execution that makes the call.
    pub execution_id: ExecutionId,
    /// The step of that execution.
    pub step: u32,
    /// The tool.
    pub tool: String,
    /// Its arguments, as [`super::Begin::Call`] gave them.
    pub arguments: Value,
    /// The stable key of a `keyed` or `at_most_once` call, sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The agent's tools.
    pub tools: Arc<ToolSet>,
    /// The agent.
    pub config: Arc<AgentConfig>,
}

/// Why a tool call has no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", info.message)]
pub struct ToolError {
    /// Code and text, for the journal and the model; no secrets.
    pub info: ErrorInfo,
    /// The request was sent and no answer came: it may or may not have happened.
    pub outcome_unknown: bool,
}

/// Makes calls.
#[derive(Debug, Clone)]
pub struct Tools {
    _egress: Egress,
}

impl Tools {
    /// Calls go out through `egress`; state is read from `store`.
    pub fn new<S>(egress: Egress, _store: S) -> Self {
        Self { _egress: egress }
    }

    /// One call, made once: whoever calls decides on retries.
    pub async fn call(&self, request: CallRequest) -> Result<Value, ToolError> {
        Err(ToolError {
            info: ErrorInfo::new("tool_unknown", format!("there is no tool {:?}", request.tool)),
            outcome_unknown: false,
        })
    }
}
