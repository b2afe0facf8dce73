//! What went wrong, why, and what to do next.

use http::StatusCode;
use maud::{Markup, html};
use moltforge_api::ProblemItem;
use moltforge_types::{Fault as _, Timestamp};

use super::View;
use crate::components::icon::{Icon, icon};
use crate::components::layout::{Frame, Section};
use crate::paths::{self, pattern};
use crate::{Error, text};

/// The page of an error.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) request_id: Option<String>,
    pub(crate) items: Vec<ProblemItem>,
}

impl Page {
    /// What an error says to people. What only a log should see stays out.
    pub(crate) fn of(error: &Error) -> Self {
        let (request_id, items) = match error {
            Error::Api(error) => (error.request_id().map(str::to_owned), error.items().to_vec()),
            _ => (None, Vec::new()),
        };
        Self { status: error.status(), code: error.code().to_owned(), detail: error.to_string(), request_id, items }
    }

    fn title(&self) -> &'static str {
        match self.status.as_u16() {
            403 => "Not allowed",
            404 | 410 => "Not found",
            409 | 412 => "That does not fit what is there now",
            413 => "Too large",
            429 => "Too many requests",
            400..=499 => "That did not work",
            502..=504 => "The server cannot be reached",
            _ => "Something broke on the server",
        }
    }

    fn next_step(&self) -> &'static str {
        match self.status.as_u16() {
            403 => "Sign in with a key that has the scope, or ask whoever gave you this one.",
            404 | 410 => "It may have been deleted, or it belongs to another project.",
            409 | 412 => "Go back and reload: somebody, or the agent itself, was faster.",
            429 => "Wait a moment, then try again.",
            400..=499 => "Go back and correct it.",
            502..=504 => "Try again in a moment. Nothing that was accepted is lost: executions go on by themselves.",
            _ => "Try again. If it stays, report it with the request's id.",
        }
    }
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new(self.title(), Section::None)
    }

    fn status(&self) -> StatusCode {
        self.status
    }

    fn body(&self, _now: Timestamp) -> Markup {
        html! {
            div class="oops" {
                p class="oops-status" { (icon(Icon::Alert)) (self.status.as_u16()) }
                h1 { (self.title()) }
                p class="lead" { (text::one_line(&self.detail, 1_000)) }
                @if !self.items.is_empty() {
                    ul class="problems" {
                        @for item in self.items.iter().take(20) {
                            li { code { (item.pointer) } " " (text::one_line(&item.message, 500)) }
                        }
                    }
                }
                p { (self.next_step()) }
                p class="buttons" { a class="button primary" href=(pattern::OVERVIEW) { "To the overview" } }
                dl class="facts" {
                    div { dt { "Code" } dd { a href=(paths::error_page(&self.code)) { code { (self.code) } } } }
                    @if let Some(id) = &self.request_id { div { dt { "Request" } dd { code { (id) } } } }
                }
            }
        }
    }
}
