//! What can go wrong between a caller and the server: the way there, or what the server said.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use moltforge_api::{Problem, ProblemItem};
use moltforge_types::{Fault, Kind};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a problem (RFC 9457).
    #[error("{}", .problem.detail)]
    Problem {
        /// What the server said.
        problem: Box<Problem>,
        /// When it asked to be tried again, if it said so.
        retry_after: Option<Duration>,
    },
    /// No connection came about, or it broke before the answer was complete. Whether the request had its effect is unknown
    /// unless it is safe to repeat.
    #[error("{attempt} failed: cannot reach {url}")]
    Unreachable {
        /// What was attempted, e.g. `GET /v1/agents`.
        attempt: String,
        /// The server's address.
        url: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer took too long. Whether the request had its effect is unknown unless it is safe to repeat.
    #[error("{attempt} had no answer after {} s", .limit.as_secs())]
    TimedOut {
        /// What was attempted.
        attempt: String,
        /// The time that was allowed.
        limit: Duration,
    },
    /// Something answered, but not as MoltForge does: a proxy in between, or another program at that address.
    #[error("{attempt} was answered with status {status} and something that is not MoltForge's: {found}")]
    Unexpected {
        /// What was attempted.
        attempt: String,
        /// The status.
        status: u16,
        /// The beginning of what came, or what is wrong with it.
        found: String,
    },
    /// The request could not even be built: a base URL, a key or a name that no request can carry.
    #[error("{0}")]
    Argument(String),
}

impl Error {
    /// What the server said, when it said something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// The HTTP status, when an answer came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { problem, .. } => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The request's id, to be quoted in a report.
    pub fn request_id(&self) -> Option<&str> {
        self.problem().and_then(|problem| problem.request_id.as_deref())
    }

    /// Each thing that is wrong with the input, when the server named them.
    pub fn items(&self) -> &[ProblemItem] {
        self.problem().map_or(&[], |problem| &problem.errors)
    }

    /// The server said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404) && self.problem().is_some()
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Problem { problem, .. } => kind_of(problem.status),
            Self::Unreachable { .. } => Kind::Unavailable,
            Self::TimedOut { .. } => Kind::Timeout,
            Self::Unexpected { .. } => Kind::Internal,
            Self::Argument(_) => Kind::Invalid,
        }
    }

    /// The server's own code when it gave one.
    fn code(&self) -> &'static str {
        match self {
            Self::Problem { problem, .. } => intern(&problem.code),
            Self::Unreachable { .. } => "server_unreachable",
            Self::TimedOut { .. } => "request_timed_out",
            Self::Unexpected { .. } => "unexpected_response",
            Self::Argument(_) => "invalid_argument",
        }
    }
}

fn kind_of(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthenticated,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        410 => Kind::Gone,
        412 => Kind::PreconditionFailed,
        413 => Kind::TooLarge,
        415 => Kind::UnsupportedMediaType,
        421 => Kind::Misdirected,
        428 => Kind::PreconditionRequired,
        429 => Kind::RateLimited,
        400..=499 => Kind::Invalid,
        503 => Kind::Unavailable,
        504 => Kind::Timeout,
        _ => Kind::Internal,
    }
}

/// Codes are few and come from one server; at most this many are kept, so that a hostile one cannot grow our memory.
const MOST_CODES: usize = 500;

/// The code as a text that lives for ever, which is what [`Fault::code`] speaks of.
fn intern(code: &str) -> &'static str {
    static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return known;
    }
    let plain = (1..=64).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit());
    if !plain || codes.len() >= MOST_CODES {
        return "unexpected_response";
    }
    let kept: &'static str = Box::leak(code.to_owned().into_boxed_str());
    codes.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_code_and_its_kind() {
        let problem = Problem {
            type_uri: "/docs/errors/agent_not_found".to_owned(),
            title: "Not found".to_owned(),
            status: 404,
            code: "agent_not_found".to_owned(),
            detail: "there is no agent hello".to_owned(),
            request_id: Some("req_1".to_owned()),
            errors: Vec::new(),
        };
        let error = Error::Problem { problem: Box::new(problem), retry_after: None };
        assert_eq!((error.code(), error.kind()), ("agent_not_found", Kind::NotFound));
        assert_eq!(error.to_string(), "there is no agent hello");
        assert!(error.is_not_found());
    }

    #[test]
    fn only_plain_codes_are_kept() {
        assert_eq!(intern("Ünsinn\n"), "unexpected_response");
        assert_eq!(intern(&"a".repeat(65)), "unexpected_response");
        assert!(std::ptr::eq(intern("some_code"), intern("some_code")));
    }
}
