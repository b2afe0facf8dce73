//! `/approvals`: calls that wait for a person, and what was decided lately.

use axum::extract::Query;
use maud::{Markup, html};
use moltforge_api::approvals::{Approval, ListApprovals};
use moltforge_types::Timestamp;
use serde::Deserialize;

use super::{Result, View};
use crate::browser::Browser;
use crate::components::badge::{actor, badge};
use crate::components::json::brief;
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::table::{column, pager, table, wide};
use crate::paths::{self, pattern};
use crate::{text, time};

/// Approvals that wait on a page.
const SHOWN_PENDING: u32 = 100;
/// Approvals of any state on a page.
const SHOWN: u32 = 50;

/// The approvals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// Those that wait, newest first.
    pub(crate) pending: Vec<Approval>,
    /// There are more of them.
    pub(crate) more_pending: bool,
    /// All, newest first.
    pub(crate) all: Vec<Approval>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// Not the first page.
    pub(crate) is_later: bool,
}

/// The query.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    cursor: Option<String>,
}

/// `GET /approvals`
pub(crate) async fn show(browser: Browser, Query(asked): Query<Asked>) -> Result {
    let approvals = browser.client.approvals();
    let is_later = asked.cursor.is_some();
    let pending =
        ListApprovals { state: Some("pending".to_owned()), limit: Some(SHOWN_PENDING), ..ListApprovals::default() };
    let all = ListApprovals { cursor: asked.cursor, limit: Some(SHOWN), ..ListApprovals::default() };
    let (pending, all) = futures::try_join!(approvals.list(&pending), approvals.list(&all))?;
    let more_pending = pending.next.is_some();
    let page = Page { pending: pending.items, more_pending, all: all.items, next: all.next, is_later };
    Ok(browser.page(&page).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Approvals", Section::Approvals)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let poll = (!self.is_later).then_some(pattern::APPROVALS);
        html! {
            (heading(None, &html! { "Approvals" }, None))
            p class="lead" { "Calls that wait for a person. A decision is bound to exactly the call that is shown, and counts once." }
            section class="card" id="pending-list" data-live="pending-list" data-poll=[poll] aria-labelledby="pending-title" {
                h2 id="pending-title" { "Waiting" }
                @if self.pending.is_empty() { (empty("Nothing waits.", &html! { p { "Agents ask here as their files say with " code { "[[approvals]]" } ", or by the tool " code { "approvals.request" } "." } })) }
                @else { (rows("Waiting", &self.pending, now)) }
                @if self.more_pending { p class="note" { "The newest " (self.pending.len()) ". The API has all of them." } }
            }
            section class="card" id="all-list" data-live="all-list" aria-labelledby="all-title" {
                h2 id="all-title" { "All" }
                @if self.all.is_empty() { (empty("None yet.", &html! { p { "What was decided stands here." } })) }
                @else { (rows("All approvals", &self.all, now)) }
                @let next = self.next.as_deref().map(|cursor| paths::query(pattern::APPROVALS, &[("cursor", cursor)]));
                (pager(next.as_deref(), self.is_later.then_some(pattern::APPROVALS)))
            }
        }
    }
}

fn rows(caption: &str, approvals: &[Approval], now: Timestamp) -> Markup {
    let rows = html! {
        @for approval in approvals {
            tr {
                th scope="row" {
                    a href=(paths::approval(&approval.approval_id)) { (text::one_line(&approval.tool, 80)) }
                    p class="dim" { (brief(&approval.arguments, 120)) }
                }
                td { (badge(&approval.state)) }
                td class="wide" {
                    a href=(paths::agent(&approval.agent_id)) { (text::one_line(&approval.agent_name, 63)) } " "
                    a href=(paths::execution(&approval.execution_id)) title=(approval.execution_id) { code class="id" { (text::tail(&approval.execution_id)) } }
                }
                td class="wide" { (time::relative(&approval.created_at, now)) }
                td class="wide fit" {
                    @match (&approval.decided_by, approval.state.as_str()) {
                        (Some(by), _) => (actor(by)),
                        (None, "pending") => { "expires " (time::relative(&approval.expires_at, now)) }
                        (None, _) => span class="dim" { "–" }
                    }
                }
            }
        }
    };
    table(caption, &[column("Call"), column("State"), wide("Agent"), wide("Asked"), wide("Decided by")], &rows)
}
