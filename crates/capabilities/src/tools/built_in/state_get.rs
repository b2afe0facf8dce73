//! `state.get`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::BuiltIn;
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "state.get",
    description: "Reads a value that this agent stored earlier, in this execution or another. Answers null when there is none.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "key": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The key." }
        },
        "required": ["key"],
        "additionalProperties": false
    }"#,
    effect: Effect::Read,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    match key(arguments) {
        Some(_) => Begin::Call { effect: Effect::Read, arguments: arguments.take() },
        None => refused(TOOL.name, CONTROL),
    }
}

pub(super) const CONTROL: &str = "a key has no control characters";

/// The key among arguments that fit the schema, if it is one.
pub(super) fn key(arguments: &Value) -> Option<String> {
    let key = arguments.get("key")?.as_str()?;
    (!key.contains(char::is_control)).then(|| key.to_owned())
}
