//! What differs between two configurations: field by field for programs, as unified text for people.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::versions::{FieldChange, VersionDiff};
use serde_json::{Map, Value};
use similar::TextDiff;

/// After this long the text difference is made of larger pieces than necessary, and still right.
const PATIENCE: Duration = Duration::from_millis(300);

/// The difference from an older version (0 and nothing when there is none) to a newer one.
pub(crate) fn compare(older: (u32, Option<&AgentConfig>), newer: (u32, &AgentConfig)) -> VersionDiff {
    let (from, to) = (older.0, newer.0);
    let value = |config: &AgentConfig| serde_json::to_value(config).unwrap_or_default();
    let before = older.1.map_or(Value::Object(Map::new()), value);
    let mut changes = Vec::new();
    fields("", Some(&before), Some(&value(newer.1)), &mut changes);
    let texts = (older.1.map(moltforge_manifest::to_toml).unwrap_or_default(), moltforge_manifest::to_toml(newer.1));
    VersionDiff { from, to, changes, unified: unified((from, &texts.0), (to, &texts.1)) }
}

fn unified(older: (u32, &str), newer: (u32, &str)) -> String {
    if older.1 == newer.1 {
        return String::new();
    }
    let name = |version: u32| if version == 0 { "nothing".to_owned() } else { format!("version {version}") };
    let compared = TextDiff::configure().timeout(PATIENCE).diff_lines(older.1, newer.1);
    compared.unified_diff().header(&name(older.0), &name(newer.0)).to_string()
}

/// Objects are compared by field, lists by index; everything else differs as a whole.
fn fields(pointer: &str, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (from, to) {
        (Some(from), Some(to)) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let gone = from.keys().filter(|name| !to.contains_key(*name));
            for name in to.keys().chain(gone) {
                let here = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                fields(&here, from.get(name), to.get(name), changes);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for at in 0..from.len().max(to.len()) {
                fields(&format!("{pointer}/{at}"), from.get(at), to.get(at), changes);
            }
        }
        (from, to) => {
            changes.push(FieldChange { pointer: pointer.to_owned(), from: from.cloned(), to: to.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(extra: &Value) -> AgentConfig {
        let mut value = json!({ "name": "a", "kind": "prompt", "model": "scripted", "script": [{ "text": "hi" }] });
        crate::merge::apply(&mut value, extra);
        moltforge_manifest::parse_json(&value).unwrap()
    }

    #[test]
    fn each_field_is_told_once() {
        let old = config(&json!({ "description": "x", "tools": ["math.add", "time.now"], "limits": { "turns": 5 } }));
        let new = config(&json!({ "tools": ["math.add"], "limits": { "turns": 6 }, "hosts": ["example.com"] }));
        let diff = compare((3, Some(&old)), (7, &new));
        assert_eq!((diff.from, diff.to), (3, 7));
        let told: Vec<_> = diff.changes.iter().map(|c| (c.pointer.as_str(), c.from.clone(), c.to.clone())).collect();
        let expected = [
            ("/tools/1", Some(json!("time.now")), None),
            ("/hosts", None, Some(json!(["example.com"]))),
            ("/limits/turns", Some(json!(5)), Some(json!(6))),
            ("/description", Some(json!("x")), None),
        ];
        assert_eq!(told, expected);
        assert!(diff.unified.starts_with("--- version 3\n+++ version 7\n@@"), "{}", diff.unified);
        assert!(diff.unified.contains("\n-turns = 5\n+turns = 6\n"), "{}", diff.unified);
    }

    #[test]
    fn equal_versions_have_no_difference_and_the_first_is_all_new() {
        let one = config(&json!({}));
        let same = compare((1, Some(&one)), (2, &one));
        assert_eq!((same.changes.len(), same.unified.as_str()), (0, ""));
        let first = compare((0, None), (1, &one));
        assert!(first.changes.iter().all(|change| change.from.is_none() && change.to.is_some()));
        assert!(first.unified.starts_with("--- nothing\n+++ version 1\n"), "{}", first.unified);
    }
}
