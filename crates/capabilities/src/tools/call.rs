//! Tool calls that need I/O.

use std::sync::Arc;

use moltforge_api::AgentConfig;
use moltforge_egress::{Egress, Grant};
use moltforge_store::Store;
use moltforge_types::execution::ProbeOutcome;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{AgentId, ExecutionId, Fault, ProjectId};
use serde_json::Value;

use super::built_in::BuiltIn;
use super::waiting::Waiting;
use super::{Kind, ProbeAnswer, ToolSet, ToolSpec, fetch};

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
    /// The stable key of a call that changes something, sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// How many executions led to this one, this one counted: said to whoever is called over HTTP, so that a chain of
    /// webhooks that ends here again is seen.
    pub chain_depth: u32,
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

impl ToolError {
    /// Nothing happened.
    pub(super) fn known(info: ErrorInfo) -> Self {
        Self { info, outcome_unknown: false }
    }
}

/// Makes calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    egress: Egress,
    store: Store,
    waiting: Waiting,
}

impl Tools {
    /// Calls go out through `egress`; state is read from `store`.
    pub fn new(egress: Egress, store: Store) -> Self {
        Self { egress, store, waiting: Waiting::default() }
    }

    /// One call, made once: whoever calls decides on retries.
    pub async fn call(&self, request: CallRequest) -> Result<Value, ToolError> {
        let Some(spec) = request.tools.get(&request.tool) else {
            return Err(ToolError::known(request.tools.unknown(&request.tool)));
        };
        tracing::debug!(tool = spec.name, execution_id = %request.execution_id, step = request.step, "tool call");
        let call = self.waiting.begin(request.execution_id, request.step);
        match &spec.kind {
            Kind::Declared(declared) => {
                let (key, waits) = (request.idempotency_key.as_deref(), &call.waits);
                let (arguments, depth) = (&request.arguments, request.chain_depth);
                declared.call(&self.egress, request.project_id, arguments, key, depth, waits).await
            }
            Kind::BuiltIn(BuiltIn { name: "http.fetch", .. }) => {
                let grant = Grant::new(request.project_id, request.tools.hosts.iter().cloned());
                fetch::call(&self.egress, &grant, &request.arguments, request.chain_depth, &call.waits).await
            }
            Kind::BuiltIn(BuiltIn { name: "state.get", .. }) => self.state(&request).await,
            // the others are done when they have begun
            Kind::BuiltIn(tool) => {
                let message = format!("{} needs no call", tool.name);
                Err(ToolError::known(ErrorInfo::new("tool_not_found", message)))
            }
        }
    }

    /// What the calls of an execution wait for that have left for the network: step and words.
    pub fn waiting_of(&self, id: ExecutionId) -> Vec<(u32, String)> {
        self.waiting.of(id)
    }

    /// Asks the other side once whether a `reconcile` call happened. `request` is the call that was made.
    pub async fn probe(&self, request: CallRequest) -> ProbeAnswer {
        let unknown =
            |detail: String| ProbeAnswer { outcome: ProbeOutcome::Unknown, output: Value::Null, detail: Some(detail) };
        let Some(ToolSpec { kind: Kind::Declared(declared), .. }) = request.tools.get(&request.tool) else {
            return unknown(format!("{} cannot be probed", request.tool));
        };
        tracing::debug!(tool = request.tool, execution_id = %request.execution_id, step = request.step, "probe");
        let key = request.idempotency_key.as_deref().unwrap_or_default();
        let answer = declared.probe(&self.egress, request.project_id, &request.arguments, key).await;
        answer.unwrap_or_else(|| unknown(format!("{} cannot be probed", request.tool)))
    }

    /// The call of `state.get`.
    async fn state(&self, request: &CallRequest) -> Result<Value, ToolError> {
        let key = request.arguments.get("key").and_then(Value::as_str).unwrap_or_default();
        let failed = |error: &dyn Fault| {
            tracing::warn!(%error, execution_id = %request.execution_id, "state could not be read");
            ToolError::known(ErrorInfo::new(error.code(), format!("state.get could not read the key {key:?}")))
        };
        match self.store.state(request.project_id, request.agent_id).find(key).await {
            Ok(None) => Ok(Value::Null),
            Ok(Some(found)) => serde_json::from_str(&found.value).map_err(|error| {
                tracing::error!(%error, agent_id = %request.agent_id, "a stored value is not JSON");
                ToolError::known(ErrorInfo::new("internal", format!("the value of the key {key:?} cannot be read")))
            }),
            Err(error) => Err(failed(&error)),
        }
    }
}
