//! The query string, strictly.

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::error::Error as _;

use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

/// The query string as `T`: unknown and repeated fields are refused (give `T` `deny_unknown_fields`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Error::TextHasNul("the query string").into());
        }
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri).map_err(|r| Error::QueryInvalid(reason(&r)))?;
        Ok(Self(query.0))
    }
}

fn reason(rejection: &QueryRejection) -> String {
    rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string)
}
