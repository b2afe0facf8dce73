//! `Idempotency-Key`, `If-Match` and `ETag`.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, IF_MATCH};
use http::request::Parts;

use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY: usize = 200;

/// `Idempotency-Key`: 1 to 200 visible ASCII characters; `None` when the header is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// The header of a request.
    ///
    /// # Errors
    /// 400 `idempotency_key_invalid` for other characters, other lengths, or two headers.
    pub fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let Some(value) = single(headers, IDEMPOTENCY_KEY).map_err(|()| Error::IdempotencyKeyInvalid)? else {
            return Ok(Self(None));
        };
        let bytes = value.as_bytes();
        if !(1..=MAX_KEY).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Error::IdempotencyKeyInvalid.into());
        }
        Ok(Self(value.to_str().ok().map(str::to_owned)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        Self::of(&parts.headers)
    }
}

/// `If-Match`: the text of one strong entity tag, without its quotes; `None` when the header is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(pub Option<String>);

impl IfMatch {
    /// The version that the update is based on.
    ///
    /// # Errors
    /// 428 `if_match_required` without the header, 400 `if_match_invalid` when the tag is none that [`etag`] makes.
    pub fn version(&self) -> ApiResult<u32> {
        let tag = self.0.as_deref().ok_or(Error::IfMatchRequired)?;
        Ok(tag.parse().map_err(|_| Error::IfMatchInvalid)?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        let Some(value) = single(&parts.headers, IF_MATCH).map_err(|()| Error::IfMatchInvalid)? else {
            return Ok(Self(None));
        };
        let tag = value
            .to_str()
            .ok()
            .and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'))
            .filter(|tag| !tag.contains('"'))
            .ok_or(Error::IfMatchInvalid)?;
        Ok(Self(Some(tag.to_owned())))
    }
}

/// The entity tag of a version: `"3"`.
pub fn etag(version: u32) -> HeaderValue {
    // digits and quotes are always a valid header value
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(()) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &HeaderName, values: &[&str]) -> Parts {
        let mut request = http::Request::new(());
        for value in values {
            request.headers_mut().append(name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request.into_parts().0
    }

    #[tokio::test]
    async fn idempotency_keys() {
        let long = "k".repeat(200);
        for (values, expected) in
            [(&[][..], None), (&["a b".trim_end_matches(" b")], Some("a")), (&[&long], Some(&*long))]
        {
            let got = IdempotencyKey::from_request_parts(&mut parts(&IDEMPOTENCY_KEY, values), &()).await.unwrap();
            assert_eq!(got.0.as_deref(), expected);
        }
        for values in [&[""][..], &["a b"], &["é"], &["a", "a"], &[&"k".repeat(201)]] {
            let error =
                IdempotencyKey::from_request_parts(&mut parts(&IDEMPOTENCY_KEY, values), &()).await.unwrap_err();
            assert_eq!(error.code(), "idempotency_key_invalid", "{values:?}");
        }
    }

    #[tokio::test]
    async fn entity_tags() {
        let mut good = parts(&IF_MATCH, &[etag(3).to_str().unwrap()]);
        assert_eq!(IfMatch::from_request_parts(&mut good, &()).await.unwrap().version().unwrap(), 3);
        let none = IfMatch::from_request_parts(&mut parts(&IF_MATCH, &[]), &()).await.unwrap();
        assert_eq!(none.version().unwrap_err().code(), "if_match_required");
        for values in [&["3"][..], &["W/\"3\""], &["\"3\", \"4\""], &["*"], &["\"3\"", "\"4\""], &["\""]] {
            let error = IfMatch::from_request_parts(&mut parts(&IF_MATCH, values), &()).await.unwrap_err();
            assert_eq!(error.code(), "if_match_invalid", "{values:?}");
        }
        assert_eq!(IfMatch(Some("x".to_owned())).version().unwrap_err().code(), "if_match_invalid");
    }
}
