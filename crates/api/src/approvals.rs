//! Approvals on the wire, and the effects of an execution.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// One call that waits, or waited, for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// `apr_...`
    pub approval_id: String,
    /// The execution whose call it is.
    pub execution_id: String,
    /// The agent.
    pub agent_id: String,
    /// Its name.
    pub agent_name: String,
    /// Its version.
    pub version: u32,
    /// The step of the execution.
    pub step: u32,
    /// The tool that is called; `approvals.request` when the call is the question itself.
    pub tool: String,
    /// The arguments that were asked for, with sorted keys.
    pub arguments: Value,
    /// SHA-256 of the canonical JSON of execution, step, tool and arguments. A decision names it: it is bound to this call.
    pub call_sha256: String,
    /// `pending`, `approved`, `rejected`, `expired`, `cancelled` (its execution ended) or `reopened` (another one asks anew).
    pub state: String,
    /// Who may decide: ids and names of API keys; anybody with `approvals:decide` when empty.
    pub approvers: Vec<String>,
    /// When it was asked.
    pub created_at: String,
    /// When its time is over.
    pub expires_at: String,
    /// What happens then: `reject` or `pause`.
    pub on_expiry: String,
    /// When others may decide as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_at: Option<String>,
    /// Who then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<String>,
    /// When that happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<String>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// Who decided: the id of a key, or `system` at an expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The arguments with which it was approved, when they were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_arguments: Option<Value>,
    /// The answer to the form of `approvals.request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// When the consequence of the decision began: the approved call has its intent in the journal, or the model was told.
    /// A decision without it waits for its execution to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_out_at: Option<String>,
    /// A URL for one decision about this approval, for callers who may decide about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
}

/// Where a decision can be posted without a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Callback {
    /// The path, to be posted to with a `CallbackDecision` as JSON. A `GET` never decides.
    pub path: String,
    /// The token for its body: for this call, this approver, and until the approval expires.
    pub token: String,
}

/// What a list of approvals may be narrowed to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListApprovals {
    /// One state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Of this agent only: its name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Of this execution only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// How many calls wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalCount {
    /// Approvals that are `pending`; counted no further than 1,000.
    pub pending: u64,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApproval {
    /// `approve` or `reject`.
    pub decision: String,
    /// The `call_sha256` of the approval as it was looked at.
    pub call_sha256: String,
    /// With `approve`: other arguments for the call, which fit the tool's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// With `approve`: the answer to the form of `approvals.request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Why; at most 1000 characters. The model reads it when the call is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A decision that comes without a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackDecision {
    /// The token of the approval's `callback`.
    pub token: String,
    /// `approve` or `reject`.
    pub decision: String,
    /// With `approve`: other arguments for the call, which fit the tool's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// With `approve`: the answer to the form of `approvals.request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Why; at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One call of an execution that changes something outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Effect {
    /// Its step.
    pub step: u32,
    /// The tool.
    pub tool: String,
    /// `keyed`, `reconcile` or `at_most_once`.
    pub effect: String,
    /// The key that is sent along, in `Idempotency-Key`.
    pub idempotency_key: String,
    /// `intended` (its intent is durable, it is or will be sent), `unknown` (sent, and nobody knows whether it happened),
    /// `succeeded` or `failed`.
    pub state: String,
    /// How often it was sent, as far as the journal knows; a crash may hide the last one.
    pub attempts: u32,
    /// When its intent was written.
    pub intended_at: String,
    /// When its outcome was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The approval that let it happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// What the other side said when it was asked, oldest first; the last 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<EffectProbe>,
    /// What operators decided, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<EffectDecided>,
}

/// One answer of the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectProbe {
    /// When.
    pub at: String,
    /// `done`, `not_done` or `unknown`.
    pub outcome: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who asked for it, when somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// One decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectDecided {
    /// When.
    pub at: String,
    /// `retry`, `fail` or `succeed`.
    pub decision: String,
    /// Who.
    pub by: String,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// It was a resume, which decides about all effects of unknown outcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_resume: bool,
}

/// The effects of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Effects {
    /// In order of their steps.
    pub items: Vec<Effect>,
}

/// An operator's decision about one call of unknown outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideEffect {
    /// `retry` (send it again, with the same key), `fail` (tell the model that it failed) or `succeed` (it happened).
    pub decision: String,
    /// With `succeed`: what the call answered; `null` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why; at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
