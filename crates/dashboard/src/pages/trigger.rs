//! `/triggers/{trigger}`: what it says, its next runs and the times that it fired.

use axum::extract::Path;
use maud::{Markup, html};
use moltforge_api::PageQuery;
use moltforge_api::triggers::{Fire, FireTrigger, Trigger, TriggerSecret};
use moltforge_types::Timestamp;

use super::{Form, Result, View, triggers};
use crate::browser::Browser;
use crate::components::badge::{actor, badge, tag};
use crate::components::form::{Confirm, confirm};
use crate::components::icon::Icon;
use crate::components::json;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::snippet::snippet;
use crate::components::table::{column, table, wide};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{finish, text, time};

/// Fires that the page shows.
const SHOWN: u32 = 30;

/// One trigger.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) trigger: Trigger,
    /// Newest first.
    pub(crate) fires: Vec<Fire>,
    /// A secret that was just made: it is shown now and never again.
    pub(crate) secret: Option<TriggerSecret>,
    /// What makes pressing "Fire now" twice one fire.
    pub(crate) form_key: String,
}

/// `GET /triggers/{trigger}`
pub(crate) async fn show(browser: Browser, Path(trigger): Path<String>) -> Result {
    let page = load(&browser, &trigger, None).await?;
    Ok(browser.page(&page).await)
}

/// `POST /triggers/{trigger}/pause`
pub(crate) async fn pause(browser: Browser, Path(trigger): Path<String>) -> Result {
    browser.client.triggers().pause(&trigger).await?;
    Ok(finish::done(&paths::trigger(&trigger), Flash::TriggerPaused))
}

/// `POST /triggers/{trigger}/resume`
pub(crate) async fn resume(browser: Browser, Path(trigger): Path<String>) -> Result {
    browser.client.triggers().resume(&trigger).await?;
    Ok(finish::done(&paths::trigger(&trigger), Flash::TriggerResumed))
}

/// `POST /triggers/{trigger}/fire`
pub(crate) async fn fire(browser: Browser, Path(trigger): Path<String>, form: Form) -> Result {
    let key = form.filled("form_key");
    browser.client.triggers().fire(&trigger, &FireTrigger::default(), key.as_deref()).await?;
    Ok(finish::done(&paths::trigger(&trigger), Flash::Fired))
}

/// `POST /triggers/{trigger}/secret`: answers with the page itself, since a redirect would have to carry the secret.
pub(crate) async fn rotate(browser: Browser, Path(trigger): Path<String>) -> Result {
    let secret = browser.client.triggers().rotate(&trigger).await?;
    let page = load(&browser, &trigger, Some(secret)).await?;
    Ok(browser.page(&page).await)
}

async fn load(browser: &Browser, id: &str, secret: Option<TriggerSecret>) -> Result<Page> {
    let client = browser.client.triggers();
    let some = PageQuery { limit: Some(SHOWN), ..Default::default() };
    let (trigger, fires) = futures::join!(client.get(id), client.fires(id, &some));
    Ok(Page { trigger: trigger?, fires: fires?.items, secret, form_key: browser.form_key() })
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(self.trigger.name.clone(), Section::Triggers)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let trigger = &self.trigger;
        let title = html! { (text::one_line(&trigger.name, 80)) " " (badge(&trigger.state)) };
        let poll = paths::trigger(&trigger.trigger_id);
        html! {
            (heading(Some((pattern::TRIGGERS, "Triggers")), &title, Some(&self.actions())))
            @if let Some(TriggerSecret { secret: Some(secret), .. }) = &self.secret {
                section class="callout tone-good secret" aria-labelledby="secret-title" {
                    h2 id="secret-title" { "The new secret" }
                    p { "Copy it now: it is shown this once. Requests signed with the one before are accepted for another day." }
                    (snippet("Secret", secret))
                }
            }
            @if trigger.state == "inactive" {
                p class="callout tone-warn" { "The version that declared this trigger is no longer deployed, so nothing fires it." }
            }
            @if let Some(error) = &trigger.last_error {
                p class="callout tone-bad" role="status" {
                    span { "The latest fire started nothing: " a href=(paths::error_page(&error.code)) { code { (text::one_line(&error.code, 60)) } } " " (text::one_line(&error.message, 500)) }
                }
            }
            div class="columns" {
                div class="stack" {
                    section class="card" id="fires" data-live="fires" data-poll=(poll) aria-labelledby="fires-title" { h2 id="fires-title" { "Fired" } (self.fired(now)) }
                }
                div class="stack" {
                    section class="card" id="what" data-live="what" aria-labelledby="what-title" { h2 id="what-title" { "What it does" } (self.facts(now)) }
                    @if !trigger.upcoming.is_empty() {
                        section class="card" id="next" data-live="next" aria-labelledby="next-title" {
                            h2 id="next-title" { "Next runs" }
                            ol class="history" { @for at in &trigger.upcoming { li { p { (time::relative(at, now)) } p class="dim" { (time::absolute(at)) } } } }
                        }
                    }
                }
            }
        }
    }
}

impl Page {
    fn actions(&self) -> Markup {
        let id = &self.trigger.trigger_id;
        let button = |verb: &'static str, label: &str| {
            html! { form method="post" action=(paths::trigger_action(id, verb)) { button type="submit" { (label) } } }
        };
        html! {
            @if self.trigger.state != "inactive" {
                form method="post" action=(paths::trigger_action(id, "fire")) {
                    input type="hidden" name="form_key" value=(self.form_key);
                    button type="submit" class="primary" { "Fire now" }
                }
                @if self.trigger.state == "paused" { (button("resume", "Resume")) } @else { (button("pause", "Pause")) }
            }
            @if self.trigger.kind == "webhook" {
                (confirm(&Confirm {
                    id: "rotate",
                    label: "New secret",
                    icon: Some(Icon::Key),
                    class: "",
                    question: "Make a new secret?",
                    consequence: html! { p { "The one before is accepted for another day, so that its sender can be changed in peace." } },
                    action: &paths::trigger_action(id, "secret"),
                    fields: html! {},
                    yes: "Yes, make one",
                    danger: false,
                }))
            }
        }
    }

    fn facts(&self, now: Timestamp) -> Markup {
        let trigger = &self.trigger;
        let config = &trigger.config;
        html! {
            dl class="facts column" {
                div { dt { "Starts" } dd { a href=(paths::agent(&trigger.agent_name)) { (text::one_line(&trigger.agent_name, 80)) } " " (tag(&trigger.environment)) } }
                div { dt { "Fired by" } dd { (triggers::source(trigger)) } }
                @if trigger.kind == "schedule" {
                    div { dt { "Missed runs" } dd { (missed(config.missed.as_deref())) } }
                    @if let Some(jitter) = &config.jitter { div { dt { "Jitter" } dd { "up to " (text::one_line(jitter, 20)) } } }
                }
                @if let (Some(_), Some(topic)) = (&config.event, &config.topic) { div { dt { "Topic" } dd { code { (text::one_line(topic, 80)) } } } }
                @if let Some(url) = &trigger.url { div { dt { "URL" } dd { code { (text::one_line(url, 120)) } } } }
                @if let Some(filter) = &config.filter { div { dt { "Filter" } dd { (json::json(filter, 600)) } } }
                @if let Some(input) = &config.input { div { dt { "Input" } dd { (json::json(input, 600)) } } }
                div { dt { "While one runs" } dd { (overlap(&trigger.concurrency)) } }
                div { dt { "Started" } dd { (trigger.started) } }
                div { dt { "Skipped" } dd { (trigger.skipped) } }
                div { dt { "Refused" } dd { (trigger.refused) } }
                div { dt { "Declared" } dd { @if trigger.origin == "file" { "in the agent's file" } @else { "by " (actor(&trigger.created_by)) } } }
                div { dt { "Made" } dd { (time::relative(&trigger.created_at, now)) } }
            }
        }
    }

    fn fired(&self, now: Timestamp) -> Markup {
        if self.fires.is_empty() {
            return empty("It has not fired yet.", &html! { p { "Press Fire now to try it." } });
        }
        let rows = html! {
            @for fire in &self.fires {
                tr {
                    th scope="row" { (time::relative(&fire.planned_at, now)) }
                    td { (badge(&fire.state)) }
                    td class="wide" {
                        @if let Some(execution) = &fire.execution_id {
                            a href=(paths::execution(execution)) { code class="id" { (text::tail(execution)) } }
                        } @else if let Some(error) = &fire.error {
                            a href=(paths::error_page(&error.code)) { code { (text::one_line(&error.code, 60)) } } " "
                            span class="dim" { (text::one_line(&error.message, 300)) }
                        }
                    }
                }
            }
        };
        table("Fires", &[column("For"), column("Outcome"), wide("Execution")], &rows)
    }
}

/// What becomes of runs that nobody was there for.
fn missed(policy: Option<&str>) -> &'static str {
    match policy {
        Some("skip") => "are left out",
        Some("all") => "are all made up for, up to 100",
        _ => "are made up for by one",
    }
}

/// What happens when it fires while an execution of it lives.
fn overlap(rule: &str) -> &'static str {
    match rule {
        "queue" => "the next one waits",
        "skip" => "no other one starts",
        "replace" => "it is cancelled for the next one",
        _ => "others run beside it",
    }
}
