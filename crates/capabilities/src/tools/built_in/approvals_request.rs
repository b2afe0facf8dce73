//! `approvals.request`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::BuiltIn;
use crate::tools::{Begin, refused};

/// The largest form, bytes of JSON.
const MAX_FORM: usize = 8 * 1024;
/// The longest wait.
const LONGEST: &str = "365d";

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "approvals.request",
    description: "Asks a person to approve something and waits for the decision. Answers with {\"decision\": \"approved\" | \"rejected\" | \"expired\", \"by\", \"note\", \"answer\"}; the answer fits the form, when one was asked for.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "title": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The question, in one line." },
            "details": { "type": "string", "maxLength": 8000, "description": "What the person must know to decide, as plain text." },
            "form": { "type": "object", "description": "JSON Schema of what the person fills in when approving, at most 8 KiB. Left out, yes or no is enough." },
            "expires": { "type": "string", "maxLength": 40, "description": "How long to wait, such as \"30m\", \"2h\" or \"1d\"; twelve hours when left out, or half of the time that the whole work may take." }
        },
        "required": ["title"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    if let Some(form) = arguments.get("form") {
        let size = form.to_string().len();
        if size > MAX_FORM {
            return refused(TOOL.name, &format!("the form has {size} bytes, at most {MAX_FORM} are allowed"));
        }
        if let Err(reason) = moltforge_manifest::schema::compile(form) {
            return refused(TOOL.name, &format!("the form is no schema: {reason}"));
        }
    }
    if let Some(expires) = arguments.get("expires").and_then(Value::as_str) {
        let longest = moltforge_manifest::parse_duration(LONGEST).unwrap_or_default();
        match moltforge_manifest::parse_duration(expires) {
            Ok(time) if !time.is_zero() && time <= longest => {}
            Ok(_) => return refused(TOOL.name, &format!("expires: expected more than nothing and at most {LONGEST}")),
            Err(reason) => return refused(TOOL.name, &format!("expires: {reason}")),
        }
    }
    Begin::Ask
}
