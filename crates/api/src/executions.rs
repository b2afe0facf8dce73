//! `/v1/executions`

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// One run of one version.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// `exe_...`
    pub execution_id: String,
    /// The agent.
    pub agent_id: String,
    /// Its name when the execution was accepted.
    pub agent_name: String,
    /// The pinned version's number.
    pub version: u32,
    /// The environment whose deployment was called, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// `scheduled`, `running`, `suspended`, `backing_off`, `paused`, `completed`, `failed` or `cancelled`.
    pub state: String,
    /// Why it is paused: `operator`, `retries_exhausted`, `crash_loop`, `diverged`, `effect_unknown`, `journal_limit`,
    /// `budget` or `version_missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Attempts so far.
    pub attempt: u32,
    /// The number of its latest journal entry and event.
    pub seq: u64,
    /// The input.
    pub input: Value,
    /// The output, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The error, once failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// When it was accepted.
    pub created_at: String,
    /// When its latest entry was written.
    pub updated_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// When it wakes or is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<String>,
    /// Tokens so far: input and output of all model calls.
    pub tokens: u64,
    /// What started it: `api`, `agent`, `schedule`, `event`, `webhook` or `fork`.
    #[serde(default = "api")]
    pub trigger: String,
    /// The trigger that did, `trg_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<String>,
    /// 0 (lowest) to 9.
    #[serde(default)]
    pub priority: u8,
    /// So many executions of its agent with this key run at a time: `limits.key_concurrency`, one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The execution that started it, when it is a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// The execution at the top of its tree, when it is a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_id: Option<String>,
    /// What it is a copy of, when it is a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<String>,
    /// When its journal was packed; it reads the same as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
    /// What a stop did. In the answers of `cancel` and `kill`; at any time under `/receipt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<StopReceipt>>,
}

/// What a stop did to an execution and everything below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StopReceipt {
    /// The execution itself.
    pub stopped: StoppedExecution,
    /// Its children, theirs, and so on: those that a stop reached and those that had ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<StoppedExecution>,
    /// How many of all these have not ended yet: nothing of them is begun any more, and calls on their way are waited for.
    /// 0: all of it is stopped.
    #[serde(default)]
    pub stopping: u64,
    /// There are more than a receipt names (10,000): the stop is on its way to them, and `stopping` does not count them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// From the request to this answer, microseconds. All of it is stopped by then if `stopping` is 0 and
    /// nothing is `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<u64>,
}

/// What a stop did to one execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoppedExecution {
    /// `exe_...`
    pub execution_id: String,
    /// Its agent.
    pub agent_name: String,
    /// Where it stands.
    pub state: String,
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// By a kill.
    #[serde(default)]
    pub kill: bool,
    /// When the stop was durable: nothing was dispatched from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
    /// When all of it was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<String>,
    /// The time between the two, microseconds: measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_us: Option<u64>,
    /// Calls that were on their way and were aborted, or are still waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<StoppedCall>,
}

/// A call that a stop found on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoppedCall {
    /// Its step.
    pub step: u32,
    /// The model or the tool.
    pub name: String,
    /// `model` or `tool`.
    pub kind: String,
    /// `unknown`: it was sent, and its answer was not waited for.
    pub outcome: String,
    /// The key that went with it, to look it up on the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Tokens that it may have used at worst: booked until somebody knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_tokens: Option<u64>,
}

/// One execution of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TreeNode {
    /// `exe_...`
    pub execution_id: String,
    /// Its agent.
    pub agent_name: String,
    /// Where it stands.
    pub state: String,
    /// Its parent; absent for the execution that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
}

fn api() -> String {
    "api".to_owned()
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionError {
    /// A stable code, e.g. `turn_limit`.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// Body of `POST /v1/executions`. `Idempotency-Key` makes it safe to repeat for as long as the execution exists.
/// `Prefer: wait=SECONDS` (RFC 7240, at most 300) holds the answer until the execution has ended or waits.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartExecution {
    /// The agent's name or id.
    pub agent: String,
    /// The input; `null` when absent. At most 1 MiB. Top-level properties that it lacks are taken from the `default`s of
    /// the agent's input schema.
    #[serde(default)]
    pub input: Value,
    /// The environment whose live version runs; `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Run this version instead of a deployed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// 0 (lowest) to 9; the agent's own `priority` when absent, else 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Executions of the agent with the same key run one at a time, or as many as its `limits.key_concurrency`. 1 to 100
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
}

/// Filters of `GET /v1/executions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListExecutions {
    /// Only this agent's, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Only those in this state; `live` for all that have not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `GET /v1/executions/{execution}/steps`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSteps {
    /// `asc`, the oldest step first, or `desc`; `asc` when absent. A cursor goes on in the order that it was given out in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Where to go on: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One step of an execution, as the timeline shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// From 1, dense.
    pub step: u32,
    /// `model` or `tool`.
    pub kind: String,
    /// The model or the tool.
    pub name: String,
    /// `running`, `waiting`, `succeeded`, `failed`, `unknown` or `cancelled`.
    pub state: String,
    /// What went in: for a tool its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What came out: for a model its text and calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The error, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// Tokens of a model call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<StepUsage>,
    /// Failures that were retried before the outcome.
    pub retries: u32,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// How long it took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// What it waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// The approval that it waits for, or that let it happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
}

/// Tokens of a model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepUsage {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Of these, from the provider's cache.
    pub cached_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
}

/// Body of `POST /v1/executions/{execution}/pause`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseExecution {
    /// Why, for people. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Body of `POST /v1/executions/{execution}/resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeExecution {
    /// Needed when the reason is `effect_unknown`: `retry` sends the calls again, `fail` tells the model that they failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_effects: Option<String>,
}

/// Body of `POST /v1/executions/{execution}/cancel`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelExecution {
    /// Why, for people. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Body of `POST /v1/executions/{execution}/signals`. `Idempotency-Key` makes it safe to repeat.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalExecution {
    /// The signal's name: 1 to 100 characters.
    pub name: String,
    /// What it carries. At most 64 KiB.
    #[serde(default)]
    pub payload: Value,
}

/// Body of `POST /v1/executions/{execution}/fork`. `Idempotency-Key` makes it safe to repeat.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkExecution {
    /// The first step that is done anew: a model call, with all calls of the turn before answered. 1 begins anew.
    pub at_step: u32,
    /// Another input; only at step 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Another version of the agent. It must agree with the copied steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Why, for people. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Body of `POST /v1/executions/{execution}/replay`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayExecution {
    /// Another version of the agent; the execution's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// The engine writes every entry again as it is recorded.
    pub identical: bool,
    /// Entries that are the same, from the first.
    pub entries: u64,
    /// The version that it was replayed with.
    pub version: u32,
    /// The first difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<ReplayDifference>,
}

/// Where a replay writes something else than what is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayDifference {
    /// The number of the entry.
    pub seq: u64,
    /// What is different, in words.
    pub message: String,
    /// The entry in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// The entry that the engine writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced: Option<Value>,
}

/// Query of `GET /v1/executions/{execution}/events`. With `Accept: text/event-stream` the answer is a stream that ends
/// when the execution has ended; `Last-Event-ID` resumes it. Otherwise it is a page, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// Only events after this sequence number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Items per page, 1 to 1000; 200 when absent. A stream has no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A piece of a model's text while it is being written: provisional, not journaled. SSE `event: step.chunk`, without an id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StepChunk {
    /// The step.
    pub step: u32,
    /// The attempt at it, from 1. A chunk of a later attempt replaces all of the earlier ones.
    pub attempt: u32,
    /// Where the text begins within the whole, in bytes.
    pub offset: u64,
    /// The text.
    pub text: String,
}
