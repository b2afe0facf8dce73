//! `events.emit`

use moltforge_manifest::trigger::check_event_type;
use moltforge_types::Timestamp;
use moltforge_types::event::{is_own_topic, is_own_type};
use moltforge_types::execution::Effect;
use moltforge_types::journal::ErrorInfo;
use serde_json::{Value, json};

use super::BuiltIn;
use crate::tools::{Begin, refused};

/// The most data, bytes of JSON.
const MAX_DATA: usize = 64 * 1024;

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "events.emit",
    description: "Publishes an event: triggers of other agents that wait for its type start them.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "type": { "type": "string", "minLength": 1, "maxLength": 200, "description": "What happened, e.g. report.finished." },
            "topic": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The topic, when those who wait ask for one." },
            "data": { "description": "More about it: any JSON value, at most 64 KiB." }
        },
        "required": ["type"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
    let (event_type, topic) = (text("type").unwrap_or_default(), text("topic"));
    for text in [Some(&event_type), topic.as_ref()].into_iter().flatten() {
        if let Err(message) = check_event_type(text) {
            return refused(TOOL.name, &message);
        }
    }
    // who waits for `execution.completed` means what the server says
    if is_own_type(&event_type) || topic.as_deref().is_some_and(is_own_topic) {
        let name = topic.filter(|topic| is_own_topic(topic)).unwrap_or(event_type);
        let message = format!("{}: {name:?} is the name of MoltForge's own events", TOOL.name);
        return Begin::Rejected(ErrorInfo::new("event_type_reserved", message));
    }
    let data = arguments.get_mut("data").map(Value::take).unwrap_or_default();
    let bytes = data.to_string().len();
    if bytes > MAX_DATA {
        return refused(TOOL.name, &format!("the data has {bytes} bytes of JSON, at most {MAX_DATA} are published"));
    }
    let output = json!({ "type": event_type, "published": true });
    Begin::Emit { output, event_type, topic, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emit(mut arguments: Value) -> Begin {
        begin(&mut arguments, Timestamp::default())
    }

    #[test]
    fn events_are_checked_before_they_are_written() {
        let good = emit(json!({ "type": "report.finished", "topic": "reports", "data": { "n": 1 } }));
        let Begin::Emit { event_type, topic, data, .. } = good else { panic!("{good:?}") };
        assert_eq!(
            (event_type.as_str(), topic.as_deref(), data),
            ("report.finished", Some("reports"), json!({ "n": 1 }))
        );
        for bad in [
            json!({ "type": "a b" }),
            json!({ "type": "a", "topic": "\u{e9}" }),
            json!({ "type": "a", "data": "x".repeat(70_000) }),
        ] {
            assert!(matches!(emit(bad.clone()), Begin::Rejected(_)), "{bad}");
        }
    }

    #[test]
    fn nobody_speaks_for_the_server() {
        for own in [
            json!({ "type": "io.moltforge.execution.completed" }),
            json!({ "type": "execution.completed" }),
            json!({ "type": "tool.failed", "data": { "n": 1 } }),
            json!({ "type": "order.paid", "topic": "agent.events" }),
        ] {
            let refused = emit(own.clone());
            assert!(matches!(&refused, Begin::Rejected(error) if error.code == "event_type_reserved"), "{own}");
        }
    }
}
