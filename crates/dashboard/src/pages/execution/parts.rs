//! The sections of an execution's page.

use maud::{Markup, html};
use moltforge_api::executions::{Execution, ExecutionError, Step};
use moltforge_types::Timestamp;
use moltforge_types::event::{CloudEvent, TYPE_PREFIX};
use serde_json::Value;

use super::{Page, actions, family, log, took};
use crate::components::badge::look;
use crate::components::icon::{Icon, icon};
use crate::components::table::{column, table, wide};
use crate::components::{json, markdown};
use crate::{paths, text, time};

/// Characters of one event's data.
const EVENT_LIMIT: usize = 1_500;

/// The facts in one line. The version is reached by the agent's id: its name may be gone or be another agent's by now.
pub(super) fn facts(execution: &Execution, now: Timestamp) -> Markup {
    html! {
        dl class="facts strip" {
            div { dt { "Version" } dd { a class="ver" href=(paths::version(&execution.agent_id, execution.version)) { "v" (execution.version) } } }
            @if let Some(environment) = &execution.environment { div { dt { "Environment" } dd { (environment) } } }
            div { dt { "Started" } dd { (time::relative(&execution.created_at, now)) } }
            div { dt { "Took" } dd { (took(execution, now)) @if execution.finished_at.is_none() { " so far" } } }
            @if execution.priority != 5 { div { dt { "Priority" } dd { (execution.priority) } } }
            @if let Some(key) = &execution.concurrency_key { div { dt { "Concurrency key" } dd { code { (text::one_line(key, 100)) } } } }
            (family::facts(execution, now))
            div { dt { "Tokens" } dd { (text::grouped(execution.tokens)) } }
            div { dt { "Attempts" } dd { (execution.attempt) } }
            @if let Some(at) = execution.wake_at.as_ref().filter(|_| execution.finished_at.is_none()) { div { dt { "Wakes" } dd { (time::relative(at, now)) } } }
        }
    }
}

/// What it waits for, or why it stopped, and what to do about it.
pub(super) fn callout(page: &Page, now: Timestamp) -> Markup {
    let execution = &page.execution;
    let (shape, tone) = look(&execution.state);
    match (execution.state.as_str(), &execution.error) {
        ("paused", error) => html! {
            div class={ "callout " (tone) } {
                p { (icon(shape)) b { (reason(execution)) } }
                @if let Some(error) = error { @let (first, place) = log::message(&error.message); p { (first) " (" (code(error)) ")" } (self::place(place)) }
                p { (what_to_do(page)) }
                @if execution.reason.as_deref() == Some("effect_unknown") { (actions::unknown_choice(execution)) }
            }
        },
        ("failed", Some(error)) => html! {
            div class={ "callout " (tone) } {
                @let (first, place) = log::message(&error.message);
                p { (icon(shape)) b { (first) } }
                (self::place(place))
                p { "Code " (code(error)) ". Its finished steps stand below." }
            }
        },
        ("suspended" | "backing_off" | "scheduled" | "running", _) => html! {
            @if let Some(waiting_for) = &execution.waiting_for {
                div class={ "callout " (tone) } {
                    p { (icon(shape)) b { "Waits for " (time::readable(&text::one_line(waiting_for, 300), now)) } }
                    @for step in page.steps.iter().filter(|step| step.state == "waiting") {
                        @if let Some(approval) = &step.approval_id {
                            p { a class="button" href=(paths::approval(approval)) { (icon(Icon::Check)) span { "Decide about #" (step.step) " " (text::one_line(&step.name, 64)) } } }
                        }
                    }
                    @if let Some(name) = awaited(page) { (actions::signal_form(&execution.execution_id, name, &page.form_key)) }
                }
            }
        },
        _ => html! {},
    }
}

/// Where an error happened, as the program's engine says it.
fn place(lines: Option<&str>) -> Markup {
    html! { @if let Some(lines) = lines { pre class="code place" dir="auto" { (lines) } } }
}

/// An error's code, which leads to its page.
fn code(error: &ExecutionError) -> Markup {
    html! { a href=(paths::error_page(&error.code)) { code { (error.code) } } }
}

fn reason(execution: &Execution) -> String {
    match execution.reason.as_deref() {
        Some("operator") => "Somebody paused it.".to_owned(),
        Some("held") => "Its agent, or the whole project, is held.".to_owned(),
        Some("retries_exhausted") => "It failed too often without getting on.".to_owned(),
        Some("crash_loop") => "The server died too often while this ran.".to_owned(),
        Some("diverged") => "Its journal does not fit its version's behaviour.".to_owned(),
        Some("effect_unknown") => "A call was sent, and nobody knows whether it happened.".to_owned(),
        Some("journal_limit") => "Its journal is full.".to_owned(),
        Some("budget") => "Its budget is used up.".to_owned(),
        Some("approval_expired") => "Nobody decided about a call in time; a resume asks anew.".to_owned(),
        Some("version_missing") => "Its version cannot be loaded.".to_owned(),
        Some(other) => text::words(other),
        None => "It is paused.".to_owned(),
    }
}

fn what_to_do(page: &Page) -> &'static str {
    match page.execution.reason.as_deref() {
        Some("effect_unknown") => {
            "The tool must not be called twice by itself, so nothing was repeated. Look at the other side: if it did not happen, send it again; if it did, say what it answered under Effects below; if you cannot tell, let the model go on without an answer."
        }
        // the callout says why by itself; a step may, when the execution does not
        Some("retries_exhausted") if page.execution.error.is_none() && page.steps.iter().any(gave_up) => {
            "The failed step says why. When the cause is gone, resume it: it tries again from there."
        }
        Some("retries_exhausted") => "When the cause is gone, resume it: it tries again from where it stopped.",
        Some("crash_loop" | "diverged" | "version_missing" | "journal_limit") => {
            "Finished steps are kept. Resume it after the cause is gone, or cancel it."
        }
        Some("budget") => "Raise the limit in a new version for later runs, or cancel this one.",
        Some("held") => {
            "Nothing runs and nothing is lost. It goes on by itself when the agent or the project is resumed."
        }
        _ => "Nothing runs and nothing is lost. Resume it to go on where it was.",
    }
}

/// Whether a step was tried again and stands failed. A call whose error the model has seen was not.
fn gave_up(step: &Step) -> bool {
    step.state == "failed" && step.retries > 0
}

/// The name of the first signal that it waits for.
fn awaited(page: &Page) -> Option<&str> {
    let waits = |step: &&Step| step.state == "waiting" && step.name == "signals.wait";
    page.steps.iter().find(waits)?.input.as_ref()?.get("name")?.as_str()
}

/// The input.
pub(super) fn input(execution: &Execution) -> Markup {
    match &execution.input {
        Value::Null => html! { p class="dim" { "None." } },
        value => json::json(value, json::WHOLE_LIMIT),
    }
}

/// The output: a text as Markdown, anything else as JSON.
pub(super) fn output(execution: &Execution) -> Markup {
    match (&execution.output, &execution.error) {
        (Some(Value::String(words)), _) => markdown::markdown(words, json::WHOLE_LIMIT),
        (Some(value), _) => json::json(value, json::WHOLE_LIMIT),
        // what holds a paused one stands in the callout: it may still have an output
        (None, Some(error)) if execution.finished_at.is_some() => {
            html! { p class="error-line" { (icon(Icon::Cross)) code { (error.code) } " " (log::message(&error.message).0) } }
        }
        (None, _) if execution.finished_at.is_some() => {
            html! { p class="dim" { "None: it was " (text::words(&execution.state)) "." } }
        }
        (None, _) => html! { p class="dim" { "Not yet: it stands here when the execution has completed." } },
    }
}

/// The latest events.
pub(super) fn events(page: &Page) -> Markup {
    let rows = html! { @for event in &page.events { (event_row(event, &page.execution)) } };
    let first = page.events.first().and_then(|event| event.id.parse::<u64>().ok()).unwrap_or(1);
    html! {
        @if first > 1 { p class="note" { "The latest " (page.events.len()) ". The API has all of them." } }
        (table("Events", &[column("No."), column("Event"), wide("At"), column("Data")], &rows))
    }
}

fn short_type(event: &CloudEvent) -> &str {
    event.event_type.strip_prefix(TYPE_PREFIX).unwrap_or(&event.event_type)
}

fn event_row(event: &CloudEvent, execution: &Execution) -> Markup {
    let after = time::between(&execution.created_at, event.time);
    html! {
        tr {
            th scope="row" class="fit dim" { (text::one_line(&event.id, 20)) }
            td { code { (text::one_line(short_type(event), 60)) } }
            td class="wide" { time datetime=(event.time) title=(time::exact(event.time)) { "+" (time::duration(after)) } }
            td {
                @if event.data.as_object().is_some_and(|data| !data.is_empty()) {
                    details id={ "event-" (number(&event.id)) } { summary { "Show" } (json::json(&event.data, EVENT_LIMIT)) }
                }
            }
        }
    }
}

/// An id for a page must hold nothing else.
fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}
