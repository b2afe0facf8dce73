//! Input mappings: the JSON that a trigger hands to its agent, with references into what started it.
//!
//! ```toml
//! input = { city = { "$pointer" = "/body/city", default = "Lisbon" }, note = "by webhook" }
//! ```
//!
//! A table with `$pointer` (and perhaps `default`) is replaced by what the JSON pointer finds; everything else is taken as
//! it is. There is nothing to evaluate, so that no body can make the work or the result large: every reference copies a
//! part of what came in, and the whole is bounded.

use serde_json::{Map, Value};

use super::pointer;

/// The largest mapping, bytes of JSON.
const MAX_BYTES: usize = 16 * 1024;
/// The most references in a mapping: each may copy the whole of what came in.
const MAX_REFERENCES: usize = 32;
/// The field that makes a table a reference.
const REFERENCE: &str = "$pointer";

/// Checks a mapping.
///
/// # Errors
/// A JSON pointer into the mapping, and what is wrong there.
pub fn check(mapping: &Value) -> Result<(), (String, String)> {
    let bytes = mapping.to_string().len();
    if bytes > MAX_BYTES {
        return Err((String::new(), format!("an input mapping has at most {MAX_BYTES} bytes, got {bytes}")));
    }
    let mut references = 0;
    walk(mapping, "", &mut references)?;
    if references > MAX_REFERENCES {
        return Err((String::new(), format!("at most {MAX_REFERENCES} references, got {references}")));
    }
    Ok(())
}

fn walk(value: &Value, at: &str, references: &mut usize) -> Result<(), (String, String)> {
    match value {
        Value::Object(map) if map.contains_key(REFERENCE) => {
            *references += 1;
            let text = map.get(REFERENCE).and_then(Value::as_str);
            let text = text.ok_or_else(|| (at.to_owned(), format!("{REFERENCE}: expected a JSON pointer")))?;
            pointer::check(text).map_err(|message| (at.to_owned(), message))?;
            match map.keys().find(|key| !matches!(key.as_str(), REFERENCE | "default")) {
                Some(other) => {
                    let other: String = other.chars().take(40).collect();
                    Err((at.to_owned(), format!("beside {REFERENCE} only `default` is allowed, got {other:?}")))
                }
                None => Ok(()),
            }
        }
        Value::Object(map) => {
            map.iter().try_for_each(|(key, value)| walk(value, &crate::diagnostic::child(at, key), references))
        }
        Value::Array(items) => {
            let mut each = items.iter().enumerate();
            each.try_for_each(|(index, value)| walk(value, &crate::diagnostic::item(at, index), references))
        }
        _ => Ok(()),
    }
}

/// The input that a mapping makes of what came in. `limit`: the most bytes of text and names that it may have.
///
/// # Errors
/// Which reference finds nothing, or that the result is too large.
pub fn apply(mapping: &Value, context: &Value, limit: usize) -> Result<Value, String> {
    let mut left = limit;
    fill(mapping, context, &mut left)
}

fn fill(value: &Value, context: &Value, left: &mut usize) -> Result<Value, String> {
    Ok(match value {
        Value::Object(map) => {
            if let Some(at) = map.get(REFERENCE).and_then(Value::as_str) {
                let found = context.pointer(at).or_else(|| map.get("default"));
                let found = found.ok_or_else(|| format!("there is nothing at {at:?} of what started it"))?;
                let bytes = found.to_string().len();
                *left = left.checked_sub(bytes).ok_or("the mapped input is too large")?;
                found.clone()
            } else {
                let each = map.iter().map(|(key, value)| Ok((key.clone(), fill(value, context, left)?)));
                Value::Object(each.collect::<Result<Map<_, _>, String>>()?)
            }
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, context, left)).collect::<Result<_, _>>()?)
        }
        plain => plain.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_filled_in() {
        let context = json!({ "body": { "city": "Porto", "tags": ["a"] }, "headers": { "user-agent": "x" } });
        let mapping = json!({
            "city": { "$pointer": "/body/city" }, "tag": [{ "$pointer": "/body/tags/0" }], "plain": 1,
            "unit": { "$pointer": "/body/unit", "default": "C" }, "whole": { "$pointer": "/headers" },
        });
        check(&mapping).unwrap();
        let made = apply(&mapping, &context, 1000).unwrap();
        let expected =
            json!({ "city": "Porto", "tag": ["a"], "plain": 1, "unit": "C", "whole": { "user-agent": "x" } });
        assert_eq!(made, expected);
        let missing = json!({ "a": { "$pointer": "/body/none" } });
        assert!(apply(&missing, &context, 1000).unwrap_err().contains("/body/none"));
        let whole = json!([{ "$pointer": "" }, { "$pointer": "" }]);
        assert!(apply(&whole, &context, 100).is_err(), "no amplification beyond the limit");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let many: Vec<Value> = (0..33).map(|_| json!({ "$pointer": "" })).collect();
        for (mapping, at) in [
            (json!({ "a": { "$pointer": 1 } }), "/a"),
            (json!({ "a": [{ "$pointer": "x" }] }), "/a/0"),
            (json!({ "a": { "$pointer": "/x", "else": 1 } }), "/a"),
            (json!("x".repeat(20_000)), ""),
            (Value::Array(many), ""),
        ] {
            assert_eq!(check(&mapping).unwrap_err().0, at, "{mapping}");
        }
    }
}
