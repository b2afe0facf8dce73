//! JSON in, strictly, and JSON out.

mod strict;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut as _, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body;
use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

/// A JSON body. As an extractor: an object, `application/json` (or `application/merge-patch+json`), at most 1 MiB, at most 64
/// levels deep, no object with the same key twice, no NUL in any text, and no field that `T` does not know (give `T`
/// `deny_unknown_fields`). As a response: `application/json`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// Reads `T` from bytes by the same rules as the extractor.
    ///
    /// # Errors
    /// 400 `body_malformed`; 422 `body_too_deep`, `text_has_nul` or `body_invalid`, with the place.
    pub fn from_bytes(bytes: &[u8]) -> ApiResult<Self> {
        strict::parse(bytes).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> ApiResult<Self> {
        let (parts, stream) = request.into_parts();
        let accepted = ["application/json", "application/merge-patch+json"];
        body::require_media_type(&parts.headers, &accepted, "application/json")?;
        let bytes = body::read(&parts.headers, stream, body::MAX_BODY).await?;
        Self::from_bytes(&bytes)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut buffer = BytesMut::with_capacity(256).writer();
        match serde_json::to_writer(&mut buffer, &self.0) {
            Ok(()) => {
                let mut response = buffer.into_inner().freeze().into_response();
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => ApiError::from(Error::Unwritable(error)).into_response(),
        }
    }
}
