//! `/triggers`: what starts agents by itself, with next and last runs.

use axum::extract::Query;
use maud::{Markup, html};
use moltforge_api::triggers::{ListTriggers, Trigger};
use moltforge_types::Timestamp;
use serde::Deserialize;

use super::{Result, View};
use crate::browser::Browser;
use crate::components::badge::{badge, tag};
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::snippet::snippet;
use crate::components::table::{column, number, pager, table, wide};
use crate::paths::{self, pattern};
use crate::{text, time};

/// Triggers on one page.
const SHOWN: u32 = 50;

/// The triggers of the project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) next: Option<String>,
    /// Not the first page.
    pub(crate) is_later: bool,
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    cursor: Option<String>,
}

/// `GET /triggers`
pub(crate) async fn show(browser: Browser, Query(wanted): Query<Wanted>) -> Result {
    let is_later = wanted.cursor.is_some();
    let filter = ListTriggers { agent: None, cursor: wanted.cursor, limit: Some(SHOWN) };
    let page = browser.client.triggers().list(&filter).await?;
    Ok(browser.page(&Page { triggers: page.items, next: page.next, is_later }).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Triggers", Section::Triggers)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let next = self.next.as_deref().map(|cursor| paths::query(pattern::TRIGGERS, &[("cursor", cursor)]));
        html! {
            (heading(None, &html! { "Triggers" }, None))
            @if self.triggers.is_empty() {
                (empty("Nothing starts by itself yet.", &html! {
                    p { "A trigger starts an agent on a schedule, for an event or for a webhook. Declare it in the agent's file, or make it here:" }
                    (snippet("In a terminal", "moltforge triggers create AGENT --schedule \"0 9 * * MON-FRI\" --timezone Europe/Berlin"))
                }))
            } @else {
                @let poll = (!self.is_later).then_some(pattern::TRIGGERS);
                section class="card" id="list" data-live="list" data-poll=[poll] aria-label="Triggers" { (rows(&self.triggers, now)) }
                (pager(next.as_deref(), self.is_later.then_some(pattern::TRIGGERS)))
            }
        }
    }
}

/// The triggers of one agent, for its page: a list, since they stand in a narrow column there.
pub(crate) fn list(triggers: &[Trigger], now: Timestamp) -> Markup {
    html! {
        ul class="history" {
            @for trigger in triggers {
                li {
                    p { a href=(paths::trigger(&trigger.trigger_id)) { (text::one_line(&trigger.name, 80)) } " " (tag(&trigger.environment)) " " (source(trigger)) }
                    p class="dim" { @if runs_at(trigger).is_some() { "next " } (next(trigger, now)) ", last " (last(trigger, now)) }
                }
            }
        }
    }
}

fn rows(triggers: &[Trigger], now: Timestamp) -> Markup {
    let rows = html! {
        @for trigger in triggers {
            tr {
                th scope="row" {
                    a href=(paths::trigger(&trigger.trigger_id)) { (text::one_line(&trigger.name, 80)) }
                    p class="dim" {
                        a href=(paths::agent(&trigger.agent_name)) { (text::one_line(&trigger.agent_name, 80)) } " "
                        (tag(&trigger.environment))
                    }
                }
                td class="wide" { (source(trigger)) }
                td { (next(trigger, now)) }
                td class="wide fit" { (last(trigger, now)) (came_of_it(trigger)) }
                td class="num wide" { (trigger.started) }
            }
        }
    };
    table("Triggers", &[column("Trigger"), wide("Fired by"), column("Next"), wide("Last"), number("Started")], &rows)
}

/// What fires it.
pub(crate) fn source(trigger: &Trigger) -> Markup {
    let config = &trigger.config;
    html! {
        @if let Some(cron) = &config.schedule {
            code { (text::one_line(cron, 80)) } " " span class="dim" { (text::one_line(config.timezone.as_deref().unwrap_or("UTC"), 60)) }
        } @else if let Some(event) = &config.event {
            "event " code { (text::one_line(event, 80)) }
        } @else if let Some(topic) = &config.topic {
            "topic " code { (text::one_line(topic, 80)) }
        } @else { "webhook" }
    }
}

/// When it runs next by itself.
fn runs_at(trigger: &Trigger) -> Option<&str> {
    trigger.next_at.as_deref().filter(|_| trigger.state == "active")
}

/// When it runs next, or where it stands.
fn next(trigger: &Trigger, now: Timestamp) -> Markup {
    html! { @match runs_at(trigger) { Some(at) => (time::relative(at, now)), None => (badge(&trigger.state)) } }
}

fn last(trigger: &Trigger, now: Timestamp) -> Markup {
    html! { @match &trigger.last_at { Some(at) => (time::relative(at, now)), None => span class="dim" { "never" } } }
}

/// What came of its latest fire.
fn came_of_it(trigger: &Trigger) -> Markup {
    html! {
        @if let Some(error) = &trigger.last_error {
            p { a href=(paths::error_page(&error.code)) { code { (text::one_line(&error.code, 60)) } } }
        } @else if let Some(execution) = &trigger.last_execution_id {
            p class="dim" { a href=(paths::execution(execution)) { code class="id" { (text::tail(execution)) } } }
        }
    }
}
