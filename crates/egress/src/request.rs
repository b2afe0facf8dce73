//! What goes out and what comes back.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::share::Waits;

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method; not `CONNECT` or `TRACE`.
    pub method: Method,
    /// An `http` or `https` URL, at most 8 KiB.
    pub url: String,
    /// Headers, at most 64 with 32 KiB together; none that belong to the transport (`Host`, `Content-Length`, ...).
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Time for everything: lookup, connections, redirects, the whole response.
    pub timeout: Duration,
    /// The largest body that is accepted, bytes, counted after decompression.
    pub max_response_bytes: usize,
    /// Says what it waits for while it does, to whoever holds a clone.
    pub waits: Waits,
}

impl Request {
    /// A request without headers and body: 30 s, 1 MiB.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(30),
            max_response_bytes: 1024 * 1024,
            waits: Waits::default(),
        }
    }
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status, after redirects. Any status is a response.
    pub status: StatusCode,
    /// Its headers, at most 64 KiB together.
    pub headers: HeaderMap,
    /// Its body, decompressed.
    pub body: Bytes,
    /// Where it came from, after redirects.
    pub url: String,
}
