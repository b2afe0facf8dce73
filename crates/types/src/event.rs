//! Events: CloudEvents 1.0 in structured JSON (cloudevents.io, specification 1.0.2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ProjectId;
use crate::time::Timestamp;

/// The prefix of every event type of MoltForge.
pub const TYPE_PREFIX: &str = "io.moltforge.";

/// What the names of MoltForge's own types begin with, before the first dot.
const OWN_FAMILIES: [&str; 11] =
    ["approval", "child", "children", "effect", "event", "execution", "guest", "model", "signal", "timer", "tool"];
/// The topics of MoltForge's own events.
const OWN_TOPICS: [&str; 2] = ["agent.events", "tool.events"];

/// Whether events of this type are MoltForge's own, with [`TYPE_PREFIX`] or without: a trigger may leave it out, so what
/// others publish must not look like them.
pub fn is_own_type(event_type: &str) -> bool {
    let has_prefix = event_type.get(..TYPE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(TYPE_PREFIX));
    let family = event_type.split_once('.').map(|(family, _)| family);
    has_prefix || family.is_some_and(|family| OWN_FAMILIES.iter().any(|own| own.eq_ignore_ascii_case(family)))
}

/// Whether events with this topic are MoltForge's own.
pub fn is_own_topic(topic: &str) -> bool {
    OWN_TOPICS.contains(&topic)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_own_event_is_one() {
        for own in
            ["execution.completed", "Execution.Completed", "io.moltforge.x", "IO.MOLTFORGE.x", "tool.mine", "event."]
        {
            assert!(is_own_type(own), "{own}");
        }
        for other in
            ["order.paid", "execution", "executions.x", "my.execution.completed", "io.moltforge", "execution:x"]
        {
            assert!(!is_own_type(other), "{other}");
        }
        assert!(is_own_topic("tool.events") && !is_own_topic("tool.event"));
    }
}
