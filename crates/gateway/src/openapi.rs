//! `/v1/openapi.json`: what the services say of themselves, and what the gateway adds for all of them.

use bytes::Bytes;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// The document as it is served.
pub(crate) fn document(mut services: OpenApi) -> Bytes {
    "MoltForge".clone_into(&mut services.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut services.info.version);
    services.info.description = Some(
        "Deploy and run autonomous agents. Errors are RFC 9457 problems with a stable code; each code has a page under \
         /docs/errors/."
            .to_owned(),
    );
    let mut document = serde_json::to_value(&services).unwrap_or_else(|_| json!({}));
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `mf_...`."},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-moltforge",
                    "description": "A dashboard session. Writes need a matching Origin."},
    });
    document["security"] = json!([{"key": []}, {"session": []}]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
            add_common_answers(operation);
        }
    }
    Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
}

/// The gateway's own answers, which any operation may give.
fn add_common_answers(operation: &mut Value) {
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in [
        (
            "401",
            "`credentials_missing`, `key_unknown`, `key_expired`, `key_revoked`, `session_unknown`, `session_expired`.",
        ),
        ("429", "`rate_limited`; see `Retry-After`."),
        ("default", "Any other problem."),
    ] {
        answers.entry(status).or_insert_with(|| {
            json!({
                "description": description,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            })
        });
    }
}
