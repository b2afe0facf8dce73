//! Errors on their way out: RFC 9457 `application/problem+json`, and the one mapping from kinds to statuses.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use moltforge_api::{Problem, ProblemItem};
use moltforge_types::{Fault, Kind};

use crate::request_id;

/// The media type of a problem.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What a handler returns.
pub type ApiResult<T> = Result<T, ApiError>;

/// Any crate's fault, on its way to becoming a problem response.
pub struct ApiError(Box<Inner>);

struct Inner {
    fault: Box<dyn Fault + Send + Sync>,
    items: Vec<ProblemItem>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A fault together with each thing that is wrong with the input.
    pub fn with_items<E: Fault + Send + Sync + 'static>(fault: E, items: Vec<ProblemItem>) -> Self {
        Self(Box::new(Inner { fault: Box::new(fault), items, retry_after: None }))
    }

    /// Adds `Retry-After`, in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The fault's kind.
    pub fn kind(&self) -> Kind {
        self.0.fault.kind()
    }

    /// The fault's stable code.
    pub fn code(&self) -> &'static str {
        self.0.fault.code()
    }

    /// The status that the response will have.
    pub fn status(&self) -> StatusCode {
        status_of(self.kind())
    }

    /// The problem as it will be shown. An internal fault's text is not in it.
    pub fn to_problem(&self) -> Problem {
        let (kind, code) = (self.kind(), self.code());
        let detail = if kind == Kind::Internal {
            "something went wrong on our side; the server's log has it under this request id".to_owned()
        } else {
            self.0.fault.to_string()
        };
        Problem {
            type_uri: format!("/docs/errors/{code}"),
            title: title_of(kind).to_owned(),
            status: status_of(kind).as_u16(),
            code: code.to_owned(),
            detail,
            request_id: request_id::current(),
            errors: self.0.items.clone(),
        }
    }

    fn log_if_internal(&self) {
        if self.kind() != Kind::Internal {
            return;
        }
        let request_id = request_id::current().unwrap_or_default();
        tracing::error!(code = self.code(), request_id, error = chain(&*self.0.fault), "request failed");
    }
}

impl<E: Fault + Send + Sync + 'static> From<E> for ApiError {
    fn from(fault: E) -> Self {
        Self::with_items(fault, Vec::new())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.0.fault)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.fault, f)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log_if_internal();
        let body = serde_json::to_vec(&self.to_problem()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// The one mapping from kinds to HTTP statuses.
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UriTooLong => StatusCode::URI_TOO_LONG,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

fn title_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Malformed => "The request cannot be read",
        Kind::Unauthenticated => "Not signed in",
        Kind::Forbidden => "Not allowed",
        Kind::NotFound => "Not found",
        Kind::MethodNotAllowed => "Method not allowed",
        Kind::Conflict => "Conflict",
        Kind::Gone => "Gone",
        Kind::PreconditionFailed => "It has changed meanwhile",
        Kind::TooLarge => "Too large",
        Kind::UriTooLong => "Address too long",
        Kind::UnsupportedMediaType => "Media type not supported",
        Kind::Misdirected => "Not served here",
        Kind::Invalid => "Invalid input",
        Kind::PreconditionRequired => "Precondition required",
        Kind::RateLimited => "Too many requests",
        Kind::HeadersTooLarge => "Headers too large",
        Kind::Internal => "Internal error",
        Kind::Unavailable => "Not available now",
        Kind::Timeout => "Timed out",
    }
}

/// An error with its causes, for the log: `what: why: why`.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
