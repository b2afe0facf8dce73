//! `/sign-in`: a key or a one-time URL becomes a session.
//!
//! Opening the one-time URL changes nothing, since previews and virus scanners open links too: the page that it shows
//! sends the code when somebody presses the button, or at once when its script runs.

use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use maud::{Markup, html};
use moltforge_api::sessions::OpenSession;
use moltforge_types::{Fault as _, Kind, Timestamp};
use serde::Deserialize;

use super::{Form, Result, View};
use crate::browser::Browser;
use crate::components::form::{described, field};
use crate::components::icon::mark;
use crate::components::layout::{Frame, Section};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{Error, finish, text};

/// The form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// The code of a one-time URL.
    pub(crate) code: Option<String>,
    /// Where to go on.
    pub(crate) next: String,
    /// Why the last try failed.
    pub(crate) error: Option<String>,
}

/// The query.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    code: Option<String>,
    next: Option<String>,
}

/// `GET /sign-in`
pub(crate) async fn show(browser: Browser, Query(asked): Query<Asked>) -> Response {
    let next = paths::local(asked.next.as_deref().unwrap_or_default()).to_owned();
    browser.page(&Page { code: asked.code.filter(|code| code.len() <= 200), next, error: None }).await
}

/// `POST /sign-in`
pub(crate) async fn open(browser: Browser, form: Form) -> Result {
    let body = OpenSession { key: form.filled("key"), code: form.filled("code") };
    let next = form.filled("next").unwrap_or_default();
    let next = paths::local(&next);
    match browser.client.sessions().open(&body).await {
        Ok(opened) => Ok(go(next, opened.cookies)),
        Err(error)
            if matches!(
                error.kind(),
                Kind::Unauthenticated | Kind::Invalid | Kind::Gone | Kind::NotFound | Kind::RateLimited
            ) =>
        {
            Ok(browser.page(&Page { code: None, next: next.to_owned(), error: Some(error.to_string()) }).await)
        }
        Err(error) => Err(Error::Api(error)),
    }
}

/// `POST /sign-out`
pub(crate) async fn close(browser: Browser) -> Result {
    match browser.client.sessions().close().await {
        Ok(closed) => {
            let mut response = finish::done(pattern::SIGN_IN, Flash::SignedOut);
            set_cookies(&mut response, closed.cookies);
            Ok(response)
        }
        // whoever has no session any more is signed out
        Err(error) if error.kind() == Kind::Unauthenticated => Ok(finish::done(pattern::SIGN_IN, Flash::SignedOut)),
        Err(error) => Err(Error::Api(error)),
    }
}

fn go(to: &str, cookies: Vec<HeaderValue>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    set_cookies(&mut response, cookies);
    response
}

fn set_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame { signed_in: false, ..Frame::new("Sign in", Section::None) }
    }

    fn status(&self) -> StatusCode {
        if self.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }

    fn body(&self, _now: Timestamp) -> Markup {
        html! {
            div class="door" {
                p class="brand" { (mark()) span { "MoltForge" } }
                h1 { "Sign in" }
                @match &self.code {
                    Some(code) => (self.one_time(code)),
                    None => (self.with_key()),
                }
            }
        }
    }
}

impl Page {
    fn one_time(&self, code: &str) -> Markup {
        html! {
            p { "This link signs you in once, within five minutes of its making." }
            form method="post" action=(pattern::SIGN_IN) data-auto-submit {
                input type="hidden" name="code" value=(code);
                input type="hidden" name="next" value=(self.next);
                button type="submit" class="primary" { "Open the dashboard" }
            }
            p class="dim" { a href=(pattern::SIGN_IN) { "Use an API key instead" } }
        }
    }

    fn with_key(&self) -> Markup {
        let error = self.error.as_deref().map(|error| text::one_line(error, 300));
        let input = html! {
            input id="key" name="key" type="password" required autocomplete="current-password" spellcheck="false" autofocus
                placeholder="mf_…" aria-describedby=[described("key", true, error.is_some())] aria-invalid=[error.is_some().then_some("true")];
        };
        html! {
            form method="post" action=(pattern::SIGN_IN) {
                input type="hidden" name="next" value=(self.next);
                (field("key", "API key", Some("The server printed one when it started first. It is kept in no cookie: you get a session instead."), error.as_deref(), &input))
                button type="submit" class="primary" { "Sign in" }
            }
            p class="dim" { code { "moltforge dev" } " also prints a link that signs you in once." }
            p class="dim" data-session-check=(self.next) {
                "Came here by a link although you are signed in? " a href=(self.next) { "Go on" } "."
            }
        }
    }
}
