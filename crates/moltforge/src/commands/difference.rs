//! How two configurations differ, field by field.

use moltforge_api::AgentConfig;
use moltforge_api::versions::FieldChange;
use serde_json::Value;

use crate::output::{BAD, DIM, GOOD, Output, PLAIN, text};

/// The most characters of a value that are shown.
const MOST: usize = 100;

/// Each field that differs, by JSON pointer. Lists are compared as a whole.
pub fn fields(from: &AgentConfig, to: &AgentConfig) -> Vec<FieldChange> {
    let value = |config| serde_json::to_value(config).unwrap_or(Value::Null);
    let mut changes = Vec::new();
    compare("", Some(&value(from)), Some(&value(to)), &mut changes);
    changes
}

/// Each field that differs between two values, by JSON pointer.
pub fn values(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", Some(from), Some(to), &mut changes);
    changes
}

fn compare(pointer: &str, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (from, to) {
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let new = to.keys().filter(|key| !from.contains_key(*key));
            for key in from.keys().chain(new) {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                compare(&pointer, from.get(key), to.get(key), changes);
            }
        }
        (from, to) if from == to => {}
        (from, to) => {
            changes.push(FieldChange { pointer: pointer.to_owned(), from: from.cloned(), to: to.cloned() });
        }
    }
}

/// A line per side of each field.
pub fn print(out: Output, changes: &[FieldChange]) {
    for change in changes {
        for line in lines(change) {
            out.pieces(&[(DIM, "  "), (line.0, &line.1), (PLAIN, &line.2)]);
        }
    }
}

/// The same on stderr.
pub fn note(out: Output, changes: &[FieldChange]) {
    for change in changes {
        for line in lines(change) {
            out.notes(&[(DIM, "  "), (line.0, &line.1), (PLAIN, &line.2)]);
        }
    }
}

fn lines(change: &FieldChange) -> Vec<(anstyle::Style, String, String)> {
    let shown = |value: &Value| text::one_line(&value.to_string(), MOST);
    let mut lines = Vec::new();
    if let Some(from) = &change.from {
        lines.push((BAD, format!("- {} ", change.pointer), shown(from)));
    }
    if let Some(to) = &change.to {
        lines.push((GOOD, format!("+ {} ", change.pointer), shown(to)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let from = moltforge_manifest::parse_toml(
            "name = \"a\"\nkind = \"prompt\"\nmodel = \"scripted\"\n[limits]\nturns = 3\n[[script]]\ntext = \"x\"\n",
        )
        .unwrap();
        let mut to = from.clone();
        assert!(fields(&from, &to).is_empty());
        to.limits.turns = 4;
        "new".clone_into(&mut to.description);
        let changes = fields(&from, &to);
        let pointers: Vec<_> = changes.iter().map(|c| c.pointer.as_str()).collect();
        assert_eq!(pointers, ["/limits/turns", "/description"]);
        assert_eq!((changes[1].from.is_none(), changes[0].to.clone()), (true, Some(4.into())));
    }
}
