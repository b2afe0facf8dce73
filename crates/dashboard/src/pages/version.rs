//! `/agents/{agent}/versions/{version}` and what differs between two of them.

use axum::extract::{Path, Query};
use maud::{Markup, html};
use moltforge_api::PageQuery;
use moltforge_api::agents::Agent;
use moltforge_api::bundles::StoredBundle;
use moltforge_api::versions::{Version, VersionDiff};
use moltforge_types::Timestamp;
use serde::Deserialize;

use super::agent::configuration;
use super::{Result, View};
use crate::browser::Browser;
use crate::components::badge::actor;
use crate::components::diff as parts;
use crate::components::form::field;
use crate::components::json;
use crate::components::layout::{Frame, Section, heading};
use crate::{paths, text, time};

/// One version.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) agent: Agent,
    pub(crate) version: Version,
    /// The numbers of the latest versions, newest first.
    pub(crate) others: Vec<u32>,
    /// The files of its program, one of them with its text.
    pub(crate) files: Option<StoredBundle>,
}

/// Two versions compared.
#[derive(Debug, Clone)]
pub(crate) struct DiffPage {
    pub(crate) agent: Agent,
    pub(crate) version: u32,
    pub(crate) against: u32,
    pub(crate) diff: VersionDiff,
}

/// The query of a version.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Shown {
    file: Option<String>,
}

/// The query of a comparison.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Against {
    against: Option<u32>,
}

/// `GET /agents/{agent}/versions/{version}`
pub(crate) async fn show(
    browser: Browser,
    Path((agent, version)): Path<(String, u32)>,
    Query(shown): Query<Shown>,
) -> Result {
    let agents = browser.client.agents();
    let some = PageQuery { limit: Some(100), ..Default::default() };
    let (agent, version, others) = futures::try_join!(
        async { agents.get(&agent).await },
        async { agents.version(&agent, version).await },
        async { agents.versions(&agent, &some).await }
    )?;
    let others = others.items.iter().map(|other| other.version).collect();
    let files = match &version.config.bundle {
        Some(sha256) => match browser.client.bundles().get(sha256, shown.file.as_deref()).await {
            Ok(files) => Some(files),
            // those of a deleted agent go with the last of its executions
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    Ok(browser.page(&Page { agent, version, others, files }).await)
}

/// `GET /agents/{agent}/versions/{version}/diff`
pub(crate) async fn diff(
    browser: Browser,
    Path((agent, version)): Path<(String, u32)>,
    Query(asked): Query<Against>,
) -> Result {
    let agents = browser.client.agents();
    let (agent, diff) = futures::try_join!(async { agents.get(&agent).await }, async {
        agents.diff(&agent, version, asked.against).await
    })?;
    let against = asked.against.unwrap_or(if diff.to == version { diff.from } else { diff.to });
    Ok(browser.page(&DiffPage { agent, version, against, diff }).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(format!("{} v{}", self.agent.name, self.version.version), Section::Agents)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let version = &self.version;
        let path = paths::agent(paths::reference(&self.agent));
        let alive = self.agent.deleted_at.is_none();
        let deploy = alive.then(|| super::agent::deploy_button(&self.agent.name, version.version));
        html! {
            (heading(Some((&path, &self.agent.name)), &html! { "Version " (version.version) }, deploy.as_ref()))
            section class="card" aria-label="About this version" {
                dl class="facts" {
                    div { dt { "Made" } dd { (time::relative(&version.created_at, now)) } }
                    div { dt { "By" } dd { (actor(&version.created_by)) } }
                    div { dt { "Id" } dd { code class="id" { (version.version_id) } } }
                    div { dt { "Content hash" } dd { code class="id" { (version.content_hash) } } }
                }
                @if self.others.len() > 1 { (self.compare()) }
            }
            section class="card" aria-labelledby="config-title" {
                h2 id="config-title" { "Configuration" }
                (configuration(&version.config))
            }
            @if let Some(files) = &self.files {
                section class="card" id="files" aria-labelledby="files-title" {
                    h2 id="files-title" { "Files" }
                    (self.files(files))
                }
            }
        }
    }
}

impl Page {
    fn files(&self, bundle: &StoredBundle) -> Markup {
        let page = paths::version(paths::reference(&self.agent), self.version.version);
        let at = |name: &str| format!("{}#files", paths::query(&page, &[("file", name)]));
        html! {
            p class="dim" { (text::count(bundle.files.len(), "file")) ", " (text::grouped(bundle.bytes)) " bytes" }
            ul {
                @for file in &bundle.files {
                    li { a href=(at(&file.name)) { code { (text::one_line(&file.name, 255)) } } " " span class="dim" { (text::grouped(file.bytes)) } }
                }
            }
            @for file in &bundle.files {
                @if let Some(source) = &file.text { h3 { code { (text::one_line(&file.name, 255)) } } (json::block(source, json::INLINE_LIMIT)) }
            }
        }
    }

    fn compare(&self) -> Markup {
        let this = self.version.version;
        let control = html! {
            select id="against" name="against" {
                @for other in self.others.iter().filter(|other| **other != this) {
                    option value=(other) selected[*other + 1 == this] { "v" (other) }
                }
            }
        };
        html! {
            form class="row" method="get" action={ (paths::version(paths::reference(&self.agent), this)) "/diff" } {
                (field("against", "Compare with", None, None, &control))
                button type="submit" { "Compare" }
            }
        }
    }
}

impl View for DiffPage {
    fn frame(&self) -> Frame {
        Frame::new(format!("{} v{} and v{}", self.agent.name, self.diff.from, self.diff.to), Section::Agents)
    }

    fn body(&self, _now: Timestamp) -> Markup {
        let agent = paths::reference(&self.agent);
        let path = paths::agent(agent);
        let diff = &self.diff;
        html! {
            (heading(Some((&path, &self.agent.name)), &html! { "What changed from v" (diff.from) " to v" (diff.to) }, None))
            p class="lead" {
                a href=(paths::version(agent, diff.from)) { "v" (diff.from) } " · "
                a href=(paths::version(agent, diff.to)) { "v" (diff.to) } " · "
                a href=(paths::diff(agent, self.against, self.version)) { "the other way round" }
            }
            section class="card" aria-labelledby="fields-title" {
                h2 id="fields-title" { "Fields" }
                (parts::fields(diff))
            }
            section class="card" aria-labelledby="text-title" {
                h2 id="text-title" { "The agent file" }
                p class="note" { "A line that begins with − is only in v" (diff.from) ", one with + only in v" (diff.to) "." }
                (parts::unified(&diff.unified))
            }
        }
    }
}
