//! One request as data, so that both transports send the same and a retry repeats exactly it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use crate::Error;

/// How long an ordinary answer may take.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query, from the root of the API's host.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it may be sent again when nobody knows what became of it.
    pub(crate) repeatable: bool,
    /// The time for the answer's headers and body; `None` for a stream.
    pub(crate) limit: Option<Duration>,
}

impl Request {
    fn new(method: Method, segments: &[&str]) -> Result<Self, Error> {
        let repeatable = method == Method::GET;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let target = path(segments)?;
        Ok(Self { method, target, headers, body: Bytes::new(), repeatable, limit: Some(ANSWER_LIMIT) })
    }

    pub(crate) fn get(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::GET, segments)
    }

    pub(crate) fn post(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::POST, segments)
    }

    pub(crate) fn put(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::PUT, segments)
    }

    pub(crate) fn patch(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::PATCH, segments)
    }

    pub(crate) fn delete(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::DELETE, segments)
    }

    /// Never repeated, although it would be safe.
    pub(crate) fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Query parameters from the API's own structs: absent fields are left out.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        let value = serde_json::to_value(query).map_err(|e| Error::Argument(format!("cannot write the query: {e}")))?;
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        let mut any = false;
        for (name, value) in value.as_object().into_iter().flatten() {
            any = true;
            match value {
                serde_json::Value::String(value) => text.append_pair(name, value),
                other => text.append_pair(name, &other.to_string()),
            };
        }
        if any {
            self.target = format!("{}?{}", self.target, text.finish());
        }
        Ok(self)
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(body).map_err(|e| Error::Argument(format!("cannot write the body: {e}")))?;
        Ok(self.body("application/json", bytes.into()))
    }

    pub(crate) fn body(mut self, media_type: &'static str, body: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = body;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::Argument(format!("the header {name} cannot carry {value:?}")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With a key, the server answers a repeat with the first answer: it may be sent again.
    pub(crate) fn idempotency_key(mut self, key: Option<&str>) -> Result<Self, Error> {
        if let Some(key) = key {
            self = self.header(HeaderName::from_static("idempotency-key"), key)?;
            self.repeatable = true;
        }
        Ok(self)
    }

    /// What was attempted, for errors: method and path without the query.
    pub(crate) fn attempt(&self) -> String {
        let path = self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path);
        format!("{} {path}", self.method)
    }
}

/// Joins segments to a path, each percent-encoded. Texts that would change the path's meaning are refused.
fn path(segments: &[&str]) -> Result<String, Error> {
    if let Some(bad) = segments.iter().find(|s| matches!(**s, "" | "." | "..")) {
        return Err(Error::Argument(format!("{bad:?} is no name or id")));
    }
    let mut url = Url::parse("http://host/").map_err(|e| Error::Argument(e.to_string()))?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    Ok(url.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place() {
        assert_eq!(path(&["v1", "agents", "a/b?c#d%"]).unwrap(), "/v1/agents/a%2Fb%3Fc%23d%25");
        for bad in ["", ".", ".."] {
            assert!(path(&["v1", "agents", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn absent_filters_are_left_out() {
        let query = moltforge_api::executions::ListExecutions {
            agent: Some("a b&c".to_owned()),
            limit: Some(3),
            ..Default::default()
        };
        let request = Request::get(&["v1", "executions"]).unwrap().query(&query).unwrap();
        assert_eq!(request.target, "/v1/executions?agent=a+b%26c&limit=3");
        let request = Request::get(&["v1", "executions"]).unwrap().query(&moltforge_api::PageQuery::default()).unwrap();
        assert_eq!(request.target, "/v1/executions");
    }
}
