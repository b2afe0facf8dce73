//! `/v1/triggers`, `/v1/hooks` and `/v1/events`

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::config::TriggerConfig;

/// What starts an agent besides a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// `trg_...`
    pub trigger_id: String,
    /// The agent that it starts.
    pub agent_id: String,
    /// The agent's name.
    pub agent_name: String,
    /// Its name among the agent's triggers of the environment.
    pub name: String,
    /// `schedule`, `event` or `webhook`.
    pub kind: String,
    /// The environment whose live version it starts.
    pub environment: String,
    /// `active`, `paused`, or `inactive`: the version that declared it is no longer deployed.
    pub state: String,
    /// `file`: declared by the agent file of the deployed version; `api`: made by a request.
    pub origin: String,
    /// What its author wrote.
    pub config: TriggerConfig,
    /// The rule in force: `queue`, `skip`, `replace` or `parallel`.
    pub concurrency: String,
    /// Where a webhook receives its requests: a path of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the next run of a schedule starts, with its jitter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// The next five times of the schedule, without jitter; only when one trigger is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<String>,
    /// When it fired last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// The latest execution that it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_id: Option<String>,
    /// Why its latest fire could start nothing; absent once one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<TriggerError>,
    /// Executions that it started.
    pub started: u64,
    /// Fires that its rules left out: missed ones, and those of `skip`.
    pub skipped: u64,
    /// Fires that could start nothing.
    pub refused: u64,
    /// When it was made.
    pub created_at: String,
    /// When what it says changed last.
    pub updated_at: String,
    /// Who made it.
    pub created_by: String,
}

/// Why a fire started nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriggerError {
    /// A stable code, e.g. `agent_not_deployed`.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// Body of `POST /v1/triggers`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTrigger {
    /// The agent's name or id.
    pub agent: String,
    /// The environment whose live version it starts; `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What it is, as in an agent file.
    pub config: TriggerConfig,
}

/// Body of `PATCH /v1/triggers/{trigger}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTrigger {
    /// What it is from now on: the whole. Its kind cannot change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<TriggerConfig>,
}

/// A trigger, and the secret that signs the requests to a webhook.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TriggerSecret {
    /// The trigger.
    pub trigger: Trigger,
    /// `whsec_...`, shown this once; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Until when requests signed with the secret before are accepted as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<String>,
}

/// Filters of `GET /v1/triggers`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTriggers {
    /// Only this agent's, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Body of `POST /v1/triggers/{trigger}/fire`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FireTrigger {
    /// Stands for the body of a webhook or for the event, where the trigger's mapping refers to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// One time that a trigger fired.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Fire {
    /// The trigger.
    pub trigger_id: String,
    /// What tells it from other fires: a second one with it changes nothing.
    pub key: String,
    /// `pending`, `started`, `skipped` (by its rule) or `refused` (see `error`).
    pub state: String,
    /// The time that it is about: what the schedule says, when the event happened, when the request came.
    pub planned_at: String,
    /// When it was noticed.
    pub created_at: String,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
    /// What it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Why it started nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TriggerError>,
}

/// Body of `POST /v1/events`: a CloudEvent 1.0 in structured JSON. Further attributes are refused.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishEvent {
    /// `1.0`
    pub specversion: String,
    /// Unique within `source`: a second event with both is the same one. At most 200 characters.
    pub id: String,
    /// Where it comes from, at most 200 characters, e.g. `shop/eu`.
    pub source: String,
    /// Its type, e.g. `order.created`. Types that begin with `io.moltforge.` are MoltForge's own.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened, RFC 3339; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `application/json`, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The topic that triggers may ask for (extension attribute).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What happened. At most 256 KiB of JSON.
    #[serde(default)]
    pub data: Value,
}

/// What publishing an event did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// The triggers that it fired, now or when it came first.
    pub fired: Vec<String>,
}
