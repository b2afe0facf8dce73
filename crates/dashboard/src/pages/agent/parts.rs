//! The sections of an agent's page.

use maud::{Markup, html};
use moltforge_api::AgentConfig;
use moltforge_api::deployments::Deployment;
use moltforge_api::versions::Version;
use moltforge_types::Timestamp;
use serde_json::Value;

use super::Page;
use crate::components::badge::{actor, badge, tag};
use crate::components::form::{Confirm, confirm, field};
use crate::components::icon::Icon;
use crate::components::json;
use crate::components::layout::empty;
use crate::components::snippet::snippet;
use crate::components::table::{column, table, wide};
use crate::{paths, text, time};

/// What is live where, with rollback and undeploy; or how to deploy.
pub(crate) fn live(page: &Page, now: Timestamp) -> Markup {
    let agent = &page.agent;
    html! {
        @if agent.deployments.is_empty() {
            (empty("Nothing is live.", &html! {
                p { "Deploy a version below, or from a terminal:" }
                (snippet("In a terminal", &format!("moltforge deploy {}", agent.name)))
            }))
        }
        ul class="deployments" {
            @for (n, deployment) in agent.deployments.iter().enumerate() {
                li {
                    div {
                        p { (tag(&deployment.environment)) " " a class="ver" href=(paths::version(paths::reference(agent), deployment.version)) { "v" (deployment.version) } }
                        p class="dim" { "since " (time::relative(&deployment.created_at, now)) " by " (actor(&deployment.created_by)) }
                    }
                    @if agent.deleted_at.is_none() { div class="buttons" { (rollback(page, n, deployment)) (undeploy(page, n, deployment)) } }
                }
            }
        }
    }
}

fn rollback(page: &Page, n: usize, live: &Deployment) -> Markup {
    let name = &page.agent.name;
    let before = page
        .history
        .iter()
        .filter(|d| d.environment == live.environment && d.status != "live" && d.version != live.version)
        .map(|d| d.version)
        .next();
    html! {
        @if let Some(before) = before {
            (confirm(&Confirm {
                id: &format!("rollback-{n}"),
                label: "Roll back",
                icon: Some(Icon::Retry),
                class: "",
                question: &format!("Roll {} back to v{before}?", live.environment),
                consequence: html! { p { "New executions run v" (before) " at once. Those under way stay on their version." } },
                action: &paths::agent_action(name, "rollback"),
                fields: html! { input type="hidden" name="environment" value=(live.environment); },
                yes: &format!("Yes, go back to v{before}"),
                danger: false,
            }))
        }
    }
}

fn undeploy(page: &Page, n: usize, live: &Deployment) -> Markup {
    confirm(&Confirm {
        id: &format!("undeploy-{n}"),
        label: "Undeploy",
        icon: Some(Icon::Stop),
        class: "quiet",
        question: &format!("Undeploy {} from {}?", page.agent.name, live.environment),
        consequence: html! { p { "Nothing is live there any more: new starts are refused. Executions under way go on." } },
        action: &paths::agent_action(&page.agent.name, "undeploy"),
        fields: html! { input type="hidden" name="environment" value=(live.environment); },
        yes: "Yes, undeploy",
        danger: true,
    })
}

/// A button that makes a version live.
pub(crate) fn deploy(agent: &str, version: u32, class: &str) -> Markup {
    let id = format!("environment-{version}");
    let control = html! { input id=(id) name="environment" value="production" required maxlength="63" spellcheck="false" autocapitalize="none"; };
    confirm(&Confirm {
        id: &format!("deploy-{version}"),
        label: "Deploy",
        icon: None,
        class,
        question: &format!("Deploy v{version} of {agent}?"),
        consequence: html! { p { "New executions in the environment run it at once. Those under way stay on their version." } },
        action: &paths::agent_action(agent, "deploy"),
        fields: html! {
            input type="hidden" name="version" value=(version);
            (field(&id, "Environment", None, None, &control))
        },
        yes: &format!("Yes, deploy v{version}"),
        danger: false,
    })
}

/// Who made which version when.
pub(crate) fn versions(page: &Page, now: Timestamp) -> Markup {
    let agent = &page.agent;
    let rows = html! {
        @for version in &page.versions {
            tr {
                th scope="row" {
                    a class="ver" href=(paths::version(paths::reference(agent), version.version)) { "v" (version.version) }
                    @for live in agent.deployments.iter().filter(|d| d.version == version.version) { " " (tag(&live.environment)) }
                    p class="dim narrow" { (made(version, now)) }
                }
                td class="wide fit" { (made(version, now)) }
                td class="wide fit" { code class="id" title=(version.content_hash) { (version.content_hash.get(..12).unwrap_or(&version.content_hash)) } }
                td {
                    div class="buttons" {
                        @if version.version > 1 { a class="button quiet" href=(paths::diff(paths::reference(agent), version.version, version.version - 1)) { "Compare" } }
                        @if agent.deleted_at.is_none() { (deploy(&agent.name, version.version, "quiet")) }
                    }
                }
            }
        }
    };
    table("Versions", &[column("Version"), wide("Made"), wide("Hash"), column("Actions")], &rows)
}

fn made(version: &Version, now: Timestamp) -> Markup {
    html! { (time::relative(&version.created_at, now)) " by " (actor(&version.created_by)) }
}

/// The history of deployments.
pub(crate) fn history(list: &[Deployment], now: Timestamp) -> Markup {
    html! {
        @if list.is_empty() { p class="dim" { "Nothing has been deployed yet." } }
        ol class="history" {
            @for deployment in list {
                li {
                    p { (badge(&deployment.status)) " " (tag(&deployment.environment)) " " span class="ver" { "v" (deployment.version) } }
                    p class="dim" { (text::words(&deployment.action)) " " (time::relative(&deployment.created_at, now)) " by " (actor(&deployment.created_by)) }
                }
            }
        }
    }
}

/// The agent's durable keys.
pub(crate) fn state(items: &[Value]) -> Markup {
    html! {
        @if items.is_empty() { p class="dim" { "No keys. An agent keeps something here with the tool " code { "state.set" } "." } }
        dl class="keys" {
            @for item in items {
                dt { code { (text::one_line(item.get("key").and_then(Value::as_str).unwrap_or("?"), 120)) } }
                dd { (json::json(item.get("value").unwrap_or(item), 600)) }
            }
        }
    }
}

/// A configuration, readable.
pub(crate) fn configuration(config: &AgentConfig) -> Markup {
    let limits = &config.limits;
    html! {
        dl class="facts column" {
            @if let Some(code) = &config.code {
                div { dt { "Program" } dd { code { (text::one_line(code, 120)) } } }
                div { dt { "Memory, CPU time, output" } dd { (limits.memory.as_deref().unwrap_or("64MiB")) ", " (limits.cpu.as_deref().unwrap_or("30s")) ", " (limits.output.as_deref().unwrap_or("1MiB")) } }
            }
            @if !config.model.is_empty() { div { dt { "Model" } dd { code { (config.model) } } } }
            div {
                dt { "Tools" }
                dd {
                    @if config.tools.is_empty() { span class="dim" { "none" } }
                    @for tool in &config.tools { code class="chip" { (text::one_line(tool, 80)) } " " }
                }
            }
            @if !config.hosts.is_empty() { div { dt { "Hosts asked for" } dd { @for host in &config.hosts { code class="chip" { (text::one_line(host, 120)) } " " } } } }
            @if !config.agents.is_empty() { div { dt { "Agents it may start" } dd { @for agent in &config.agents { code class="chip" { (text::one_line(agent, 80)) } " " } " " span class="dim" { "up to " (limits.children) } } } }
            div { dt { "Limits" } dd { (limits.wall) ", " (limits.turns) " turns, " (limits.tool_calls) " tool calls, " (text::grouped(limits.tokens)) " tokens" } }
            @if let Some(priority) = config.priority { div { dt { "Priority" } dd { (priority) } } }
            @if limits.concurrency.is_some() || limits.key_concurrency.is_some() {
                div { dt { "At a time" } dd {
                    @if let Some(most) = limits.concurrency { (most) " of the agent " }
                    @if let Some(most) = limits.key_concurrency { (most) " with the same key" }
                } }
            }
            @if let Some(temperature) = config.parameters.temperature { div { dt { "Temperature" } dd { (temperature) } } }
            @if let Some(most) = config.parameters.max_output_tokens { div { dt { "Reply at most" } dd { (most) " tokens" } } }
        }
        @if !config.instructions.is_empty() { (more("instructions", "Instructions", &json::block(&config.instructions, json::INLINE_LIMIT), true)) }
        @if let Some(schema) = &config.input_schema { (more("input-schema", "Input schema", &json::json(schema, json::INLINE_LIMIT), false)) }
        @if let Some(schema) = &config.output_schema { (more("output-schema", "Output schema", &json::json(schema, json::INLINE_LIMIT), false)) }
        @if !config.approvals.is_empty() {
            (more("approvals", &text::count(config.approvals.len(), "approval policy"), &as_json(&config.approvals), false))
        }
        @if !config.triggers.is_empty() {
            (more("triggers", &text::count(config.triggers.len(), "declared trigger"), &as_json(&config.triggers), false))
        }
        @if !config.declared_tools.is_empty() {
            (more("declared", &text::count(config.declared_tools.len(), "declared tool"), &as_json(&config.declared_tools), false))
        }
        @if !config.script.is_empty() {
            (more("script", &text::count(config.script.len(), "scripted reply"), &as_json(&config.script), false))
        }
    }
}

fn as_json<T: serde::Serialize>(value: &T) -> Markup {
    json::json(&serde_json::to_value(value).unwrap_or(Value::Null), json::INLINE_LIMIT)
}

fn more(id: &str, name: &str, content: &Markup, open: bool) -> Markup {
    html! { details id={ "config-" (id) } open[open] { summary { (name) } (content) } }
}
