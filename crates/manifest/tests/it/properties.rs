//! What holds for every text and every configuration.

use moltforge_manifest::{canonical_json, parse_json, parse_toml, render, to_toml};
use proptest::prelude::*;
use serde_json::{Value, json};

const SAMPLE: &str = r#"
name = "sample"
kind = "prompt"
model = "scripted"
instructions = """
Two "quoted" lines.
"""
tools = ["math.add", "weather.today"]
hosts = ["example.com:8443"]
[limits]
wall = "10m"
[input_schema]
type = "object"
properties.city.type = "string"
[[tool]]
name = "weather.today"
description = "Today's weather."
url = "https://example.com/{city}"
method = "GET"
headers = { accept = "application/json" }
parameters = { type = "object", properties = { city = { type = "string" } }, required = ["city"] }
[[script]]
calls = [{ tool = "math.add", arguments = { a = 1, b = 2.5 } }]
[[script]]
text = "{{ tools[0] }}"
"#;

/// Texts with everything that needs care when written: quotes in rows, backslashes, newlines, control characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,12}",
        2 => "[\"'\\\\\n\r\t]{1,5}",
        1 => "\\PC{0,4}",
        1 => "[\u{1}-\u{1f}\u{7f}-\u{9f}]{1,2}",
    ];
    // in a script a pair of braces would be a template, which not every text is
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().replace("{{", "{ "))
}

/// Any value that both TOML and JSON can say.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_answered(source in "\\PC{0,300}") {
        let _ = parse_toml(&source);
    }

    #[test]
    fn any_change_of_a_good_file_is_answered(at in 0..SAMPLE.len(), remove in 0..20_usize, insert in text()) {
        let mut source = SAMPLE.to_owned();
        source.replace_range(at..(at + remove).min(SAMPLE.len()), &insert);
        match parse_toml(&source) {
            Ok(config) => prop_assert_eq!(&parse_toml(&to_toml(&config)).unwrap(), &config),
            Err(found) => {
                prop_assert!(!found.is_empty());
                for fault in &found {
                    let (line, column) = (fault.line.unwrap() as usize, fault.column.unwrap() as usize);
                    let text = source.split('\n').nth(line - 1).unwrap();
                    prop_assert!(column <= text.chars().count() + 1, "{fault} is outside of {text:?}");
                }
                render("agent.toml", &source, &found);
            }
        }
    }

    #[test]
    fn what_was_written_is_read_again(instructions in text(), arguments in value(), output in text()) {
        let body = json!({
            "name": "sample", "kind": "prompt", "model": "scripted", "instructions": instructions,
            "tools": ["state.set"],
            "script": [{ "calls": [{ "tool": "state.set", "arguments": arguments }] }, { "text": format!("x{output}") }],
        });
        let config = parse_json(&body).unwrap();
        let toml = to_toml(&config);
        let again = parse_toml(&toml).unwrap_or_else(|found| panic!("{toml}\n{}", render("x", &toml, &found)));
        prop_assert_eq!(canonical_json(&again), canonical_json(&config), "{}", toml);
    }
}

#[test]
fn the_sample_is_good() {
    let config = parse_toml(SAMPLE).unwrap();
    assert_eq!(parse_toml(&to_toml(&config)).unwrap(), config);
}
