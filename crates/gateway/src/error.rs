//! Why the gateway did not let a request through.

use std::time::Duration;

use moltforge_http::ApiError;
use moltforge_types::{Fault, KeyId, Kind};

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `Host` is not one of this server's names.
    #[error("this server does not serve the host {0:?}")]
    HostNotServed(String),
    /// Path and query are longer than the limit.
    #[error("path and query are longer than {0} bytes")]
    UriTooLong(usize),
    /// The headers are larger than the limit.
    #[error("the headers are larger than {0} bytes")]
    HeadersTooLarge(usize),
    /// As many requests as allowed are at work.
    #[error("the server is at work on as many requests as it takes at a time")]
    Overloaded,
    /// As many requests of the key wait as may.
    #[error("this key waits for {0} executions already, which is as many as it may; ask again, or follow their events")]
    TooManyWaiting(usize),
    /// The body did not arrive in time.
    #[error("the body did not arrive within {} seconds", .0.as_secs())]
    BodyTimeout(Duration),
    /// The service did not begin its answer in time.
    #[error("the answer did not begin within {} seconds", .0.as_secs())]
    AnswerTimeout(Duration),
    /// No key and no session.
    #[error("this needs an api key (authorization: bearer mf_...) or a session")]
    CredentialsMissing,
    /// `Authorization` is there and is not `Bearer` with a key.
    #[error("expected authorization: bearer mf_...")]
    CredentialsMalformed,
    /// The key is none of ours.
    #[error("the key is not known")]
    KeyUnknown,
    /// The key's time is over.
    #[error("the key {0} has expired")]
    KeyExpired(KeyId),
    /// The key was revoked.
    #[error("the key {0} was revoked")]
    KeyRevoked(KeyId),
    /// The session is none of ours.
    #[error("the session is not known")]
    SessionUnknown,
    /// The session's time is over, nobody used it for long, or it was ended.
    #[error("the session has expired or was ended")]
    SessionExpired,
    /// A browser sent a write that does not come from our own pages.
    #[error("a write with a session must come from this server's own pages: {0}")]
    CrossSiteWrite(&'static str),
    /// The key, session or address asked too often.
    #[error("too many requests; try again in {} seconds", .0.as_secs().max(1))]
    RateLimited(Duration),
    /// Another request with this idempotency key is at work.
    #[error("a request with this idempotency key is at work")]
    IdempotencyInProgress,
    /// The idempotency key was used with another request.
    #[error("this idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The first request with this idempotency key got a secret, which is not kept.
    #[error("a request with this idempotency key has succeeded; its answer held a secret, which is shown once")]
    IdempotencySecretShown,
    /// There is no such route.
    #[error("there is no {0}")]
    RouteNotFound(String),
    /// The route has no such method.
    #[error("{0} has no method {1}")]
    MethodNotAllowed(String, String),
    /// A handler panicked.
    #[error("a handler panicked: {0}")]
    Panicked(String),
    /// The configuration is wrong.
    #[error("the gateway's configuration is wrong: {}", .0.join("; "))]
    ConfigInvalid(Vec<String>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] moltforge_store::Error),
}

impl Error {
    /// As it goes out, with the time to wait when that is known.
    pub(crate) fn into_api(self) -> ApiError {
        match self {
            Self::RateLimited(wait) => ApiError::from(Self::RateLimited(wait)).retry_after(wait),
            Self::Overloaded | Self::TooManyWaiting(_) | Self::IdempotencyInProgress => {
                ApiError::from(self).retry_after(Duration::from_secs(1))
            }
            other => other.into(),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::HostNotServed(_) => Kind::Misdirected,
            Self::UriTooLong(_) => Kind::UriTooLong,
            Self::HeadersTooLarge(_) => Kind::HeadersTooLarge,
            Self::Overloaded => Kind::Unavailable,
            Self::BodyTimeout(_) => Kind::Malformed,
            Self::AnswerTimeout(_) => Kind::Timeout,
            Self::CredentialsMissing
            | Self::CredentialsMalformed
            | Self::KeyUnknown
            | Self::KeyExpired(_)
            | Self::KeyRevoked(_)
            | Self::SessionUnknown
            | Self::SessionExpired => Kind::Unauthenticated,
            Self::CrossSiteWrite(_) => Kind::Forbidden,
            Self::RateLimited(_) | Self::TooManyWaiting(_) => Kind::RateLimited,
            Self::IdempotencyInProgress | Self::IdempotencySecretShown => Kind::Conflict,
            Self::IdempotencyKeyReused | Self::ConfigInvalid(_) => Kind::Invalid,
            Self::RouteNotFound(_) => Kind::NotFound,
            Self::MethodNotAllowed(..) => Kind::MethodNotAllowed,
            Self::Panicked(_) => Kind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::HostNotServed(_) => "host_not_served",
            Self::UriTooLong(_) => "uri_too_long",
            Self::HeadersTooLarge(_) => "headers_too_large",
            Self::Overloaded => "overloaded",
            Self::TooManyWaiting(_) => "too_many_waiting",
            Self::BodyTimeout(_) => "body_timeout",
            Self::AnswerTimeout(_) => "answer_timeout",
            Self::CredentialsMissing => "credentials_missing",
            Self::CredentialsMalformed => "credentials_malformed",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired(_) => "key_expired",
            Self::KeyRevoked(_) => "key_revoked",
            Self::SessionUnknown => "session_unknown",
            Self::SessionExpired => "session_expired",
            Self::CrossSiteWrite(_) => "cross_site_write",
            Self::RateLimited(_) => "rate_limited",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::IdempotencySecretShown => "idempotency_secret_shown",
            Self::RouteNotFound(_) => "route_not_found",
            Self::MethodNotAllowed(..) => "method_not_allowed",
            Self::Panicked(_) => "internal",
            Self::ConfigInvalid(_) => "gateway_config_invalid",
            Self::Store(error) => error.code(),
        }
    }
}
