//! The replies of the `scripted` model.

use moltforge_api::AgentConfig;
use moltforge_api::config::{ScriptedCall, ScriptedReply};

use super::{count, positive_duration, template};
use crate::diagnostic::{Findings, child, item};
use crate::suggest;

const MAX_REPLIES: usize = 1_000;
const MAX_CALLS: usize = 128;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    match (config.model.as_str(), config.script.is_empty()) {
        ("scripted", true) => findings.value(
            "/model",
            "the model `scripted` answers from [[script]], and there is none: add at least one [[script]] with a `text`",
        ),
        // a model that could not be read says nothing about the script
        ("scripted" | "", _) | (_, true) => {}
        (model, false) => {
            findings.value("/script", format!("[[script]] is for `model = \"scripted\"`; `{model}` would never use it"));
        }
    }
    count(findings, "/script", config.script.len(), MAX_REPLIES);
    for (at, reply) in config.script.iter().enumerate() {
        check_reply(reply, config, findings, &item("/script", at));
    }
}

fn check_reply(reply: &ScriptedReply, config: &AgentConfig, findings: &mut Findings, pointer: &str) {
    if reply.text.is_empty() && reply.calls.is_empty() {
        findings.value(pointer, "a reply that says and does nothing: expected `text`, `calls` or both");
    }
    if let Some(delay) = &reply.delay {
        positive_duration(findings, &child(pointer, "delay"), delay, "1h");
    }
    template::check_text(&reply.text, findings, &child(pointer, "text"));
    let calls = child(pointer, "calls");
    count(findings, &calls, reply.calls.len(), MAX_CALLS);
    for (at, call) in reply.calls.iter().enumerate() {
        let here = item(&calls, at);
        check_call(call, config, findings, &child(&here, "tool"));
        template::check_value(&call.arguments, findings, &child(&here, "arguments"));
    }
}

fn check_call(call: &ScriptedCall, config: &AgentConfig, findings: &mut Findings, pointer: &str) {
    if config.tools.contains(&call.tool) {
        return;
    }
    let shown: String = call.tool.chars().take(80).collect();
    let listed = || config.tools.iter().map(String::as_str);
    let all = if config.tools.is_empty() { "nothing".to_owned() } else { listed().collect::<Vec<_>>().join(", ") };
    let hint = match suggest::nearest(&call.tool, listed()) {
        Some(near) => format!(", did you mean `{near}`?"),
        None => ";".to_owned(),
    };
    findings.cross(pointer, format!("`{shown}` is not in `tools`{hint} listed there: {all}"));
}
