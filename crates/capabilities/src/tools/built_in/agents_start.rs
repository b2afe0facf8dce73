//! `agents.start`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::{BuiltIn, agents_call};
use crate::tools::Begin;

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "agents.start",
    description: "Starts another agent as a child of this execution and answers with its execution_id at once. Read its end with agents.wait.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "agent": { "type": "string", "minLength": 1, "maxLength": 63, "description": "The agent's name." },
            "input": { "description": "Its input: whatever that agent takes." }
        },
        "required": ["agent"],
        "additionalProperties": false
    }"#,
    effect: Effect::Keyed,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    agents_call::start(arguments, false, None)
}
