//! `/agents`: the list.

use axum::extract::Query;
use maud::{Markup, html};
use moltforge_api::agents::{Agent, ListAgents};
use moltforge_types::Timestamp;
use serde::Deserialize;

use super::overview::live_in;
use super::{Result, View};
use crate::browser::Browser;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::snippet::snippet;
use crate::components::table::{column, number, pager, table, wide};
use crate::paths::{self, pattern};
use crate::{text, time};

/// The list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) agents: Vec<Agent>,
    pub(crate) next: Option<String>,
    pub(crate) asked: Asked,
}

/// What was searched for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    /// The beginning of a name.
    #[serde(default)]
    pub(crate) name: String,
    /// `on`: deleted ones too.
    #[serde(default)]
    pub(crate) deleted: String,
    /// The page.
    #[serde(default)]
    pub(crate) cursor: String,
}

/// `GET /agents`
pub(crate) async fn show(browser: Browser, Query(asked): Query<Asked>) -> Result {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = ListAgents {
        name_prefix: some(&asked.name),
        deleted: (asked.deleted == "on").then_some(true),
        cursor: some(&asked.cursor),
        ..Default::default()
    };
    let page = browser.client.agents().list(&query).await?;
    Ok(browser.page(&Page { agents: page.items, next: page.next, asked }).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Agents", Section::Agents)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let address = |cursor: &str| {
            let filters = [("name", self.asked.name.as_str()), ("deleted", &self.asked.deleted), ("cursor", cursor)];
            paths::query(pattern::AGENTS, &filters)
        };
        let next = self.next.as_deref().map(address);
        let first = (!self.asked.cursor.is_empty()).then(|| address(""));
        html! {
            (heading(None, &html! { "Agents" }, None))
            form class="filters" method="get" action=(pattern::AGENTS) role="search" {
                div class="field" {
                    label for="name" { "Name begins with" }
                    input id="name" name="name" type="search" value=(self.asked.name) maxlength="63" spellcheck="false" autocapitalize="none";
                }
                div class="field flag" {
                    input id="deleted" name="deleted" type="checkbox" value="on" checked[self.asked.deleted == "on"];
                    label for="deleted" { "Deleted ones too" }
                }
                button type="submit" { "Search" }
            }
            @if self.agents.is_empty() { (self.nothing()) } @else {
                div class="card flush" { (table("Agents", &[column("Agent"), column("Live"), number("Latest version"), wide("Changed")], &self.rows(now))) }
            }
            (pager(next.as_deref(), first.as_deref()))
        }
    }
}

impl Page {
    fn rows(&self, now: Timestamp) -> Markup {
        html! {
            @for agent in &self.agents {
                tr {
                    th scope="row" {
                        a href=(paths::agent(paths::reference(agent))) { (agent.name) }
                        @if !agent.description.is_empty() { p class="dim" { (text::one_line(&agent.description, 140)) } }
                    }
                    td { div class="live-in" { (live_in(agent)) } }
                    td class="num wide" { span class="ver" { "v" (agent.latest_version) } }
                    td class="wide" { (time::relative(&agent.updated_at, now)) }
                }
            }
        }
    }

    fn nothing(&self) -> Markup {
        if self.asked.name.is_empty() && self.asked.cursor.is_empty() {
            return empty(
                "No agents yet.",
                &html! {
                    p { "An agent is one short file. This makes one from a template and puts it live:" }
                    (snippet("In a terminal", "moltforge init my-agent\nmoltforge deploy my-agent"))
                },
            );
        }
        empty("No agent's name begins with that.", &html! { p { a href=(pattern::AGENTS) { "Show all agents" } } })
    }
}
