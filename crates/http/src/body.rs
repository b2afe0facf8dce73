//! Reading a request's body within a limit, without copying what came in one piece.

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::Error;

/// The largest body that an operation takes, but for those of [`limit_of`].
pub const MAX_BODY: usize = 1024 * 1024;
/// The largest upload of a bundle.
const MAX_UPLOAD: usize = 12 * 1024 * 1024;

/// The largest body that is taken at a path.
pub fn limit_of(path: &str) -> usize {
    if is_upload(path) { MAX_UPLOAD } else { MAX_BODY }
}

/// Whether a path takes uploads, of which only a few fit into memory at a time.
pub fn is_upload(path: &str) -> bool {
    path.starts_with("/v1/bundles/")
}

/// The whole body.
///
/// # Errors
/// 413 `body_too_large` above `limit` bytes (a larger `Content-Length` is refused unread), 400 `body_incomplete`.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limit as u64) {
        return Err(Error::BodyTooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge { limit }),
        Err(error) => Err(Error::BodyIncomplete(error)),
    }
}

/// Demands one of the media types, parameters aside. `expected` is how the refusal names them.
///
/// # Errors
/// 415 `media_type_unsupported`.
pub fn require_media_type(headers: &HeaderMap, accepted: &[&str], expected: &'static str) -> Result<(), Error> {
    let got = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = got.split(';').next().unwrap_or_default().trim();
    if accepted.iter().any(|media_type| essence.eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    Err(Error::MediaTypeUnsupported { expected, got: got.chars().take(100).collect() })
}
