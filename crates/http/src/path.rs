//! The parameters in the path.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, RawPathParams};
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
            Err(rejection) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names: Vec<&str> = names.iter().flat_map(RawPathParams::iter).map(|(name, _)| name).collect();
                Err(refusal(&rejection, &names).into())
            }
        }
    }
}

fn refusal(rejection: &PathRejection, names: &[&str]) -> Error {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return Error::RouteMistaken(rejection.body_text());
    };
    let only = match names {
        [name] => name,
        _ => "",
    };
    match failed.kind() {
        ErrorKind::DeserializeError { key, message, .. } => refused(key, message),
        ErrorKind::Message(message) => refused(only, message),
        ErrorKind::ParseErrorAtKey { key, value, expected_type } => refused(key, &expected(expected_type, value)),
        ErrorKind::ParseErrorAtIndex { index, value, expected_type } => {
            refused(names.get(*index).copied().unwrap_or_default(), &expected(expected_type, value))
        }
        ErrorKind::ParseError { value, expected_type } => refused(only, &expected(expected_type, value)),
        ErrorKind::InvalidUtf8InPathParam { key } => refused(key, "expected UTF-8 when percent-decoded"),
        // the handler asks for other parameters than its route has
        other => Error::RouteMistaken(other.to_string()),
    }
}

fn refused(name: &str, message: &str) -> Error {
    // several ids may stand in one path, so each is named
    if name.is_empty() {
        Error::PathInvalid(message.to_owned())
    } else {
        Error::PathInvalid(format!("{name}: {message}"))
    }
}

/// What a parameter must be, in words of the API and not of the language.
fn expected(kind: &str, value: &str) -> String {
    let wanted = match kind {
        "u32" => "a whole number from 0 to 4294967295",
        "u8" | "u16" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "bool" => "`true` or `false`",
        _ => "another kind of value",
    };
    let value: String = value.chars().take(80).collect();
    format!("expected {wanted}, got {value:?}")
}
