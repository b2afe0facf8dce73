//! `agents.wait`

use moltforge_types::execution::Effect;
use moltforge_types::{ExecutionId, Timestamp};
use serde_json::Value;

use super::{BuiltIn, agents_call};
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "agents.wait",
    description: "Waits for children that agents.start started: for all of them, or for any one. Answers with those that ended (state, output, error) and those that are open.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "executions": {
                "type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true,
                "items": { "type": "string", "maxLength": 40 },
                "description": "The execution_ids that agents.start answered with."
            },
            "mode": { "enum": ["all", "any"], "description": "all when absent." },
            "timeout": {
                "anyOf": [{ "type": "string", "maxLength": 40 }, { "type": "number", "minimum": 0 }],
                "description": "The longest wait: text such as \"30s\", \"10m\" or \"7d\", or a number of seconds. For ever when absent."
            }
        },
        "required": ["executions"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, now: Timestamp) -> Begin {
    let until = match agents_call::until(arguments, now) {
        Ok(until) => until,
        Err(reason) => return refused(TOOL.name, &reason),
    };
    let ids = arguments.get("executions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let children: Result<Vec<ExecutionId>, _> = ids.iter().map(|id| id.as_str().unwrap_or_default().parse()).collect();
    match children {
        Ok(children) => {
            let any = arguments.get("mode").and_then(Value::as_str) == Some("any");
            Begin::AwaitChildren { children, any, until }
        }
        Err(_) => refused(TOOL.name, "executions are ids that agents.start answered with"),
    }
}
