//! `/executions/{execution}`: one run, as it happens.
//!
//! The page and its live part are the same markup: `assets/live.js` fetches `/timeline` when something happened and
//! swaps those elements that carry `data-live`.

mod actions;
mod effects;
mod family;
mod log;
mod long;
mod parts;

use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse as _};
use maud::{Markup, html};
use moltforge_api::approvals::Effect;
use moltforge_api::executions::{Execution, ListEvents, ListSteps, Replayed, Step, StopReceipt, TreeNode};
use moltforge_client::Client;
use moltforge_types::Timestamp;
use moltforge_types::event::CloudEvent;
use serde::Deserialize;

pub(crate) use actions::{cancel, kill, pause, resume, signal};
pub(crate) use effects::{decide as decide_effect, probe};
pub(crate) use long::{fork, replay};

use super::{Result, View, permitted};
use crate::browser::Browser;
use crate::components::account::{account, bar};
use crate::components::badge::badge;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::timeline::timeline;
use crate::paths::{self, pattern};
use crate::{text, time};

/// Steps of one page.
const SHOWN_STEPS: u32 = 200;
/// The latest events that are shown.
const SHOWN_EVENTS: u32 = 200;

/// One execution.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) execution: Execution,
    /// Those of one page, in order: the latest, or those before.
    pub(crate) steps: Vec<Step>,
    /// How many there are.
    pub(crate) all_steps: usize,
    /// Where the steps before them are.
    pub(crate) older: Option<String>,
    /// The latest events, oldest first.
    pub(crate) events: Vec<CloudEvent>,
    /// Its calls that change something outside; none while it runs.
    pub(crate) effects: Vec<Effect>,
    /// It and everything below it.
    pub(crate) tree: Vec<TreeNode>,
    /// What a stop did.
    pub(crate) receipt: Option<StopReceipt>,
    /// What a replay found, when one was asked for.
    pub(crate) replayed: Option<Replayed>,
    /// Makes sending a signal twice send it once.
    pub(crate) form_key: String,
}

/// The query.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// Where the steps to show begin, going back; the latest when absent.
    steps: Option<String>,
}

/// `GET /executions/{execution}`
pub(crate) async fn show(browser: Browser, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result {
    let page = load(&browser, &id, &asked).await?;
    Ok(browser.page(&page).await)
}

/// `GET /executions/{execution}/timeline`
pub(crate) async fn live(browser: Browser, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result {
    let page = load(&browser, &id, &asked).await?;
    Ok(Html(text::harmless(page.fragment(browser.now).into_string())).into_response())
}

async fn load(browser: &Browser, id: &str, asked: &Asked) -> Result<Page> {
    let client: &Client = &browser.client;
    let execution = client.executions().get(id).await?;
    let after = execution.seq.saturating_sub(u64::from(SHOWN_EVENTS));
    let events = ListEvents { after: Some(after), limit: Some(SHOWN_EVENTS) };
    let latest = asked.steps.is_none();
    let page = ListSteps { order: Some("desc".to_owned()), cursor: asked.steps.clone(), limit: Some(SHOWN_STEPS) };
    let last = ListSteps { limit: Some(1), cursor: None, ..page.clone() };
    let api = client.executions();
    let cancelled = execution.state == "cancelled";
    let (steps, last, events, tree, receipt) = futures::try_join!(
        async { Ok(api.steps(id, &page).await?) },
        async { if latest { Ok(None) } else { Ok(Some(api.steps(id, &last).await?)) } },
        async { Ok(api.events_page(id, &events).await?) },
        async { permitted(api.tree(id).await) },
        async { if cancelled { permitted(api.receipt(id).await) } else { Ok(None) } },
    )?;
    let mut shown = steps.items;
    // numbers are dense: the latest step's says how many there are
    let newest = last.as_ref().map_or(shown.first(), |page| page.items.first());
    let all_steps = newest.map_or(0, |step| step.step as usize);
    shown.reverse();
    // what an operator may decide about rests; while it runs, the timeline says enough
    let rests = !matches!(execution.state.as_str(), "running" | "scheduled");
    let effects = if rests { client.executions().effects(id).await?.items } else { Vec::new() };
    Ok(Page {
        execution,
        steps: shown,
        all_steps,
        older: steps.next,
        events: events.items,
        effects,
        tree: tree.map(|page| page.items).unwrap_or_default(),
        receipt,
        replayed: None,
        form_key: browser.form_key(),
    })
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(
            format!("{} {}", self.execution.agent_name, text::tail(&self.execution.execution_id)),
            Section::Executions,
        )
    }

    fn body(&self, now: Timestamp) -> Markup {
        html! {
            div class="execution" id="execution"
                data-events=(paths::event_stream(&self.execution.execution_id))
                data-fragment=(paths::execution_action(&self.execution.execution_id, "timeline")) {
                (self.fragment(now))
            }
        }
    }
}

impl Page {
    fn ended(&self) -> bool {
        self.execution.finished_at.is_some()
    }

    /// Everything that changes while it runs.
    fn fragment(&self, now: Timestamp) -> Markup {
        let execution = &self.execution;
        html! {
            div id="head" data-live="head" data-state=(text::words(&execution.state)) data-seq=(execution.seq) data-ended=[self.ended().then_some("true")] {
                (heading(
                    Some((pattern::EXECUTIONS, "Executions")),
                    &html! { (execution.agent_name) " " (badge(&execution.state)) },
                    Some(&actions::buttons(execution)),
                ))
                p class="lead-id" { code class="id" { (execution.execution_id) } }
                (parts::facts(execution, now))
            }
            div id="wait" data-live="wait" { (parts::callout(self, now)) }
            div class="columns even" id="exchange" data-live="exchange" {
                section class="card" aria-labelledby="input-title" { h2 id="input-title" { "Input" } (parts::input(execution)) }
                section class="card" aria-labelledby="output-title" { h2 id="output-title" { "Output" } (parts::output(execution)) }
            }
            section class="card" aria-labelledby="timeline-title" {
                div class="card-head" {
                    h2 id="timeline-title" { "Timeline" }
                    span id="steps-count" data-live="count" class="dim" { (text::count(self.all_steps, "step")) }
                }
                div id="account" data-live="account" { @if self.whole() && self.steps.len() == self.all_steps { (bar(&account(execution, &self.steps, &self.events, now))) } }
                div id="timeline" data-live="timeline" { (self.steps(now)) }
                // filled by the script while a model writes; the committed step replaces it
                div id="provisional" class="provisional" hidden {
                    p class="note" { "The model is writing. What stands here is provisional." }
                    pre class="code plain" dir="auto" {}
                }
            }
            div id="log" data-live="log" { (log::section(execution, &self.events)) }
            div id="receipt" data-live="receipt" { @if let Some(receipt) = &self.receipt { (family::receipt(receipt, now)) } }
            div id="tree" data-live="tree" { (family::section(&self.tree)) }
            div id="effects" data-live="effects" { (effects::section(&execution.execution_id, &self.effects, now)) }
            section class="card" aria-labelledby="events-title" {
                details id="events-more" {
                    summary { h2 id="events-title" { "Events" } " " span id="events-count" data-live="events-count" class="dim" { (execution.seq) } }
                    div id="events" data-live="events" { (parts::events(self)) }
                }
            }
            // what a replay found stays until the page is left
            div id="replay" data-live=[self.replayed.is_none().then_some("replay")] {
                @if self.ended() || execution.state == "paused" { (long::replay_section(execution, self.replayed.as_ref())) }
            }
        }
    }

    /// Whether the page holds all events, so that sums over them are true.
    fn whole(&self) -> bool {
        self.events.len() as u64 >= self.execution.seq
    }

    fn steps(&self, now: Timestamp) -> Markup {
        html! {
            @if self.steps.is_empty() {
                (empty("No step yet.", &html! { p { @if self.ended() { "It ended before its first step." } @else { "It waits for its turn; this page shows the first step when it begins." } } }))
            } @else { (timeline(&self.execution, &self.steps, now, |step| long::fork_button(&self.execution, step, &self.form_key))) }
            (self.pager())
        }
    }

    fn pager(&self) -> Markup {
        let path = paths::execution(&self.execution.execution_id);
        let number = |step: Option<&Step>| step.map_or(0, |step| step.step);
        let (first, last) = (number(self.steps.first()), number(self.steps.last()));
        html! {
            @if self.steps.len() < self.all_steps {
                nav class="pager" aria-label="Steps" {
                    p class="note" { "Steps " (first) " to " (last) " of " (self.all_steps) }
                    @if let Some(older) = &self.older { a class="button" href=(paths::query(&path, &[("steps", older)])) { "← Earlier" } }
                    @if (last as usize) < self.all_steps { a class="button" href=(path) { "Latest →" } }
                }
            }
        }
    }
}

/// How long it has taken so far.
fn took(execution: &Execution, now: Timestamp) -> String {
    let end = execution.finished_at.as_deref().and_then(time::parse).unwrap_or(now);
    time::duration(time::between(&execution.created_at, end))
}
