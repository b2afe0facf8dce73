//! `signals.wait`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::{BuiltIn, time_sleep};
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "signals.wait",
    description: "Waits until somebody sends this execution a signal of the given name, and answers with what the signal carries.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 100, "description": "The signal's name." },
            "timeout": {
                "anyOf": [{ "type": "string", "maxLength": 40 }, { "type": "number", "minimum": 0 }],
                "description": "The longest wait: text such as \"30s\", \"10m\" or \"7d\", or a number of seconds. For ever when absent."
            }
        },
        "required": ["name"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, now: Timestamp) -> Begin {
    let until = match arguments.get("timeout").map(|timeout| time_sleep::duration(Some(timeout))).transpose() {
        Ok(timeout) => timeout.map(|timeout| now.plus(timeout)),
        Err(reason) => return refused(TOOL.name, &format!("timeout: {reason}")),
    };
    match arguments.get_mut("name").map(Value::take) {
        Some(Value::String(name)) if !name.contains(char::is_control) => Begin::AwaitSignal { name, until },
        _ => refused(TOOL.name, "a name has no control characters"),
    }
}
