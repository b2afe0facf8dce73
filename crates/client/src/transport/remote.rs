//! Over HTTP.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use moltforge_types::Secret;
use url::{Host, Url};

use super::Response;
use crate::Error;
use crate::request::Request;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const POOL_IDLE: Duration = Duration::from_secs(20);
const USER_AGENT: &str = concat!("moltforge/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Remote {
    http: reqwest::Client,
    /// Without a trailing slash.
    base: String,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Remote {
    pub(crate) fn new(base_url: &str, key: Option<&Secret>) -> Result<Self, Error> {
        let url = Url::parse(base_url).map_err(|e| Error::Argument(format!("{base_url:?} is no URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::Argument(format!("{base_url:?} is not the http:// or https:// URL of a server")));
        }
        // an error means that the program has chosen one before, which is fine
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_LIMIT)
            // servers close what is unused; a request must not meet that moment
            .pool_idle_timeout(POOL_IDLE)
            .default_headers(credentials(key)?)
            // a redirect would take the key somewhere else
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| Error::Argument(format!("cannot set up the HTTP client: {e}")))?;
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned() })
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut outgoing = self
            .http
            .request(request.method.clone(), format!("{}{}", self.base, request.target))
            .headers(request.headers.clone())
            .body(request.body.clone());
        if let Some(limit) = request.limit {
            outgoing = outgoing.timeout(limit);
        }
        let answer = outgoing.send().await.map_err(|e| self.error(request, e))?;
        let (attempt, url) = (request.attempt(), self.base.clone());
        Ok(Response {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer
                .bytes_stream()
                .map_err(move |e| Error::Unreachable {
                    attempt: attempt.clone(),
                    url: url.clone(),
                    source: e.without_url().into(),
                })
                .boxed(),
        })
    }

    fn error(&self, request: &Request, error: reqwest::Error) -> Error {
        match request.limit {
            Some(limit) if error.is_timeout() && !error.is_connect() => {
                Error::TimedOut { attempt: request.attempt(), limit }
            }
            _ => Error::Unreachable {
                attempt: request.attempt(),
                url: self.base.clone(),
                source: error.without_url().into(),
            },
        }
    }
}

fn credentials(key: Option<&Secret>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| Error::Argument("the API key has characters that no header can carry".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The environment's proxies are not asked for the way to this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
