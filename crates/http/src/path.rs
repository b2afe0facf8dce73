//! The parameters in the path.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

/// The path's parameters as `T`.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        if parts.uri.path().contains("%00") {
            return Err(Error::TextHasNul("the path").into());
        }
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(rejection) => Err(refusal(&rejection).into()),
        }
    }
}

fn refusal(rejection: &PathRejection) -> Error {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return Error::RouteMistaken(rejection.body_text());
    };
    match failed.kind() {
        ErrorKind::Message(message) | ErrorKind::DeserializeError { message, .. } => {
            Error::PathInvalid(message.clone())
        }
        // the handler asks for other parameters than its route has
        ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. } => {
            Error::RouteMistaken(failed.kind().to_string())
        }
        other => Error::PathInvalid(other.to_string()),
    }
}
