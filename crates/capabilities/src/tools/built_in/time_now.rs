//! `time.now`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::BuiltIn;
use crate::tools::Begin;

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "time.now",
    description: "Answers with the current date and time in UTC, as RFC 3339 text.",
    parameters: r#"{ "type": "object", "properties": {}, "additionalProperties": false }"#,
    effect: Effect::Pure,
    begin: |_, now: Timestamp| Begin::Done(Value::String(now.to_string())),
};
