//! Tools that are declared as HTTP endpoints.

use moltforge_api::AgentConfig;
use moltforge_api::config::HttpTool;

use super::{count, headers, names, positive_duration, probe, tools, url};
use crate::diagnostic::{Findings, child, item};
use crate::schema;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const EFFECTS: [&str; 4] = ["read", "keyed", "reconcile", "at_most_once"];
const MAX_TOOL_DESCRIPTION: usize = 4_000;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/tool", config.declared_tools.len(), tools::MAX_TOOLS);
    for (at, tool) in config.declared_tools.iter().enumerate() {
        let pointer = item("/tool", at);
        let twice = config.declared_tools.iter().take(at).any(|earlier| earlier.name == tool.name);
        name(tool, twice, config, findings, &child(&pointer, "name"));
        fields(tool, findings, &pointer);
        for message in url::faults(&tool.url, &tool.parameters) {
            findings.value(child(&pointer, "url"), message);
        }
        headers::check(&tool.headers, findings, &child(&pointer, "headers"));
        parameters(tool, findings, &child(&pointer, "parameters"));
        probe::check(tool, findings, &pointer);
    }
}

fn name(tool: &HttpTool, twice: bool, config: &AgentConfig, findings: &mut Findings, pointer: &str) {
    if let Err(message) = names::declared_tool(&tool.name) {
        findings.value(pointer, message);
    } else if twice {
        findings.value(pointer, format!("`{}` is declared twice", tool.name));
    } else if !config.tools.contains(&tool.name) {
        let message =
            format!("`{0}` is declared but not listed: add \"{0}\" to `tools`, or the agent cannot call it", tool.name);
        findings.cross(pointer, message);
    }
}

fn fields(tool: &HttpTool, findings: &mut Findings, pointer: &str) {
    let described = tool.description.chars().count();
    if tool.description.trim().is_empty() || described > MAX_TOOL_DESCRIPTION {
        let message = format!("expected a description for the model, of at most {MAX_TOOL_DESCRIPTION} characters");
        findings.value(child(pointer, "description"), message);
    }
    one_of(findings, &child(pointer, "method"), &tool.method, &METHODS);
    if let Some(effect) = &tool.effect {
        one_of(findings, &child(pointer, "effect"), effect, &EFFECTS);
    }
    if let Some(timeout) = &tool.timeout {
        positive_duration(findings, &child(pointer, "timeout"), timeout, "10m");
    }
}

fn one_of(findings: &mut Findings, pointer: &str, text: &str, allowed: &[&str]) {
    if !allowed.contains(&text) {
        let shown: String = text.chars().take(40).collect();
        findings.value(pointer, format!("expected one of {}, got {shown:?}", allowed.join(", ")));
    }
}

fn parameters(tool: &HttpTool, findings: &mut Findings, pointer: &str) {
    if tool.parameters.get("type").and_then(|kind| kind.as_str()) == Some("object") {
        schema::faults(&tool.parameters, pointer, findings);
    } else {
        findings.value(pointer, "a tool takes an object: expected `type = \"object\"` in the schema of its parameters");
    }
}
