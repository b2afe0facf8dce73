//! JSON Schemas inside of a configuration: what is accepted, and how they are compiled.
//!
//! The program that validates inputs, outputs and arguments must compile schemas with [`compile`] as well, so that a
//! schema which passed the check cannot fail later.

mod graph;
mod work;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::diagnostic::{Findings, child, item};

/// The largest schema, in bytes of JSON.
pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;

/// The one dialect that is understood.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The largest compiled regular expression of a `pattern`, in bytes.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// The most faults that may be looked for at once: about that many stay in memory.
const MAX_FAULTS: u64 = 100_000;

/// Compiles a schema (2020-12) whose references stay within it. Patterns run in linear time: an input cannot make one
/// slow, and look-around and back-references are refused for that reason. So are schemas whose references multiply into
/// more work than a server should do for one value.
///
/// # Errors
/// What is wrong with the schema, as text.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    build(schema).map_err(|(at, message)| if at.is_empty() { message } else { format!("at {at}: {message}") })
}

/// Why a value does not fit a schema: JSON pointer and message of each fault, at most `most`; nothing when it fits.
/// `validator` is the compiled `schema`.
///
/// All faults are found before the first one is told, and a large value can have more than the memory holds. For such a
/// value it is only said that it does not fit.
pub fn errors(schema: &Value, validator: &Validator, value: &Value, most: usize) -> Vec<(String, String)> {
    if validator.is_valid(value) {
        return Vec::new();
    }
    let work = work::check(schema).unwrap_or(work::MAX_WORK);
    let parts = usize::try_from(MAX_FAULTS / work.max(1)).unwrap_or(usize::MAX);
    if !has_at_most(value, parts) {
        return vec![(String::new(), "it does not fit the schema, and is too large to say where".to_owned())];
    }
    let text = |error: &jsonschema::ValidationError<'_>| error.masked().to_string().chars().take(500).collect();
    validator
        .iter_errors(value)
        .take(most)
        .map(|error| (error.instance_path().as_str().to_owned(), text(&error)))
        .collect()
}

/// Whether a value has at most so many parts, itself included.
fn has_at_most(value: &Value, parts: usize) -> bool {
    let mut left = parts;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if left == 0 {
            return false;
        }
        left -= 1;
        match value {
            Value::Array(items) if items.len() > left => return false,
            Value::Object(fields) if fields.len() > left => return false,
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    true
}

/// The validator, or where within the schema it fails and why.
fn build(schema: &Value) -> Result<Validator, (String, String)> {
    // first: building follows references as well
    work::check(schema)?;
    let built = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN_BYTES))
        .offline()
        .build(schema);
    built.map_err(|error| {
        let advice = match error.instance_path().as_str().rsplit('/').next() {
            Some("pattern") => ": look-around and back-references are not available, and the size is limited",
            _ => "",
        };
        (error.instance_path().as_str().to_owned(), format!("{error}{advice}"))
    })
}

/// Reports everything that is wrong with a schema, each at its place within it.
pub(crate) fn faults(schema: &Value, pointer: &str, findings: &mut Findings) {
    let bytes = schema.to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        findings.value(pointer, format!("the schema has {bytes} bytes; at most {MAX_SCHEMA_BYTES} are allowed"));
        return;
    }
    let before = findings.0.len();
    dialect(schema, pointer, findings);
    references(schema, pointer, findings);
    for error in jsonschema::draft202012::meta::validator().iter_errors(schema) {
        let at = format!("{pointer}{}", error.instance_path().as_str());
        findings.value(at, meta_message(&error));
    }
    if findings.0.len() == before
        && let Err((at, message)) = build(schema)
    {
        findings.value(format!("{pointer}{at}"), format!("not a usable JSON Schema: {message}"));
    }
}

fn dialect(schema: &Value, pointer: &str, findings: &mut Findings) {
    if let Some(named) = schema.get("$schema")
        && named.as_str().map(|uri| uri.trim_end_matches('#')) != Some(DIALECT)
    {
        findings
            .value(child(pointer, "$schema"), format!("only the dialect \"{DIALECT}\" is understood; leave it out"));
    }
}

/// References must stay within the schema: nothing is fetched.
fn references(schema: &Value, pointer: &str, findings: &mut Findings) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                let here = child(pointer, key);
                let outside = value.as_str().is_some_and(|target| !target.starts_with('#'));
                if matches!(key.as_str(), "$ref" | "$dynamicRef") && outside {
                    findings.value(&here, "only references within the schema are followed, e.g. \"#/$defs/address\"");
                }
                references(value, &here, findings);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                references(value, &item(pointer, at), findings);
            }
        }
        _ => {}
    }
}

fn meta_message(error: &jsonschema::ValidationError<'_>) -> String {
    let of_type = error.instance_path().as_str().rsplit('/').next() == Some("type");
    if of_type {
        let types = "array, boolean, integer, null, number, object, string";
        return format!("expected a type of JSON Schema ({types}), or a list of them, got {}", cut(error.instance()));
    }
    let text: String = error.to_string().chars().take(300).collect();
    format!("not a JSON Schema: {text}")
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
