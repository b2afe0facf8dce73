//! The decisions: may it pass, whose is it, where does it go.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use moltforge_http::{ApiError, ApiResult};

use super::{Asked, Front, Seen};
use crate::credentials;
use crate::error::Error;
use crate::headers;
use crate::hosts::ServedHost;
use crate::peer::client_of;
use crate::probes;
use crate::rate::Left;
use crate::routes::{self, Entrance};
use crate::waiting;

impl Front {
    pub(super) async fn answer(&self, asked: Asked, body: Body, seen: &mut Seen) -> ApiResult<Response> {
        // probes ask by whatever name the machine has that day
        if let Some(probed) = Box::pin(self.probe(&asked)).await {
            return Ok(probed);
        }
        let host = self.host(&asked)?;
        seen.host = Some(host.clone());
        self.check_sizes(&asked)?;
        let at_work = self.core.in_flight.try_acquire().map_err(|_| Error::Overloaded.into_api())?;
        if let Some(own) = self.own(&asked)? {
            return Ok(own);
        }
        let path = asked.parts.uri.path();
        let route = self.core.routes.find(path);
        if route.is_none() && !is_api(path) {
            return match &self.dashboard {
                Some(dashboard) => Box::pin(self.to_dashboard(dashboard, asked, body, &host)).await,
                None => Err(Error::RouteNotFound(path.to_owned()).into()),
            };
        }
        let (entrance, client) = (routes::entrance(&asked.parts.method, path), client_of(asked.peer.address));
        match entrance {
            Entrance::Credentials => self.authenticate(&asked, &host, seen).await,
            Entrance::SignIn => headers::check_same_origin(&asked.parts.method, &asked.parts.headers, &host, false)
                .and_then(|()| self.core.rates.admit(client)),
            Entrance::Token => self.core.rates.admit(client),
            Entrance::Signature => self.core.rates.deliver(path, client),
        }
        .map_err(Error::into_api)?;
        let route = route.ok_or_else(|| Error::RouteNotFound(path.to_owned()))?;
        let wait = seen.credential.as_ref().filter(|_| waiting::asks_to_wait(&asked.parts.headers));
        let _place = match wait {
            Some(credential) => {
                let place = self.core.waiting.enter(credential.principal()).map_err(Error::into_api)?;
                // whoever waits is not at work
                drop(at_work);
                (Some(place), None)
            }
            None => (None, Some(at_work)),
        };
        let response = self.to_service(route, asked, body, seen, &host).await?;
        let guessed = match entrance {
            Entrance::SignIn => response.status() == StatusCode::UNAUTHORIZED,
            Entrance::Token => response.status() == StatusCode::FORBIDDEN,
            Entrance::Credentials | Entrance::Signature => false,
        };
        if guessed {
            self.core.rates.failed(client).map_err(Error::into_api)?;
        }
        Ok(response)
    }

    fn host(&self, asked: &Asked) -> Result<ServedHost, Error> {
        let Asked { parts, peer, .. } = asked;
        self.core.hosts.of(&parts.uri, &parts.headers, peer.in_process).map_err(Error::HostNotServed)
    }

    fn check_sizes(&self, asked: &Asked) -> Result<(), Error> {
        let limits = &self.core.limits;
        let uri = &asked.parts.uri;
        if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > limits.uri_bytes {
            return Err(Error::UriTooLong(limits.uri_bytes));
        }
        if headers::size(&asked.parts.headers) > limits.header_bytes {
            return Err(Error::HeadersTooLarge(limits.header_bytes));
        }
        Ok(())
    }

    /// Whose request it is, whether a browser was tricked into it, and whether it comes too often.
    async fn authenticate(&self, asked: &Asked, host: &ServedHost, seen: &mut Seen) -> Result<(), Error> {
        let Asked { parts, peer, .. } = asked;
        let client = client_of(peer.address);
        let shown = credentials::shown(&parts.headers, host)?;
        let credential = match self.core.credentials.authenticate(shown, || self.core.rates.admit(client)).await {
            Ok(credential) => credential,
            Err(unknown @ (Error::KeyUnknown | Error::SessionUnknown)) => {
                self.core.rates.failed(client)?;
                return Err(unknown);
            }
            Err(error) => return Err(error),
        };
        let bucket = credential.bucket();
        let by_cookie = credential.is_session();
        seen.credential = Some(credential);
        if by_cookie {
            headers::check_same_origin(&parts.method, &parts.headers, host, true)?;
        }
        seen.left = Some(Left::NONE);
        seen.left = Some(self.core.rates.take(bucket)?);
        Ok(())
    }

    async fn probe(&self, asked: &Asked) -> Option<Response> {
        let path = asked.parts.uri.path();
        if !matches!(path, "/healthz" | "/readyz") {
            return None;
        }
        if let Some(refused) = refuse_writes(asked) {
            return Some(refused);
        }
        Some(if path == "/healthz" { probes::health() } else { probes::ready(&self.core.checks).await })
    }

    /// What the gateway answers itself, without credentials.
    fn own(&self, asked: &Asked) -> Result<Option<Response>, ApiError> {
        let path = asked.parts.uri.path();
        let (body, media_type) = if path == "/v1/openapi.json" {
            (self.core.openapi.clone().map(Into::into), "application/json")
        } else if let Some(code) = path.strip_prefix("/docs/errors/") {
            let page = self.core.error_pages.as_ref().and_then(|pages| pages(code));
            (page.map(Body::from), "text/plain; charset=utf-8")
        } else {
            return Ok(None);
        };
        if let Some(refused) = refuse_writes(asked) {
            return Ok(Some(refused));
        }
        let body = body.ok_or_else(|| Error::RouteNotFound(path.to_owned()))?;
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(Some(response))
    }
}

/// Paths that are never the dashboard's.
fn is_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/") || path.starts_with("/docs/errors/")
}

/// The answer to every method that is not for reading.
fn refuse_writes(asked: &Asked) -> Option<Response> {
    if matches!(asked.parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    let fault = Error::MethodNotAllowed(asked.parts.uri.path().to_owned(), asked.parts.method.to_string());
    let mut response = ApiError::from(fault).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}
