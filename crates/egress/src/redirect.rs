//! What follows a redirect, by RFC 9110 section 15.4.

use http::{HeaderMap, Method, StatusCode, header};

use crate::error::Error;
use crate::headers;
use crate::target::Target;

/// The method of the request that follows, when the response is a redirect with a location.
pub(crate) fn method_after(status: StatusCode, method: &Method, response: &HeaderMap) -> Option<Method> {
    if !response.contains_key(header::LOCATION) {
        return None;
    }
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if *method == Method::POST => Some(Method::GET),
        StatusCode::SEE_OTHER if *method != Method::HEAD => Some(Method::GET),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => Some(method.clone()),
        _ => None,
    }
}

/// Where it leads. The text is read like any URL that an agent hands in.
pub(crate) fn target_after(from: &Target, response: &HeaderMap) -> Result<Target, Error> {
    let location = response
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Error::UrlInvalid("the location of a redirect is not text".to_owned()))?;
    if location.chars().any(|c| c.is_control() || c == '\\') {
        return Err(Error::UrlInvalid(
            "the location of a redirect contains control characters or backslashes".to_owned(),
        ));
    }
    let url =
        from.url.join(location).map_err(|error| Error::UrlInvalid(format!("the location of a redirect: {error}")))?;
    Target::parse(url.as_str())
}

/// The headers of the request that follows.
pub(crate) fn headers_after(headers: &mut HeaderMap, same_origin: bool, body_dropped: bool) {
    if !same_origin {
        headers::forget_credentials(headers);
    }
    if body_dropped {
        headers::forget_body(headers);
    }
}
