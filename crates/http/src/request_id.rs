//! The id of the request at work, known to whatever runs in its task: a problem quotes it.

use std::future::Future;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// The header, in requests and responses.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids from outside are replaced.
const MAX: usize = 100;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// Runs `future` as part of the request `id`.
pub async fn scope<F: Future>(id: HeaderValue, future: F) -> F::Output {
    CURRENT.scope(id, future).await
}

/// The id of the request at work, if there is one.
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.to_str().ok().map(str::to_owned)).ok().flatten()
}

/// The request's own id when it is a sane one: 1 to 100 characters out of letters, digits and `-_.`.
pub fn sane(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(HEADER).filter(|id| {
        let bytes = id.as_bytes();
        (1..=MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    })
}
