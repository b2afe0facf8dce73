//! One file per page: the handler asks the API, fills the view, and the view writes itself.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod approval;
pub(crate) mod approvals;
pub(crate) mod error_page;
pub(crate) mod execution;
pub(crate) mod executions;
pub(crate) mod keys;
pub(crate) mod overview;
pub(crate) mod run_form;
pub(crate) mod sign_in;
pub(crate) mod trigger;
pub(crate) mod triggers;
pub(crate) mod version;

use axum::extract::{FromRequest, Request};
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;
use maud::Markup;
use moltforge_api::holds::SetHold;
use moltforge_client::Error as ClientError;
use moltforge_types::{Fault as _, Kind, Timestamp};

use crate::browser::Browser;
use crate::components::layout::{Frame, document};
use crate::components::schema_form::Typed;
use crate::{Error, text};

/// What a handler gives.
pub(crate) type Result<T = Response> = std::result::Result<T, Error>;

/// A page: plain data that writes itself.
pub(crate) trait View {
    /// Title and place.
    fn frame(&self) -> Frame;
    /// The content. Times are told relative to `now`.
    fn body(&self, now: Timestamp) -> Markup;
    /// The HTTP status.
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }
}

impl Browser {
    /// The view as a whole page.
    pub(crate) async fn page(&self, view: &(impl View + Sync)) -> Response {
        let frame = view.frame();
        // whoever may not see approvals, or has no session any more, sees no count
        let count = if frame.signed_in { self.client.approvals().count().await.ok() } else { None };
        let frame = Frame { flash: self.flash, pending: count.map_or(0, |count| count.pending), ..frame };
        respond(view, &frame, self.now)
    }
}

/// The document as an answer. The last wall against hostile text stands here, around everything.
pub(crate) fn respond(view: &impl View, frame: &Frame, now: Timestamp) -> Response {
    let html = write(view, frame, now);
    (view.status(), Html(html)).into_response()
}

/// The document as text.
pub(crate) fn write(view: &impl View, frame: &Frame, now: Timestamp) -> String {
    text::harmless(document(frame, &view.body(now)).into_string())
}

/// A part of a page that the asker may not be allowed to see: `None` when a scope is missing.
pub(crate) fn permitted<T>(result: std::result::Result<T, ClientError>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::Forbidden => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sets the hold that a form asks for, of an agent or of the project.
pub(crate) async fn set_hold(browser: &Browser, agent: Option<&str>, form: &Form) -> Result<()> {
    let mode = form.filled("mode").unwrap_or_default();
    browser.client.holds().set(agent, &SetHold { mode, note: form.filled("note") }).await?;
    Ok(())
}

/// `404` for every address that is no page.
pub(crate) async fn not_found() -> Error {
    Error::PageNotFound
}

/// A form as it was sent: the last value of each name.
pub(crate) struct Form(pub(crate) Typed);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        match axum::Form::<Vec<(String, String)>>::from_request(request, state).await {
            Ok(axum::Form(pairs)) => Ok(Self(pairs.into_iter().collect())),
            Err(rejection) => Err(Error::Form(rejection.body_text())),
        }
    }
}

impl Form {
    /// A field's value without the white space around it, when there is one.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A field that is a number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>> {
        self.filled(name)
            .map(|value| {
                value.parse().map_err(|_| Error::Form(format!("{name} is no number: {}", text::one_line(&value, 40))))
            })
            .transpose()
    }
}
