//! What a response becomes: a JSON value that a model reads.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

/// The body as JSON when it says so and is so, as text when it is text. Other bodies are only described.
pub(super) fn body(headers: &HeaderMap, body: &Bytes) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let content_type = content_type(headers);
    if is_json(&content_type)
        && let Ok(value) = serde_json::from_slice(body)
    {
        return value;
    }
    match std::str::from_utf8(body) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) if content_type.starts_with("text/") || content_type.is_empty() => {
            Value::String(String::from_utf8_lossy(body).into_owned())
        }
        Err(_) => Value::String(format!("({} bytes of {content_type}, which is not text)", body.len())),
    }
}

/// The beginning of the body as one line, for an error's text.
pub(super) fn excerpt(body: &Bytes) -> String {
    let start = body.get(..2048).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(500).collect()
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(content_type: &str) -> bool {
    content_type == "application/json" || content_type.ends_with("+json")
}
