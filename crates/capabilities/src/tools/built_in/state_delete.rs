//! `state.delete`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use moltforge_types::journal::StateWrite;
use serde_json::{Value, json};

use super::{BuiltIn, state_get};
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "state.delete",
    description: "Forgets the value stored under a key. Nothing happens when there is none.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "key": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The key." }
        },
        "required": ["key"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    let Some(key) = state_get::key(arguments) else { return refused(TOOL.name, state_get::CONTROL) };
    let output = json!({ "key": key, "deleted": true });
    Begin::Write { output, writes: vec![StateWrite { key, value: None }] }
}
