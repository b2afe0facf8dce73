//! From journal entry to CloudEvent: one entry, one event, the entry's number as its id.

use moltforge_types::event::CloudEvent;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, ProjectId, Timestamp};
use serde_json::{Value, json};

/// The event that an execution's entry is. `data` is what the entry says plus the execution's id and `seq`.
pub fn execution_event(
    project_id: ProjectId,
    execution_id: ExecutionId,
    seq: u64,
    at: Timestamp,
    entry: &Entry,
) -> CloudEvent {
    let mut data = serde_json::to_value(entry).unwrap_or_else(|_| json!({}));
    if let Value::Object(fields) = &mut data {
        fields.shift_remove("kind");
        fields.insert("execution_id".to_owned(), json!(execution_id));
        fields.insert("seq".to_owned(), json!(seq));
    }
    let source = format!("/v1/executions/{execution_id}");
    CloudEvent::new(seq.to_string(), source, entry.event_type(), at, project_id, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    #[test]
    fn an_entry_becomes_an_event_with_its_number_as_id() {
        let (project, execution) = (ProjectId::from_u128(1), ExecutionId::from_u128(2));
        let entry = Entry::Running { attempt: 1, crashes: 0, recovered: false };
        let event = execution_event(project, execution, 2, Timestamp::from_micros(0), &entry);
        assert_eq!(event.id, "2");
        assert_eq!(event.event_type, "io.moltforge.execution.running");
        assert_eq!(event.source, format!("/v1/executions/{execution}"));
        assert_eq!(event.data["attempt"], 1);
        assert!(event.data.get("kind").is_none());
    }
}
