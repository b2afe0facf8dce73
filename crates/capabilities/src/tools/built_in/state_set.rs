//! `state.set`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use moltforge_types::journal::StateWrite;
use serde_json::{Value, json};

use super::{BuiltIn, state_get};
use crate::tools::{Begin, refused};

/// The largest value, bytes of JSON.
const MAX_VALUE: usize = 64 * 1024;

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "state.set",
    description: "Stores a value under a key. It stays after this execution has ended and is seen by later ones of this agent.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "key": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The key." },
            "value": { "description": "Any JSON value, at most 64 KiB." }
        },
        "required": ["key", "value"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    let Some(key) = state_get::key(arguments) else { return refused(TOOL.name, state_get::CONTROL) };
    let value = arguments.get_mut("value").map(Value::take).unwrap_or_default();
    let bytes = serde_json::to_string(&value).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_VALUE {
        return refused(TOOL.name, &format!("the value has {bytes} bytes of JSON, at most {MAX_VALUE} are stored"));
    }
    let output = json!({ "key": key, "stored": true });
    Begin::Write { output, writes: vec![StateWrite { key, value: Some(value) }] }
}
