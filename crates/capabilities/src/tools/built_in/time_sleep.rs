//! `time.sleep`

use std::time::Duration;

use moltforge_manifest::{MAX_DURATION, parse_duration};
use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::BuiltIn;
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "time.sleep",
    description: "Waits for some time before it answers. Waiting costs nothing; it may last for days.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "duration": {
                "anyOf": [{ "type": "string", "maxLength": 40 }, { "type": "number", "minimum": 0 }],
                "description": "How long: text such as \"500ms\", \"30s\", \"10m\", \"2h\" or \"7d\", or a number of seconds."
            }
        },
        "required": ["duration"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, now: Timestamp) -> Begin {
    match duration(arguments.get("duration")) {
        Ok(duration) => Begin::Sleep { until: now.plus(duration) },
        Err(reason) => refused(TOOL.name, &reason),
    }
}

/// A duration as text with a unit, or as seconds.
pub(super) fn duration(value: Option<&Value>) -> Result<Duration, String> {
    match value {
        Some(Value::String(text)) => parse_duration(text),
        Some(Value::Number(seconds)) => seconds
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|duration| *duration <= MAX_DURATION)
            .ok_or_else(|| "expected a number of seconds, at most ten years".to_owned()),
        _ => Err("expected a duration".to_owned()),
    }
}
