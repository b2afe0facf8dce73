//! `/executions`: the list.

use axum::extract::Query;
use maud::{Markup, html};
use moltforge_api::executions::{Execution, ListExecutions};
use moltforge_types::Timestamp;
use moltforge_types::execution::State;
use serde::Deserialize;

use super::{Result, View};
use crate::browser::Browser;
use crate::components::badge::badge;
use crate::components::json;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::table::{column, number, pager, table, wide};
use crate::paths::{self, pattern};
use crate::{text, time};

/// The list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) executions: Vec<Execution>,
    pub(crate) next: Option<String>,
    pub(crate) asked: Asked,
}

/// The filters.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    /// A state, or `live`.
    #[serde(default)]
    pub(crate) state: String,
    /// An agent's name or id.
    #[serde(default)]
    pub(crate) agent: String,
    /// The page.
    #[serde(default)]
    pub(crate) cursor: String,
}

/// `GET /executions`
pub(crate) async fn show(browser: Browser, Query(asked): Query<Asked>) -> Result {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = ListExecutions {
        agent: some(&asked.agent),
        state: some(&asked.state),
        cursor: some(&asked.cursor),
        limit: None,
    };
    let page = match browser.client.executions().list(&query).await {
        Ok(page) => page,
        // a name that no agent has is an empty list here, not a missing page
        Err(error) if error.is_not_found() && query.agent.is_some() => {
            moltforge_api::Page { items: Vec::new(), next: None }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(browser.page(&Page { executions: page.items, next: page.next, asked }).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Executions", Section::Executions)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let Asked { state, agent, cursor } = &self.asked;
        let next = self.next.as_deref().map(|cursor| paths::executions(state, agent, Some(cursor)));
        let first = (!cursor.is_empty()).then(|| paths::executions(state, agent, None));
        html! {
            (heading(None, &html! { "Executions" }, None))
            form class="filters" method="get" action=(pattern::EXECUTIONS) role="search" {
                div class="field" {
                    label for="state" { "State" }
                    select id="state" name="state" {
                        option value="" { "any" }
                        option value="live" selected[state == "live"] { "live (not ended)" }
                        @for one in State::ALL { option value=(one.as_str()) selected[state == one.as_str()] { (text::words(one.as_str())) } }
                    }
                }
                div class="field" {
                    label for="agent" { "Agent" }
                    input id="agent" name="agent" type="search" value=(agent) maxlength="63" spellcheck="false" autocapitalize="none";
                }
                button type="submit" { "Filter" }
            }
            // the first page only: a later one would move under the reader
            div id="list" data-live="list" data-poll=[cursor.is_empty().then(|| paths::executions(state, agent, None))] {
                @if self.executions.is_empty() { (self.nothing()) } @else {
                    div class="card flush" { (rows(&self.executions, true, now)) }
                }
            }
            (pager(next.as_deref(), first.as_deref()))
        }
    }
}

impl Page {
    fn nothing(&self) -> Markup {
        if self.asked.state.is_empty() && self.asked.agent.is_empty() {
            return empty(
                "Nothing has run yet.",
                &html! { p { "Choose one of the " a href=(pattern::AGENTS) { "agents" } " and fill in its form, or run " code { "moltforge run AGENT --follow" } "." } },
            );
        }
        empty("No execution fits.", &html! { p { a href=(pattern::EXECUTIONS) { "Show all executions" } } })
    }
}

/// Executions as a table; the agent's name stands in it unless the page is the agent's own.
pub(crate) fn rows(executions: &[Execution], agent: bool, now: Timestamp) -> Markup {
    let columns = [column("Execution"), column("State"), number("Tokens"), number("Took"), wide("Started")];
    let rows = html! { @for execution in executions { (row(execution, agent, now)) } };
    table("Executions", &columns, &rows)
}

fn row(execution: &Execution, agent: bool, now: Timestamp) -> Markup {
    let end = execution.finished_at.as_deref().and_then(time::parse).unwrap_or(now);
    html! {
        tr {
            th scope="row" {
                a href=(paths::execution(&execution.execution_id)) {
                    @if agent { (text::one_line(&execution.agent_name, 80)) " " }
                    code class={ "id" @if agent { " wide" } } { (text::tail(&execution.execution_id)) }
                }
                p class="dim summary" {
                    span class="ver" { "v" (execution.version) } " "
                    span class="narrow" { (time::relative(&execution.created_at, now)) " · " }
                    (summary(execution))
                }
            }
            td {
                (badge(&execution.state))
                @if let Some(reason) = &execution.reason { p class="dim" { (text::words(reason)) } }
                @else if let Some(waiting_for) = &execution.waiting_for { p class="dim" { (time::readable(&text::one_line(waiting_for, 100), now)) } }
            }
            td class="num wide" { (text::grouped(execution.tokens)) }
            td class="num wide" { (time::duration(time::between(&execution.created_at, end))) }
            td class="wide" { (time::relative(&execution.created_at, now)) }
        }
    }
}

/// What came out, or what went in.
fn summary(execution: &Execution) -> String {
    match (&execution.error, &execution.output) {
        (Some(error), _) => text::one_line(&error.message, 100),
        (None, Some(output)) => json::brief(output, 100),
        (None, None) => json::brief(&execution.input, 100),
    }
}
