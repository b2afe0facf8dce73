//! `/approvals`: calls that wait for a person, and what was decided lately.

use axum::extract::{Path, Query};
use maud::{Markup, html};
use moltforge_api::approvals::{Approval, DecideApproval, ListApprovals};
use moltforge_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Form, Result, View};
use crate::browser::Browser;
use crate::components::badge::{actor, badge};
use crate::components::form::field;
use crate::components::icon::{Icon, icon};
use crate::components::json::{INLINE_LIMIT, WHOLE_LIMIT, brief, json};
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::table::{column, pager, table, wide};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{Error, finish, text, time};

/// Decided ones on a page.
const SHOWN: u32 = 50;

/// The approvals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// Those that wait.
    pub(crate) pending: Vec<Approval>,
    /// All, newest first.
    pub(crate) all: Vec<Approval>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// Not the first page.
    pub(crate) is_later: bool,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct OnePage {
    pub(crate) approval: Approval,
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
    let pending = ListApprovals { state: Some("pending".to_owned()), limit: Some(200), ..ListApprovals::default() };
    let all = ListApprovals { cursor: asked.cursor, limit: Some(SHOWN), ..ListApprovals::default() };
    let (pending, all) = futures::try_join!(approvals.list(&pending), approvals.list(&all))?;
    Ok(browser.page(&Page { pending: pending.items, all: all.items, next: all.next, is_later }))
}

/// `GET /approvals/{approval}`
pub(crate) async fn one(browser: Browser, Path(id): Path<String>) -> Result {
    let approval = browser.client.approvals().get(&id).await?;
    Ok(browser.page(&OnePage { approval }))
}

/// `POST /approvals/{approval}/decision`
pub(crate) async fn decide(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let json = |name: &str| match form.filled(name) {
        None => Ok(None),
        Some(text) => serde_json::from_str::<Value>(&text)
            .map(Some)
            .map_err(|error| Error::Form(format!("{name} is not JSON: {error}"))),
    };
    let decision = form.filled("decision").unwrap_or_default();
    let approves = decision == "approve";
    let shown = json("shown")?;
    // what was left as it is was not edited
    let arguments = json("arguments")?.filter(|edited| approves && Some(edited) != shown.as_ref());
    let body = DecideApproval {
        decision,
        call_sha256: form.filled("call_sha256").unwrap_or_default(),
        arguments,
        answer: json("answer")?.filter(|_| approves),
        note: form.filled("note"),
    };
    browser.client.approvals().decide(&id, &body).await?;
    let flash = if approves { Flash::Approved } else { Flash::Rejected };
    Ok(finish::done(&paths::approval(&id), flash))
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Approvals", Section::Approvals)
    }

    fn body(&self, now: Timestamp) -> Markup {
        html! {
            (heading(None, &html! { "Approvals" }, None))
            p class="lead" { "Calls that wait for a person. A decision is bound to exactly the call that is shown, and counts once." }
            section class="card" aria-labelledby="pending-title" {
                h2 id="pending-title" { "Waiting " span class="dim" { (self.pending.len()) } }
                @if self.pending.is_empty() { (empty("Nothing waits.", &html! { p { "Agents ask here as their files say with " code { "[[approvals]]" } "." } })) }
                @else { (rows("Waiting", &self.pending, now)) }
            }
            section class="card" aria-labelledby="all-title" {
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
                th scope="row" { a href=(paths::approval(&approval.approval_id)) { (text::one_line(&approval.tool, 80)) } p class="dim" { (text::one_line(&brief(&approval.arguments, 120), 120)) } }
                td { (badge(&approval.state)) }
                td class="wide" { a href=(paths::execution(&approval.execution_id)) { (text::one_line(&approval.agent_name, 63)) } }
                td class="wide" { (time::relative(&approval.created_at, now)) }
                td class="wide" {
                    @match &approval.decided_by {
                        Some(by) => (actor(by)),
                        None => { "until " (time::relative(&approval.expires_at, now)) }
                    }
                }
            }
        }
    };
    table(caption, &[column("Call"), column("State"), wide("Agent"), wide("Asked"), wide("Decided")], &rows)
}

impl View for OnePage {
    fn frame(&self) -> Frame {
        Frame::new(format!("{} {}", self.approval.tool, text::tail(&self.approval.approval_id)), Section::Approvals)
    }

    fn body(&self, now: Timestamp) -> Markup {
        let approval = &self.approval;
        html! {
            (heading(Some((pattern::APPROVALS, "Approvals")), &html! { (text::one_line(&approval.tool, 80)) " " (badge(&approval.state)) }, None))
            p class="lead-id" { code class="id" { (approval.approval_id) } }
            section class="card" aria-labelledby="call-title" {
                h2 id="call-title" { "The call" }
                dl class="facts" {
                    div { dt { "Agent" } dd { (text::one_line(&approval.agent_name, 63)) " v" (approval.version) } }
                    div { dt { "Execution" } dd { a href=(paths::execution(&approval.execution_id)) { code class="id" { (text::tail(&approval.execution_id)) } } " step " (approval.step) } }
                    div { dt { "Asked" } dd { (time::relative(&approval.created_at, now)) } }
                    div { dt { "Expires" } dd { (time::relative(&approval.expires_at, now)) } }
                    div { dt { "Who may decide" } dd { (who(approval)) } }
                    @if let Some(at) = &approval.escalated_at { div { dt { "Escalated" } dd { (time::relative(at, now)) } } }
                    div { dt { "Hash of the call" } dd { code class="id" title=(approval.call_sha256) { (text::clip(&approval.call_sha256, 16).0) "…" } } }
                }
                (json(&approval.arguments, WHOLE_LIMIT))
            }
            @if approval.state == "pending" { (decide_form(approval)) } @else { (decided(approval, now)) }
        }
    }
}

fn who(approval: &Approval) -> Markup {
    html! {
        @if approval.approvers.is_empty() { "anybody with " code { "approvals:decide" } }
        @for name in &approval.approvers { span class="tag" { (text::one_line(name, 100)) } " " }
    }
}

fn decided(approval: &Approval, now: Timestamp) -> Markup {
    html! {
        section class="card" aria-labelledby="decided-title" {
            h2 id="decided-title" { "The decision" }
            dl class="facts" {
                div { dt { "State" } dd { (badge(&approval.state)) } }
                @if let Some(by) = &approval.decided_by { div { dt { "By" } dd { (actor(by)) } } }
                @if let Some(at) = &approval.decided_at { div { dt { "Decided" } dd { (time::relative(at, now)) } } }
                div { dt { "Carried out" } dd { @match &approval.carried_out_at { Some(at) => (time::relative(at, now)), None => "not yet: it waits for its execution to go on" } } }
                @if let Some(note) = &approval.note { div { dt { "Note" } dd { (text::one_line(note, 1_000)) } } }
            }
            @if let Some(edited) = &approval.edited_arguments { h3 { "With these arguments" } (json(edited, INLINE_LIMIT)) }
            @if let Some(answer) = &approval.answer { h3 { "The answer" } (json(answer, INLINE_LIMIT)) }
        }
    }
}

fn decide_form(approval: &Approval) -> Markup {
    let action = paths::decision(&approval.approval_id);
    let shown = serde_json::to_string_pretty(&approval.arguments).unwrap_or_default();
    let is_question = approval.tool == "approvals.request";
    let asks_form = is_question && approval.arguments.get("form").is_some();
    let arguments = html! { textarea id="arguments" name="arguments" rows="6" class="mono" spellcheck="false" aria-describedby="arguments-hint" { (shown) } };
    let answer = html! { textarea id="answer" name="answer" rows="4" class="mono" spellcheck="false" required aria-describedby="answer-hint" placeholder="{}" {} };
    let note = html! { input id="note" name="note" maxlength="1000" autocomplete="off"; };
    let why = html! { input id="reject-note" name="note" maxlength="1000" autocomplete="off"; };
    html! {
        section class="card" aria-labelledby="decide-title" {
            h2 id="decide-title" { "Decide" }
            form method="post" action=(action) {
                input type="hidden" name="decision" value="approve";
                input type="hidden" name="call_sha256" value=(approval.call_sha256);
                @if asks_form { (field("answer", "Your answer", Some("JSON that fits the form above."), None, &answer)) }
                @if !is_question {
                    input type="hidden" name="shown" value=(approval.arguments.to_string());
                    details { summary { "Change the arguments" } (field("arguments", "Arguments", Some("JSON that fits the tool's schema. The model is told what was changed."), None, &arguments)) }
                }
                (field("note", "Note (optional)", None, None, &note))
                div class="buttons" { button type="submit" class="primary" id="approve" { (icon(Icon::Check)) span { "Approve" } } }
            }
            form method="post" action=(action) {
                input type="hidden" name="decision" value="reject";
                input type="hidden" name="call_sha256" value=(approval.call_sha256);
                (field("reject-note", "Why not (optional; the model reads it)", None, None, &why))
                div class="buttons" { button type="submit" class="danger" id="reject" { (icon(Icon::Cross)) span { "Reject" } } }
            }
        }
    }
}
