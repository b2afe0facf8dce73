//! Pages full of text that means harm: what models, tools and other people's agents may send.

use moltforge_api::executions::ExecutionError;
use moltforge_client::Error as ClientError;
use serde_json::{Value, json};

use super::executions::{self, ID};
use super::{Sample, agents, sample};
use crate::Error;
use crate::pages::error_page;

/// Markup, an attribute's end, control, direction and invisible characters, and a line of ten kilobytes.
pub(crate) fn text() -> String {
    format!(
        "<script>alert(1)</script> \" onmouseover='alert(2)' <img src=x onerror=alert(3)> </pre></textarea></title> \
         \0\u{1b}[31m\u{202E}txet\u{2066}\u{200B}\u{FEFF}\u{E0041} [x](javascript:alert(4)) ![i](https://evil.example/i.png) &#x202E; {}",
        "A".repeat(10_000)
    )
}

pub(super) fn samples() -> Vec<Sample> {
    vec![
        sample("hostile execution", "/hostile/execution", &hostile_execution()),
        sample("hostile list", "/hostile/list", &hostile_list()),
        sample("hostile agent", "/hostile/agent", &hostile_agent()),
        sample("hostile error", "/hostile/error", &hostile_error()),
    ]
}

fn hostile_execution() -> crate::pages::execution::Page {
    let mut execution = executions::execution(ID, &text(), "completed", 60_000, 12_000);
    execution.input = json!({text(): [text()]});
    execution.output = Some(json!(text()));
    (execution.reason, execution.waiting_for, execution.environment) = (Some(text()), Some(text()), Some(text()));
    let mut steps = executions::steps(60_000).0;
    for step in &mut steps {
        (step.name, step.waiting_for) = (text(), Some(text()));
        step.input = Some(Value::String(text()));
        step.output = Some(json!({"text": text(), "tool_calls": [{"tool": text(), "arguments": text()}]}));
        step.error = Some(ExecutionError { code: text(), message: text() });
        (step.state, step.kind) = (text(), if step.step % 2 == 0 { text() } else { "model".to_owned() });
    }
    let mut events = executions::events(60_000);
    for event in &mut events {
        (event.event_type, event.id) = (text(), format!("{}{}", event.id, text()));
        event.data = json!({text(): text()});
    }
    // an id that is no number would make all of them number 0
    events.truncate(1);
    executions::page(execution, steps, events)
}

fn hostile_list() -> crate::pages::executions::Page {
    let mut list = executions::some();
    for execution in &mut list {
        (execution.agent_name, execution.state, execution.reason) = (text(), text(), Some(text()));
        (execution.execution_id, execution.created_at) = (text(), text());
    }
    crate::pages::executions::Page {
        executions: list,
        next: Some(text()),
        asked: crate::pages::executions::Asked { state: text(), agent: text(), cursor: text() },
    }
}

fn hostile_agent() -> crate::pages::agent::Page {
    let mut page = agents::agent_page();
    page.agent = agents::agent_named(&text(), &text());
    let config = &mut page.agent.config;
    (config.instructions, config.model) = (text(), text());
    (config.tools, config.hosts) = (vec![text()], vec![text()]);
    config.input_schema = Some(json!({"type": "object", "title": text(), "properties": {
        text(): {"type": "string", "title": text(), "description": text(), "default": text()},
        "choice": {"enum": [text(), 1, null], "title": text()},
        "</select>": {"type": "array", "items": {"type": "string"}, "default": [text()]},
    }}));
    for deployment in page.agent.deployments.iter_mut().chain(&mut page.history) {
        (deployment.environment, deployment.created_by, deployment.status) = (text(), text(), text());
    }
    for version in &mut page.versions {
        (version.created_by, version.content_hash) = (text(), text());
    }
    page.state = vec![json!({"key": text(), "value": text()}), json!(text())];
    page
}

fn hostile_error() -> error_page::Page {
    error_page::Page::of(&Error::Api(ClientError::Unexpected { attempt: text(), status: 502, found: text() }))
}
