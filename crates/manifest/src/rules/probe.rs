//! How the other side is asked whether a call happened.

use moltforge_api::config::{HttpTool, Probe};
use serde_json::{Value, json};

use super::{count, headers, positive_duration, url};
use crate::diagnostic::{Findings, child, item};

/// What stands for the key of the call.
pub(super) const KEY: &str = "idempotency_key";
const MAX_VALUES: usize = 32;
const MAX_TEXT: usize = 200;

pub(super) fn check(tool: &HttpTool, findings: &mut Findings, pointer: &str) {
    let at = child(pointer, "probe");
    match (&tool.probe, tool.effect.as_deref() == Some("reconcile")) {
        (None, false) => {}
        (None, true) => findings.cross(
            child(pointer, "effect"),
            "a `reconcile` call needs a `probe` that says whether it happened; without one it is `keyed` or `at_most_once`",
        ),
        (Some(_), false) => findings.cross(&at, "only a tool with `effect = \"reconcile\"` is probed"),
        (Some(probe), true) => fields(tool, probe, findings, &at),
    }
}

fn fields(tool: &HttpTool, probe: &Probe, findings: &mut Findings, pointer: &str) {
    let at = child(pointer, "url");
    for message in url::faults_anywhere(&probe.url, &with_key(&tool.parameters)) {
        findings.value(&at, message);
    }
    if let (Some(of_tool), Some(of_probe)) = (url::origin(&tool.url), url::origin(&probe.url))
        && of_tool != of_probe
    {
        findings.cross(&at, format!("a probe asks the host of its tool: expected {of_tool}, got {of_probe}"));
    }
    if !probe.url.contains("{idempotency_key}")
        && !probe.headers.values().any(|value| value.contains("{idempotency_key}"))
    {
        findings.value(&at, "nothing says which call is meant: put `{idempotency_key}` into the URL or a header");
    }
    headers::check(&probe.headers, findings, &child(pointer, "headers"));
    if let Some(settle) = &probe.settle {
        positive_duration(findings, &child(pointer, "settle"), settle, "1h");
    }
    for (name, text) in [("field", &probe.field), ("result", &probe.result)] {
        if let Some(text) = text
            && (!text.starts_with('/') || text.len() > MAX_TEXT)
        {
            let message = format!("expected a JSON pointer of at most {MAX_TEXT} bytes, e.g. \"/status\"");
            findings.value(child(pointer, name), message);
        }
    }
    for (name, values) in [("done", &probe.done), ("not_done", &probe.not_done)] {
        let at = child(pointer, name);
        count(findings, &at, values.len(), MAX_VALUES);
        for (n, _) in values.iter().enumerate().filter(|(_, value)| value.len() > MAX_TEXT) {
            findings.value(item(&at, n), format!("a value has at most {MAX_TEXT} bytes"));
        }
    }
    match (&probe.field, probe.done.is_empty() && probe.not_done.is_empty()) {
        (Some(_), _) if probe.done.is_empty() => {
            findings.cross(child(pointer, "field"), "say which values mean that it happened: add `done`");
        }
        (None, false) => findings.cross(pointer, "say where the value stands: add `field`"),
        _ => {}
    }
    if let Some(both) = probe.done.iter().find(|value| probe.not_done.contains(value)) {
        findings.cross(child(pointer, "not_done"), format!("{both:?} cannot mean both"));
    }
}

/// The parameters of a tool, and the key of the call beside them.
fn with_key(parameters: &Value) -> Value {
    let mut parameters = parameters.clone();
    if let Some(properties) = parameters.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(KEY.to_owned(), json!({}));
    } else {
        parameters["properties"] = json!({ KEY: {} });
    }
    match parameters.get_mut("required").and_then(Value::as_array_mut) {
        Some(required) => required.push(KEY.into()),
        None => parameters["required"] = json!([KEY]),
    }
    parameters
}
