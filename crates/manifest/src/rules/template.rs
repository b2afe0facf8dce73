//! The places in a script's texts: `{{ input.city }}`, `{{ tools[0] or 0 }}`, `{{ turn }}`, `{{ "a text" }}`.
//!
//! Only what is certainly wrong is refused here; the `scripted` model reads the whole grammar when it runs.

use serde_json::Value;

use crate::diagnostic::{Findings, child, item};

/// What a place can begin with.
const ROOTS: [&str; 3] = ["input", "tools", "turn"];

/// Reports the bad places of every text within `value`.
pub(super) fn check_value(value: &Value, findings: &mut Findings, pointer: &str) {
    match value {
        Value::String(text) => check_text(text, findings, pointer),
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                check_value(value, findings, &item(pointer, at));
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                check_value(value, findings, &child(pointer, name));
            }
        }
        _ => {}
    }
}

/// Reports the first bad place of a text.
pub(super) fn check_text(text: &str, findings: &mut Findings, pointer: &str) {
    if let Err(message) = places(text) {
        findings.value(pointer, message);
    }
}

fn places(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let end =
            close(after).ok_or("a place is not closed: `{{` without `}}`; write a literal one as {{ \"{{\" }}")?;
        let place = after.get(..end).unwrap_or_default().trim();
        let root = place.split(['.', '[']).next().unwrap_or_default();
        let root = root.split(" or ").next().unwrap_or_default().trim();
        if !place.starts_with('"') && !ROOTS.contains(&root) {
            let shown: String = place.chars().take(60).collect();
            return Err(format!(
                "there is no `{shown}` here: a place is a path into {}, e.g. {{{{ input.city }}}} or {{{{ tools[0] }}}}",
                ROOTS.join(", ")
            ));
        }
        rest = after.get(end + 2..).unwrap_or_default();
    }
    Ok(())
}

/// Where the `}}` stands that ends a place; one within a quoted text does not.
fn close(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted && text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_places() {
        for good in [
            "",
            "no places } {",
            "{{ input }}{{input.a[0][\"}}\"]}}",
            "{{ turn or 0 }} {{ tools[0] or \"{{\" }}",
            "{{ \"{{\" }}",
        ] {
            assert_eq!(places(good), Ok(()), "{good}");
        }
        for bad in ["{{", "{{ input", "{{ input.a[\"}}\"", "{{ }}", "{{ inputs }}", "{{ 1 }}", "{{ input }} {{ x }}"] {
            assert!(places(bad).is_err(), "{bad}");
        }
    }
}
