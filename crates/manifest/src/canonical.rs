//! The one form of a configuration that is hashed.

use moltforge_api::AgentConfig;
use moltforge_types::ContentHash;
use serde_json::{Map, Value};

/// The configuration as JSON with sorted keys and no insignificant white space: equal configurations give equal text,
/// whatever order their keys came in.
pub fn canonical_json(config: &AgentConfig) -> String {
    // a configuration is plain data with text keys: it always has a JSON form
    serde_json::to_value(config).map_or_else(|_| String::new(), |value| sorted(value).to_string())
}

/// The hash that names a version's content: SHA-256 of [`canonical_json`].
pub fn content_hash(config: &AgentConfig) -> ContentHash {
    ContentHash::of(canonical_json(config).as_bytes())
}

/// A value as JSON with sorted keys and no insignificant white space.
pub fn canonical_value(value: &Value) -> String {
    sorted(value.clone()).to_string()
}

/// A value with sorted keys, at every level.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
