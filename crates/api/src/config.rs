//! An agent's configuration: what `agent.toml` says and what a version stores, canonical as JSON.
//!
//! Rules beyond the shape (names, ranges, references between the parts) are checked by the `manifest` crate.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The definition of an agent. Everything that decides its behaviour is in here; it is hashed to name a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The agent's name: 1 to 63 lower-case letters, digits and hyphens.
    pub name: String,
    /// One line about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How it runs.
    pub kind: AgentKind,
    /// Of `code`: the file with its `run`, e.g. `agent.js`, `agent.ts`, `agent.py` or `agent.wasm`. `moltforge deploy`
    /// brings the file and what it imports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of `code`: which files those are, the SHA-256 of a bundle that was uploaded before (`PUT /v1/bundles/{sha256}`), in
    /// hexadecimal digits. `moltforge deploy` puts it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// `scripted`, or `<provider>/<model>` with a provider that the operator has configured, e.g. `openai/gpt-4.1-mini`.
    /// Of `code`: the model of `llm.complete`, which there is none of when absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The system prompt. At most 64 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    /// The tools that it may call: built-in ones (`math.add`, `time.now`, `time.sleep`, `state.get`, `state.set`,
    /// `state.delete`, `signals.wait`, `approvals.request`, `http.fetch`, `agents.call`, `agents.start`, `agents.wait`) and
    /// names from `tool`. Nothing else is reachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// The hosts that it asks to reach, as `host` or `host:port`. Declared HTTP tools ask for theirs by their URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The agents that it may start as children (`agents.call`, `agents.start`), by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// JSON Schema (2020-12) of the input; anything is accepted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// JSON Schema (2020-12) of the output. With one, the final text must be JSON that fits; without, the output is the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Limits of its executions.
    #[serde(default)]
    pub limits: Limits,
    /// Which of its executions comes first among those that wait, when a start does not say: 0 (lowest) to 9; 5 when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Parameters of the model.
    #[serde(default, skip_serializing_if = "ModelParameters::is_empty")]
    pub parameters: ModelParameters,
    /// What starts it besides a call: schedules, events and webhooks. They live while a version with them is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerConfig>,
    /// Tools declared as HTTP endpoints.
    #[serde(default, rename = "tool", skip_serializing_if = "Vec::is_empty")]
    pub declared_tools: Vec<HttpTool>,
    /// Calls that wait for a person's decision. The first policy that fits a call counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalPolicy>,
    /// The replies of the `scripted` model, one per turn.
    #[serde(default, rename = "script", skip_serializing_if = "Vec::is_empty")]
    pub script: Vec<ScriptedReply>,
}

/// How an agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// A model with instructions and tools, driven by MoltForge's own tool-calling loop.
    Prompt,
    /// A program of its author, in JavaScript, TypeScript or Python, or a WebAssembly component, run in a sandbox.
    Code,
}

/// Limits of an agent's executions: of each one, and of how many at a time. Durations are texts such as `30s`, `10m`, `2h`, `7d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Wall time from its acceptance to its end, waiting included, time on hold not; `24h` when absent, at most `3650d`.
    pub wall: String,
    /// Model calls; 50 when absent, at most 10000.
    pub turns: u32,
    /// Tool calls; 200 when absent, at most 50000.
    pub tool_calls: u32,
    /// Tokens of all model calls; 2000000 when absent.
    pub tokens: u64,
    /// Attempts without progress before it is paused; 20 when absent, at most 1000.
    pub attempts: u32,
    /// Executions of the agent at work at the same time; more wait as `scheduled`. No limit of its own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Executions at work at the same time that were started with the same `concurrency_key`; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_concurrency: Option<u32>,
    /// Children that it may start; 20 when absent, at most 100.
    #[serde(skip_serializing_if = "is_default_children")]
    pub children: u32,
    /// Of `code`: memory of the program, e.g. `128MiB`; `64MiB` when absent, at most `256MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Of `code`: time on a processor, which starts again when the program is rebuilt; `30s` when absent, at most `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Of `code`: size of what the program returns, as JSON, e.g. `64KiB`; `1MiB` when absent, at most `4MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

const CHILDREN: u32 = 20;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in like this")]
fn is_default_children(children: &u32) -> bool {
    // versions made before there were children keep their hash
    *children == CHILDREN
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: "24h".to_owned(),
            turns: 50,
            tool_calls: 200,
            tokens: 2_000_000,
            attempts: 20,
            concurrency: None,
            key_concurrency: None,
            children: CHILDREN,
            memory: None,
            cpu: None,
            output: None,
        }
    }
}

/// Parameters that are passed to the model as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelParameters {
    /// 0.0 to 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The most tokens of one reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
}

impl ModelParameters {
    /// Nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A tool that is an HTTP endpoint. `GET` and `DELETE` carry the arguments as query parameters, the others as a JSON body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    /// Its name: segments of lower-case letters, digits and `_`, joined by dots, e.g. `weather.today`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// `http://` or `https://`; `{argument}` in the path is filled from the arguments, percent-encoded.
    pub url: String,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`; `POST` when absent.
    #[serde(default = "post", skip_serializing_if = "is_post")]
    pub method: String,
    /// Fixed request headers. No secrets: those come from the operator's grants.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub headers: IndexMap<String, String>,
    /// JSON Schema of the arguments: an object.
    pub parameters: Value,
    /// `read`, `keyed`, `reconcile` (with a `probe`) or `at_most_once`; when absent `read` for `GET`, else `at_most_once`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Time for one call; `30s` when absent, at most `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Calls of this tool at a time, of all executions of the agent on a node; more wait. No limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How to ask the other side whether a `reconcile` call happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// A read request that says whether a call happened. `404` and `410` mean that it did not; a success means that it did,
/// unless `field` says more; anything else means that nobody can say yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Asked with `GET`, on the host of the tool's URL; `{idempotency_key}` and `{argument}` in its path and query are
    /// filled, percent-encoded.
    pub url: String,
    /// Request headers; `{idempotency_key}` in a value is filled.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub headers: IndexMap<String, String>,
    /// JSON pointer into the answer to the text that says how the call stands, e.g. `/status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Values of `field` that mean that it happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// Values of `field` that mean that it did not happen and will not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_done: Vec<String>,
    /// JSON pointer to the part of the answer that is the call's result; the whole answer when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// How long after a call was sent it may still arrive; "it did not happen" counts no earlier. `30s` when absent, at
    /// most `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<String>,
}

/// Which calls wait for a person, and for whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPolicy {
    /// The tools, all of them in `tools`.
    pub tools: Vec<String>,
    /// Who may decide: ids (`key_...`) or names of API keys that hold `approvals:decide`. Anybody with that scope when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// How long a request waits: shorter than `limits.wall`; when absent `12h`, or half of a shorter `limits.wall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What happens then: `reject` (the model is told; the default) or `pause` (the execution is held; a resume asks anew).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_expiry: Option<String>,
    /// After this time without a decision `escalate_to` may decide as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<String>,
    /// Who may decide then, too; as `approvers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<String>,
    /// Only calls with such arguments; every call when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<ApprovalCondition>,
}

/// A condition on an argument, with exactly one comparison. An argument that is absent, or is no number where one is
/// compared, meets it: in doubt a person is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalCondition {
    /// JSON pointer into the arguments, e.g. `/amount`.
    pub argument: String,
    /// Met by numbers above this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Met by numbers below this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Met by this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// Met by every other value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_equals: Option<Value>,
}

fn post() -> String {
    "POST".to_owned()
}

fn is_post(method: &str) -> bool {
    method == "POST"
}

/// What starts an agent besides a call: exactly one of `schedule`, `event` (or `topic`) and `webhook`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerConfig {
    /// Its name among the agent's triggers: lower-case letters, digits and hyphens; its kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A cron expression of five fields, e.g. `0 9 * * MON-FRI`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The schedule's time zone, a name of the IANA database; `UTC` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What becomes of runs whose time passed while no server was there: `skip`, `once` (the latest) or `all` (up to 100);
    /// `once` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// Each run starts up to this much later, so that many schedules do not start together, e.g. `30s`; at most `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// The type of the events that fire it, e.g. `execution.completed` or `order.*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The topic of the events that fire it; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Conditions on the event, each a JSON pointer with a value or with tests: `{ "/data/total" = { at_least = 100 } }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// `true`: fired by signed requests to its own URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<bool>,
    /// What happens while an execution of it lives: `queue` (it waits), `skip`, `replace` (the other is cancelled) or
    /// `parallel`. When absent: `skip` for schedules, `queue` for those with `missed = "all"`, `parallel` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<String>,
    /// The input that it hands over: JSON in which `{ "$pointer" = "/body/city" }` stands for a part of what fired it.
    /// When absent: the body of a webhook, the event, or an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

/// One reply of the `scripted` model. Texts are templates: `{{ input }}`, `{{ input.city }}`, `{{ tools[0] }}` (the
/// results of the latest tool calls, in order), `{{ turn }}`; `{{ tools[0] or 0 }}` has a value (JSON) for what is absent or
/// null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedReply {
    /// The text of the reply.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The tools that the reply calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ScriptedCall>,
    /// How long the reply takes, e.g. `500ms`; at once when absent. The text streams over that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    /// How many times this reply is given before the script goes on; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
}

/// One tool call of a scripted reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool's name.
    pub tool: String,
    /// The arguments; texts within are templates. A template that is the whole text keeps the value's type.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
}
