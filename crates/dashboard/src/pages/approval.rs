//! `/approvals/{approval}`: the exact call, and the decision about it.

mod form;

use axum::extract::Path;
use maud::{Markup, html};
use moltforge_api::approvals::Approval;
use moltforge_types::{Fault as _, Kind, Timestamp};
use serde_json::Value;

pub(crate) use form::Typed;

use super::{Form, Result, View};
use crate::browser::Browser;
use crate::components::badge::{actor, badge};
use crate::components::json::{self, INLINE_LIMIT, WHOLE_LIMIT};
use crate::components::layout::{Frame, Section, heading};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{Error, finish, text, time};

/// One approval.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) approval: Approval,
    /// What was sent before and refused.
    pub(crate) typed: Typed,
}

/// `GET /approvals/{approval}`
pub(crate) async fn show(browser: Browser, Path(id): Path<String>) -> Result {
    let approval = browser.client.approvals().get(&id).await?;
    Ok(browser.page(&Page { approval, typed: Typed::default() }).await)
}

/// `POST /approvals/{approval}/decision`
pub(crate) async fn decide(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let approvals = browser.client.approvals();
    let approval = approvals.get(&id).await?;
    let (error, problems) = match form::read(&approval, &form) {
        Err(problems) => (None, problems),
        Ok(body) => match approvals.decide(&id, &body).await {
            Ok(_) => {
                let flash = if body.decision == "approve" { Flash::Approved } else { Flash::Rejected };
                return Ok(finish::done(&paths::approval(&id), flash));
            }
            // what was typed is not lost; of anything else the page tells by itself
            Err(error) if error.kind() == Kind::Invalid => (Some(error.to_string()), error.items().to_vec()),
            Err(error) => return Err(Error::Api(error)),
        },
    };
    Ok(browser.page(&Page { approval, typed: Typed { fields: Some(form.0), error, problems } }).await)
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(format!("{} {}", self.approval.tool, text::tail(&self.approval.approval_id)), Section::Approvals)
    }

    fn status(&self) -> http::StatusCode {
        if self.typed.is_refused() { http::StatusCode::UNPROCESSABLE_ENTITY } else { http::StatusCode::OK }
    }

    fn body(&self, now: Timestamp) -> Markup {
        let approval = &self.approval;
        let title = html! { (text::one_line(&approval.tool, 80)) " " (badge(&approval.state)) };
        html! {
            (heading(Some((pattern::APPROVALS, "Approvals")), &title, None))
            p class="lead-id" { code class="id" { (approval.approval_id) } }
            section class="card" aria-labelledby="call-title" {
                h2 id="call-title" { @if is_question(approval) { "The question" } @else { "The call" } }
                (self.call())
                (facts(approval, now))
            }
            @if approval.state == "pending" { (self.typed.write(approval)) } @else { (decided(approval, now)) }
        }
    }
}

impl Page {
    fn call(&self) -> Markup {
        let arguments = &self.approval.arguments;
        let text_of = |name: &str| arguments.get(name).and_then(Value::as_str).filter(|_| is_question(&self.approval));
        let is_whole = arguments.to_string().chars().all(text::is_harmless);
        html! {
            @match text_of("title") {
                Some(title) => {
                    p class="question" { (text::one_line(title, 200)) }
                    @if let Some(details) = text_of("details") { (json::block(details, WHOLE_LIMIT)) }
                }
                None => (json::json(arguments, WHOLE_LIMIT)),
            }
            @if !is_whole { p class="note" { "It holds characters that cannot be seen, or that turn the direction of text; they are left out here." } }
        }
    }
}

/// It is no call of a tool: the agent asks, and goes on with the answer.
fn is_question(approval: &Approval) -> bool {
    approval.tool == "approvals.request"
}

fn facts(approval: &Approval, now: Timestamp) -> Markup {
    let pending = approval.state == "pending";
    html! {
        dl class="facts spaced" {
            div { dt { "Agent" } dd { a href=(paths::agent(&approval.agent_id)) { (text::one_line(&approval.agent_name, 63)) } " " a class="ver" href=(paths::version(&approval.agent_id, approval.version)) { "v" (approval.version) } } }
            div { dt { "Execution" } dd { a href=(paths::execution(&approval.execution_id)) title=(approval.execution_id) { code class="id" { (text::tail(&approval.execution_id)) } } " step " (approval.step) } }
            div { dt { "Asked" } dd { (time::relative(&approval.created_at, now)) } }
            div { dt { "Expires" } dd {
                (time::relative(&approval.expires_at, now))
                @if pending { span class="dim" { @if approval.on_expiry == "pause" { ", then it is paused" } @else { ", then it is rejected" } } }
            } }
            div { dt { "Who may decide" } dd { (names(&approval.approvers)) } }
            @match (&approval.escalated_at, &approval.escalate_at) {
                (Some(at), _) => div { dt { "Escalated" } dd { (time::relative(at, now)) } },
                (None, Some(at)) if pending => div { dt { "Escalates" } dd { (time::relative(at, now)) " to " (names(&approval.escalate_to)) } },
                _ => {}
            }
            div { dt { "Hash of the call" } dd { code class="id" title=(approval.call_sha256) { (text::clip(&approval.call_sha256, 16).0) "…" } } }
        }
    }
}

fn names(names: &[String]) -> Markup {
    html! {
        @if names.is_empty() { "anybody with " code { "approvals:decide" } }
        @for name in names { span class="tag" { (text::one_line(name, 100)) } " " }
    }
}

fn decided(approval: &Approval, now: Timestamp) -> Markup {
    // an execution that ended carries nothing out, and a request that was asked anew is another one
    let is_carried_out = matches!(approval.state.as_str(), "approved" | "rejected" | "expired");
    html! {
        section class="card" aria-labelledby="decided-title" {
            h2 id="decided-title" { "The decision" }
            @match approval.state.as_str() {
                "cancelled" => p { "None: its execution ended first." },
                "reopened" => p { "None that counts: the call was asked for anew, as another approval." },
                _ => {}
            }
            dl class="facts" {
                div { dt { "State" } dd { (badge(&approval.state)) } }
                @if let Some(by) = &approval.decided_by { div { dt { "By" } dd { (actor(by)) } } }
                @if let Some(at) = &approval.decided_at { div { dt { "Decided" } dd { (time::relative(at, now)) } } }
                @if is_carried_out {
                    div { dt { "Carried out" } dd { @match &approval.carried_out_at { Some(at) => (time::relative(at, now)), None => "not yet: it waits for its execution to go on" } } }
                }
                @if let Some(note) = &approval.note { div { dt { "Note" } dd { (text::one_line(note, 1_000)) } } }
            }
            @if let Some(edited) = &approval.edited_arguments { h3 { "With these arguments" } (json::json(edited, INLINE_LIMIT)) }
            @if let Some(answer) = &approval.answer { h3 { "The answer" } (json::json(answer, INLINE_LIMIT)) }
        }
    }
}
