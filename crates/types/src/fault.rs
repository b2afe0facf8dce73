//! What went wrong, for programs: a kind that decides status and retry, and a stable code that has a page in `docs/errors/`.

/// The kind of a fault. `http` maps each to one HTTP status; the engine asks it whether to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read: syntax, not meaning (400).
    Malformed,
    /// The request can be read and is wrong (422).
    Invalid,
    /// Nobody knows who is asking (401).
    Unauthenticated,
    /// The asker may not (403).
    Forbidden,
    /// There is no such thing for this asker (404).
    NotFound,
    /// The thing exists and does not know this method (405).
    MethodNotAllowed,
    /// It collides with what is there (409).
    Conflict,
    /// The precondition of an update does not hold (412).
    PreconditionFailed,
    /// An update must say which state it is based on (428).
    PreconditionRequired,
    /// It was there and will not come back (410).
    Gone,
    /// Larger than a limit (413).
    TooLarge,
    /// The request's target is longer than a limit (414).
    UriTooLong,
    /// The request's headers are larger than a limit (431).
    HeadersTooLarge,
    /// The body's media type is not understood (415).
    UnsupportedMediaType,
    /// Asked for too often (429).
    RateLimited,
    /// The request came to a name that this server does not serve (421).
    Misdirected,
    /// It took longer than allowed (504).
    Timeout,
    /// Not now; the same request may work later (503).
    Unavailable,
    /// Our fault (500). Its text never leaves the server.
    Internal,
}

/// Implemented by the error type of every crate.
pub trait Fault: std::error::Error {
    /// What kind of fault this is.
    fn kind(&self) -> Kind;
    /// The stable code, `snake_case`, with a page `docs/errors/<code>.md`.
    fn code(&self) -> &'static str;
}
