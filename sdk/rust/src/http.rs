//! HTTP requests to the hosts that the agent's file grants. It must list the tool `http.fetch`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::moltforge::agent::http;
use crate::{Call, Error, Result};

/// A GET of this URL.
pub fn get(url: impl Into<String>) -> Call<Response> {
    Request::new("GET", url).send()
}

/// A POST of this value as JSON.
pub fn post(url: impl Into<String>, body: &(impl Serialize + ?Sized)) -> Result<Call<Response>> {
    Ok(Request::new("POST", url).json(body)?.send())
}

/// Makes a request: the same as its `send`.
pub fn fetch(request: Request) -> Call<Response> {
    request.send()
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    inner: http::Request,
}

impl Request {
    /// With this method, to this URL.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (Some(method.into()), url.into());
        Self { inner: http::Request { method, url, headers: Vec::new(), body: None } }
    }

    /// With one more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.headers.push((name.into(), value.into()));
        self
    }

    /// With a text as its body.
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.inner.body = Some(body.into());
        self
    }

    /// With a value as its body.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Result<Self> {
        let body = serde_json::to_string(body)?;
        Ok(self.header("content-type", "application/json").text(body))
    }

    /// Makes the request.
    pub fn send(self) -> Call<Response> {
        Call::new(http::fetch(&self.inner))
    }
}

/// The answer to a request. Every status is an answer, 404 and 500 too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Some of the headers, by their names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a value when it was JSON, else a text.
    #[serde(default)]
    pub body: Value,
}

impl Response {
    /// Whether the status is 200 to 299.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body's JSON. An error when the status is not 200 to 299.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        let body = self.checked()?;
        Ok(serde_json::from_value(body)?)
    }

    /// The body's text. An error when the status is not 200 to 299.
    pub fn text(self) -> Result<String> {
        Ok(match self.checked()? {
            Value::String(text) => text,
            Value::Null => String::new(),
            value => value.to_string(),
        })
    }

    fn checked(self) -> Result<Value> {
        if self.is_ok() {
            return Ok(self.body);
        }
        let mut error = Error::new("http_status", format!("the answer has the status {}", self.status));
        error.details = Some(serde_json::json!({ "status": self.status, "body": self.body }));
        Err(error)
    }
}
