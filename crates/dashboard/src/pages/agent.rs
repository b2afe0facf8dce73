//! `/agents/{agent}`: what it is, what is live, its history, and the form that runs it.

mod actions;
mod parts;

use axum::extract::Path;
use http::StatusCode;
use maud::{Markup, html};
use moltforge_api::PageQuery;
use moltforge_api::agents::Agent;
use moltforge_api::deployments::Deployment;
use moltforge_api::executions::{Execution, ListExecutions};
use moltforge_api::holds::Hold;
use moltforge_api::triggers::{ListTriggers, Trigger};
use moltforge_api::versions::Version;
use moltforge_client::{Client, StartOptions};
use moltforge_types::{Fault as _, Kind, Timestamp};
use serde_json::Value;

pub(crate) use actions::{deploy, hold, lift, rollback, undeploy};
pub(crate) use parts::configuration;

use super::run_form::{self, RunForm};
use super::{Form, Result, View, executions, permitted, triggers};
use crate::browser::Browser;
use crate::components::badge::badge;
use crate::components::hold::{self, Holdable};
use crate::components::layout::{Frame, Section, empty, heading};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{Error, finish, text};

/// Versions, deployments and keys that the page shows.
const SHOWN: u32 = 20;

/// One agent.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) agent: Agent,
    /// Newest first.
    pub(crate) versions: Vec<Version>,
    /// Newest first.
    pub(crate) history: Vec<Deployment>,
    /// The latest; `None` without the scope.
    pub(crate) executions: Option<Vec<Execution>>,
    /// Its durable keys and values.
    pub(crate) state: Vec<Value>,
    /// What starts it by itself.
    pub(crate) triggers: Vec<Trigger>,
    /// What of it is held, and the whole project; `None` without the scope.
    pub(crate) holds: Option<Vec<Hold>>,
    pub(crate) run: RunForm,
}

/// `GET /agents/{agent}`
pub(crate) async fn show(browser: Browser, Path(agent): Path<String>) -> Result {
    let run = RunForm { form_key: browser.form_key(), ..Default::default() };
    let page = Box::pin(load(&browser.client, &agent, run)).await?;
    Ok(browser.page(&page).await)
}

/// `POST /agents/{agent}/run`
pub(crate) async fn run(browser: Browser, Path(name): Path<String>, form: Form) -> Result {
    let agent = browser.client.agents().get(&name).await?;
    let (error, problems) = match run_form::read(&agent, &form) {
        Err(problems) => (None, problems),
        Ok(body) => {
            let options = StartOptions { idempotency_key: form.filled("form_key"), wait: None };
            match browser.client.executions().start(&body, &options).await {
                Ok(started) => return Ok(finish::done(&paths::execution(&started.execution_id), Flash::Started)),
                Err(error)
                    if matches!(error.kind(), Kind::Invalid | Kind::Conflict | Kind::TooLarge | Kind::NotFound) =>
                {
                    (Some(error.to_string()), error.items().to_vec())
                }
                Err(error) => return Err(Error::Api(error)),
            }
        }
    };
    let run = RunForm { typed: Some(form.0), problems, error, form_key: browser.form_key() };
    Ok(browser.page(&Box::pin(load(&browser.client, &name, run)).await?).await)
}

async fn load(client: &Client, name: &str, run: RunForm) -> Result<Page> {
    let agents = client.agents();
    let agent = agents.get(name).await?;
    let some = PageQuery { limit: Some(SHOWN), ..Default::default() };
    let latest = ListExecutions { agent: Some(agent.agent_id.clone()), limit: Some(8), ..Default::default() };
    let own = ListTriggers { agent: Some(agent.agent_id.clone()), limit: Some(SHOWN), ..Default::default() };
    let (versions, history, state, latest, triggers, holds) = futures::join!(
        async { agents.versions(name, &some).await },
        async { agents.deployments(name, &some).await },
        async { agents.state(name, &some).await },
        async { client.executions().list(&latest).await },
        // a deleted agent has none
        async { if agent.deleted_at.is_some() { Ok(None) } else { client.triggers().list(&own).await.map(Some) } },
        async { client.holds().list().await },
    );
    let of_this = |hold: &Hold| hold.agent_id.as_ref().is_none_or(|id| *id == agent.agent_id);
    let holds = permitted(holds)?.map(|page| page.items.into_iter().filter(of_this).collect());
    Ok(Page {
        holds,
        agent,
        versions: versions?.items,
        history: history?.items,
        executions: permitted(latest)?.map(|page| page.items),
        state: permitted(state)?.map(|page| page.items).unwrap_or_default(),
        triggers: permitted(triggers)?.flatten().map(|page| page.items).unwrap_or_default(),
        run,
    })
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(self.agent.name.clone(), Section::Agents)
    }

    fn status(&self) -> StatusCode {
        let refused = self.run.error.is_some() || !self.run.problems.is_empty();
        if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }

    fn body(&self, now: Timestamp) -> Markup {
        let agent = &self.agent;
        let deleted = agent.deleted_at.is_some();
        let title = html! { (agent.name) @if deleted { " " (badge("deleted")) } };
        html! {
            (heading(Some((pattern::AGENTS, "Agents")), &title, None))
            @if !agent.description.is_empty() { p class="lead" { (text::one_line(&agent.description, 500)) } }
            @if deleted { p class="callout tone-warn" { "This agent was deleted. Its history stays readable; it runs no more." } }
            @else { (hold::standing(self.holds.as_deref().unwrap_or_default(), now)) }
            div class="columns" {
                div class="stack" {
                    @if !deleted {
                        section class="card" aria-labelledby="run-title" { h2 id="run-title" { "Run it" } (self.run.write(agent)) }
                    }
                    section class="card executions" aria-labelledby="executions-title" {
                        div class="card-head" {
                            h2 id="executions-title" { "Latest executions" }
                            a href=(paths::executions("", &agent.agent_id, None)) { "All" }
                        }
                        @match self.executions.as_deref() {
                            None => p class="note" { "Executions need the scope executions:read." },
                            Some([]) => (empty("It has not run yet.", &html! { p { "Fill in the form and press Run." } })),
                            Some(list) => (executions::rows(list, false, now)),
                        }
                    }
                    section class="card" aria-labelledby="versions-title" {
                        h2 id="versions-title" { "Versions" }
                        (parts::versions(self, now))
                    }
                }
                div class="stack" {
                    section class="card" aria-labelledby="live-title" {
                        h2 id="live-title" { "Live" }
                        (parts::live(self, now))
                    }
                    @if let Some(holds) = self.holds.as_deref().filter(|_| !deleted) { (switches(agent, holds)) }
                    @if !self.triggers.is_empty() {
                        section class="card" aria-labelledby="triggers-title" {
                            h2 id="triggers-title" { "Triggers" }
                            (triggers::list(&self.triggers, now))
                        }
                    }
                    section class="card" aria-labelledby="config-title" {
                        h2 id="config-title" { "Configuration" }
                        (configuration(&agent.config))
                    }
                    section class="card" aria-labelledby="state-title" {
                        h2 id="state-title" { "State" }
                        (parts::state(&self.state))
                    }
                    section class="card" aria-labelledby="history-title" {
                        h2 id="history-title" { "Deployments" }
                        (parts::history(&self.history, now))
                    }
                }
            }
        }
    }
}

/// What holds the agent, and lets it go on.
fn switches(agent: &Agent, holds: &[Hold]) -> Markup {
    let reference = paths::reference(agent);
    let (hold_at, lift_at) = (paths::agent_action(reference, "hold"), paths::agent_action(reference, "lift"));
    let target = Holdable { name: &agent.name, kind: "agent", hold: &hold_at, lift: &lift_at };
    html! {
        section class="card" id="hold" aria-labelledby="hold-title" {
            h2 id="hold-title" { "Hold" }
            p class="dim" { @if holds.is_empty() { "It is not held: executions begin and go on." } @else { "It is held; see above." } }
            (hold::switches(&target, holds.iter().find(|hold| hold.agent_id.is_some())))
        }
    }
}

/// The button that makes a version live, for the version's own page.
pub(crate) fn deploy_button(agent: &str, version: u32) -> Markup {
    parts::deploy(agent, version, "primary")
}
