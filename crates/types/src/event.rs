//! Events: CloudEvents 1.0 in structured JSON (cloudevents.io, specification 1.0.2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ProjectId;
use crate::time::Timestamp;

/// The prefix of every event type of MoltForge.
pub const TYPE_PREFIX: &str = "io.moltforge.";

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique within `source`. For an execution's events: the dense sequence number, so a client can prove that it
    /// has seen all.
    pub id: String,
    /// Where it comes from, e.g. `/v1/executions/exe_...` or `/v1/agents/agt_...`.
    pub source: String,
    /// `io.moltforge.` and the name, e.g. `io.moltforge.execution.running`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The project (extension attribute).
    pub project: ProjectId,
    /// What happened.
    pub data: Value,
}

impl CloudEvent {
    /// An event with the fixed attributes filled in. `name` is the type without its prefix.
    pub fn new(id: String, source: String, name: &str, time: Timestamp, project: ProjectId, data: Value) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source,
            event_type: format!("{TYPE_PREFIX}{name}"),
            time,
            datacontenttype: "application/json".to_owned(),
            project,
            data,
        }
    }
}
