//! `/`: what is going on, and what to do next.

use axum::response::Response;
use maud::{Markup, html};
use moltforge_api::agents::{Agent, ListAgents};
use moltforge_api::executions::{Execution, ListExecutions};
use moltforge_api::holds::Hold;
use moltforge_types::Timestamp;
use moltforge_types::execution::State;
use serde_json::json;

use super::{Form, Result, View, executions, permitted, run_form, set_hold};
use crate::browser::Browser;
use crate::components::badge::{badge, look, tag};
use crate::components::hold::{self, Holdable};
use crate::components::icon::icon;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::snippet::snippet;
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{finish, text};

/// Holds that are shown.
const SHOWN_HOLDS: usize = 5;
/// Fewer executions than this, and the page still explains itself.
const NEWCOMER: usize = 4;

/// The overview.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// Live executions per live state; `None` without the scope or the service.
    pub(crate) counts: Option<Vec<(State, u64)>>,
    /// The latest executions; `None` without the scope.
    pub(crate) latest: Option<Vec<Execution>>,
    /// Agents; `None` without the scope.
    pub(crate) agents: Option<Vec<Agent>>,
    /// What of the project is held, and the whole of it; `None` without the scope.
    pub(crate) holds: Option<Vec<Hold>>,
    /// The address that people use.
    pub(crate) base_url: String,
}

/// `GET /`
pub(crate) async fn show(browser: Browser) -> Result<Response> {
    let api = &browser.client;
    let latest = ListExecutions { limit: Some(10), ..Default::default() };
    let agents = ListAgents { limit: Some(20), ..Default::default() };
    let (metrics, latest, agents, holds) = futures::join!(
        async { api.metrics().await.ok() },
        async { api.executions().list(&latest).await },
        async { api.agents().list(&agents).await },
        async { api.holds().list().await },
    );
    let (latest, agents, holds) = (permitted(latest)?, permitted(agents)?, permitted(holds)?);
    let page = Page {
        counts: metrics.and_then(|text| counts(&text)),
        latest: latest.map(|page| page.items),
        agents: agents.map(|page| page.items),
        holds: holds.map(|page| page.items),
        base_url: browser.base_url.clone(),
    };
    Ok(browser.page(&page).await)
}

/// `POST /hold`
pub(crate) async fn hold(browser: Browser, form: Form) -> Result {
    set_hold(&browser, None, &form).await?;
    Ok(finish::done(pattern::OVERVIEW, Flash::ProjectHeld))
}

/// `POST /lift`
pub(crate) async fn lift(browser: Browser) -> Result {
    browser.client.holds().lift(None).await?;
    Ok(finish::done(pattern::OVERVIEW, Flash::ProjectResumed))
}

/// Live executions per live state, from the project's metrics. `None` when one of the states is missing there.
pub(crate) fn counts(metrics: &str) -> Option<Vec<(State, u64)>> {
    let of = |state: State| {
        let name = format!("executions_count{{state=\"{state}\"}} ");
        let number = metrics.lines().find_map(|line| line.strip_prefix(&name))?;
        Some((state, number.trim().parse().ok()?))
    };
    State::ALL.iter().filter(|state| !state.is_terminal()).map(|state| of(*state)).collect()
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Overview", Section::Overview)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let newcomer = self.latest.as_ref().is_some_and(|latest| latest.len() < NEWCOMER);
        html! {
            (heading(None, &html! { "Overview" }, None))
            div id="holds" data-live="holds" { (self.held(now)) }
            @if newcomer { (self.welcome(true)) }
            section id="now" data-live="now" data-poll=(pattern::OVERVIEW) aria-labelledby="now-title" {
                h2 id="now-title" class="unseen" { "Live executions" }
                @match &self.counts {
                    Some(counts) => (tiles(counts)),
                    None => p class="note" { "No counts: they need the scope monitoring:read, and the monitoring service." },
                }
            }
            div class="columns" {
                section id="latest" class="card" data-live="latest" aria-labelledby="latest-title" {
                    div class="card-head" { h2 id="latest-title" { "Latest executions" } a href=(pattern::EXECUTIONS) { "All" } }
                    @match self.latest.as_deref() {
                        Some([]) => (empty("Nothing has run yet.", &html! { p { "Open an agent and fill in its form, or use a command from above." } })),
                        Some(latest) => (executions::rows(latest, true, now)),
                        None => p class="note" { "Executions need the scope executions:read." },
                    }
                }
                section id="agents" class="card" data-live="agents" aria-labelledby="agents-title" {
                    div class="card-head" { h2 id="agents-title" { "Agents" } a href=(pattern::AGENTS) { "All" } }
                    @match self.agents.as_deref() {
                        Some([]) => (empty("No agents yet.", &html! { p { "Make one with " code { "moltforge init hello" } ", then deploy it." } })),
                        Some(agents) => (agent_list(agents)),
                        None => p class="note" { "Agents need the scope agents:read." },
                    }
                }
            }
            @if !newcomer { (self.welcome(false)) }
            @if let Some(holds) = &self.holds { (switches(holds)) }
        }
    }
}

fn tiles(counts: &[(State, u64)]) -> Markup {
    html! {
        ul class="tiles" {
            @for (state, number) in counts {
                @let (shape, tone) = look(state.as_str());
                li {
                    a class={ "tile " (tone) @if *number == 0 { " none" } } href=(paths::executions(state.as_str(), "", None)) {
                        span class="tile-word" { (icon(shape)) (text::words(state.as_str())) }
                        b { (text::grouped(*number)) }
                    }
                }
            }
        }
    }
}

/// What holds the whole project, and lets it go on.
fn switches(holds: &[Hold]) -> Markup {
    let target = Holdable {
        name: "the whole project",
        kind: "project",
        hold: pattern::PROJECT_HOLD,
        lift: pattern::PROJECT_LIFT,
    };
    html! {
        section class="card switches" id="hold" aria-labelledby="hold-title" {
            div {
                h2 id="hold-title" { "Stop everything" }
                p class="dim" { "All agents of the project, their executions, and what triggers start." }
            }
            (hold::switches(&target, holds.iter().find(|hold| hold.agent_id.is_none())))
        }
    }
}

impl Page {
    /// The holds that stand: the project's, and those of agents.
    fn held(&self, now: Timestamp) -> Markup {
        let holds = self.holds.as_deref().unwrap_or_default();
        html! {
            (hold::standing(holds.get(..SHOWN_HOLDS).unwrap_or(holds), now))
            @if holds.len() > SHOWN_HOLDS { p class="note" { (holds.len() - SHOWN_HOLDS) " more agents are held." } }
        }
    }

    /// What a newcomer does next; later it waits at the end of the page, closed.
    fn welcome(&self, open: bool) -> Markup {
        let agents = self.agents.as_deref().unwrap_or_default();
        let live = || agents.iter().filter(|agent| !agent.deployments.is_empty());
        // the simplest one first
        let agent = live().find(|agent| agent.name == "hello").or_else(|| live().next());
        let name = agent.map_or("my-agent", |agent| agent.name.as_str());
        let body = json!({ "agent": name, "input": agent.map_or_else(|| json!({}), run_form::example) });
        let curl = format!(
            "curl {}/v1/executions \\\n  -H \"Authorization: Bearer $MOLTFORGE_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{}'",
            self.base_url,
            text::one_line(&body.to_string().replace('\'', "'\\''"), 500)
        );
        html! {
            details class="welcome card" id="welcome" open[open] {
                summary { h2 { @if open { "Welcome. Three things to do next" } @else { "Call an agent from your own code" } } }
                div class="welcome-steps" {
                    div {
                        h3 { "Run one here" }
                        p { "Every agent has a form made from its input schema, and every run a page that follows it." }
                        p {
                            @if agents.is_empty() { "There is no agent yet: make one first." }
                            @else { a class="button primary" href=(paths::agent(name)) { "Open " (name) } }
                        }
                    }
                    div {
                        h3 { "Make your own" }
                        p { "An agent is one short file. Changing it makes a version; every version can be rolled back to." }
                        (snippet("In a terminal", "moltforge init my-agent\nmoltforge deploy my-agent\nmoltforge run my-agent --follow"))
                    }
                    div {
                        h3 { "Call it from anywhere" }
                        p { "Make a key under " a href=(pattern::KEYS) { "Keys" } ", then one request starts a run." }
                        (snippet("With curl", &curl))
                    }
                }
            }
        }
    }
}

fn agent_list(agents: &[Agent]) -> Markup {
    html! {
        ul class="agent-list" {
            @for agent in agents {
                li {
                    a href=(paths::agent(&agent.name)) { (agent.name) }
                    p class="dim" { (text::one_line(&agent.description, 120)) }
                    p class="live-in" { (live_in(agent)) }
                }
            }
        }
    }
}

/// Where an agent is live, in words.
pub(crate) fn live_in(agent: &Agent) -> Markup {
    html! {
        @if agent.deleted_at.is_some() { (badge("deleted")) }
        @else if agent.deployments.is_empty() { span class="dim" { "not deployed" } }
        @for deployment in &agent.deployments {
            span class="pair" { (tag(&deployment.environment)) span class="ver" { "v" (deployment.version) } }
        }
    }
}
