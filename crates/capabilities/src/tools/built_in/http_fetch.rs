//! `http.fetch`; the call itself is `tools/fetch.rs`.

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::BuiltIn;
use crate::tools::Begin;

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "http.fetch",
    description: "Makes an HTTP request and answers with its status, some headers and its body (parsed when it is JSON). \
                  Every status is an answer, 404 and 500 too. Only hosts granted to this agent can be reached; bodies of \
                  at most 1 MiB.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "url": { "type": "string", "minLength": 1, "maxLength": 8192, "description": "An http or https URL." },
            "method": {
                "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
                "description": "The method; GET when absent."
            },
            "headers": {
                "type": "object",
                "additionalProperties": { "type": "string", "maxLength": 4096 },
                "maxProperties": 32,
                "description": "Request headers by name."
            },
            "body": { "description": "The request's body: text is sent as it is, any other value as JSON." }
        },
        "required": ["url"],
        "additionalProperties": false
    }"#,
    effect: Effect::AtMostOnce,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    // reading may be repeated; whether another method may, nobody knows
    let effect = match arguments.get("method").and_then(Value::as_str) {
        None | Some("GET" | "HEAD") => Effect::Read,
        Some(_) => Effect::AtMostOnce,
    };
    Begin::Call { effect, arguments: arguments.take() }
}
