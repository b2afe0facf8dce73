//! What is wrong with a request before any service has seen it.

use moltforge_types::{Fault, Kind};

/// A refusal of an extractor or of the caller's check.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body's media type is none that the operation takes.
    #[error("expected a body of type {expected}, got {got:?}")]
    MediaTypeUnsupported {
        /// What the operation takes.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body nests deeper than the limit.
    #[error("the body nests deeper than {limit} levels")]
    BodyTooDeep {
        /// In levels of arrays and objects.
        limit: usize,
    },
    /// The body could not be read to its end.
    #[error("the body ended before it was complete")]
    BodyIncomplete(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body is not JSON.
    #[error("the body is not JSON: {reason} at line {line}, column {column}")]
    BodyMalformed {
        /// The parser's words.
        reason: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The body is JSON of another shape; the problem's items say where.
    #[error("the body does not fit: {0}")]
    BodyInvalid(String),
    /// A text holds the NUL character.
    #[error("{0} holds the character NUL, which no text here may")]
    TextHasNul(&'static str),
    /// The query string does not fit.
    #[error("the query string does not fit: {0}")]
    QueryInvalid(String),
    /// A part of the path does not fit.
    #[error("the path does not fit: {0}")]
    PathInvalid(String),
    /// A handler and its route do not fit: a bug.
    #[error("a handler and its route do not fit: {0}")]
    RouteMistaken(String),
    /// Not a cursor that this server gave out.
    #[error("the cursor is not one that a page of this list gave")]
    CursorInvalid,
    /// A page's size out of range.
    #[error("expected a limit from 1 to {max}, got {got}")]
    LimitInvalid {
        /// The most items of a page.
        max: u32,
        /// What came.
        got: u32,
    },
    /// `Idempotency-Key` is not 1 to 200 visible ASCII characters, or came twice.
    #[error("expected one idempotency-key header of 1 to 200 visible ASCII characters")]
    IdempotencyKeyInvalid,
    /// `If-Match` is not one strong entity tag.
    #[error("expected one strong entity tag such as \"3\" in if-match")]
    IfMatchInvalid,
    /// An update without `If-Match`.
    #[error("an update needs an if-match header with the etag of what it is based on")]
    IfMatchRequired,
    /// The route needs a caller and the request has none that was verified.
    #[error("the request carries no verified caller")]
    CallerMissing,
    /// The caller's header is not one that a gateway of this installation signed for this request.
    #[error("the caller's header is not valid for this request: {0}")]
    CallerInvalid(&'static str),
    /// The caller's header was valid once.
    #[error("the caller's header has expired")]
    CallerExpired,
    /// The caller's header was used before.
    #[error("the caller's header was used before")]
    CallerReplayed,
    /// The caller lacks a scope.
    #[error("this needs the scope {0}, which the key or session does not have")]
    ScopeMissing(&'static str),
    /// An answer could not be written as JSON.
    #[error("could not write the answer as json")]
    Unwritable(#[source] serde_json::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::MediaTypeUnsupported { .. } => Kind::UnsupportedMediaType,
            Self::BodyTooLarge { .. } => Kind::TooLarge,
            Self::BodyTooDeep { .. } | Self::BodyInvalid(_) | Self::TextHasNul(_) => Kind::Invalid,
            Self::BodyIncomplete(_)
            | Self::BodyMalformed { .. }
            | Self::QueryInvalid(_)
            | Self::PathInvalid(_)
            | Self::CursorInvalid
            | Self::LimitInvalid { .. }
            | Self::IdempotencyKeyInvalid
            | Self::IfMatchInvalid => Kind::Malformed,
            Self::IfMatchRequired => Kind::PreconditionRequired,
            Self::CallerMissing | Self::CallerInvalid(_) | Self::CallerExpired | Self::CallerReplayed => {
                Kind::Unauthenticated
            }
            Self::ScopeMissing(_) => Kind::Forbidden,
            Self::Unwritable(_) | Self::RouteMistaken(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MediaTypeUnsupported { .. } => "media_type_unsupported",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooDeep { .. } => "body_too_deep",
            Self::BodyIncomplete(_) => "body_incomplete",
            Self::BodyMalformed { .. } => "body_malformed",
            Self::BodyInvalid(_) => "body_invalid",
            Self::TextHasNul(_) => "text_has_nul",
            Self::QueryInvalid(_) => "query_invalid",
            Self::PathInvalid(_) => "path_invalid",
            Self::CursorInvalid => "cursor_invalid",
            Self::LimitInvalid { .. } => "limit_invalid",
            Self::IdempotencyKeyInvalid => "idempotency_key_invalid",
            Self::IfMatchInvalid => "if_match_invalid",
            Self::IfMatchRequired => "if_match_required",
            Self::CallerMissing => "caller_missing",
            Self::CallerInvalid(_) => "caller_invalid",
            Self::CallerExpired => "caller_expired",
            Self::CallerReplayed => "caller_replayed",
            Self::ScopeMissing(_) => "scope_missing",
            Self::Unwritable(_) | Self::RouteMistaken(_) => "internal",
        }
    }
}
