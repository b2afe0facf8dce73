//! `agents.call`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::{BuiltIn, time_sleep};
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "agents.call",
    description: "Runs another agent as a child of this execution and waits for it. Answers with its output.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "agent": { "type": "string", "minLength": 1, "maxLength": 63, "description": "The agent's name." },
            "input": { "description": "Its input: whatever that agent takes." },
            "timeout": {
                "anyOf": [{ "type": "string", "maxLength": 40 }, { "type": "number", "minimum": 0 }],
                "description": "The longest wait: text such as \"30s\", \"10m\" or \"7d\", or a number of seconds. For ever when absent."
            }
        },
        "required": ["agent"],
        "additionalProperties": false
    }"#,
    effect: Effect::Keyed,
    begin,
};

fn begin(arguments: &mut Value, now: Timestamp) -> Begin {
    match until(arguments, now) {
        Ok(until) => start(arguments, true, until),
        Err(reason) => refused(TOOL.name, &reason),
    }
}

/// What `agents.start` and `agents.call` have in common.
pub(super) fn start(arguments: &mut Value, wait: bool, until: Option<Timestamp>) -> Begin {
    let agent = arguments.get("agent").and_then(Value::as_str).unwrap_or_default().to_owned();
    let input = arguments.get_mut("input").map(Value::take).unwrap_or_default();
    Begin::StartChild { agent, input, wait, until }
}

/// The end of the wait that the arguments allow.
pub(super) fn until(arguments: &Value, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let timeout = arguments.get("timeout").map(|timeout| time_sleep::duration(Some(timeout))).transpose();
    match timeout {
        Ok(timeout) => Ok(timeout.map(|timeout| now.plus(timeout))),
        Err(reason) => Err(format!("timeout: {reason}")),
    }
}
