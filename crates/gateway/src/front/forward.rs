//! To a service and back.

use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HOST, SET_COOKIE};
use http::request::Parts;
use http::uri::Uri;
use http::{HeaderValue, Method, StatusCode};
use moltforge_http::caller::{self, Message, body_hash};
use moltforge_http::{ApiError, ApiResult, body, request_id, session};
use moltforge_types::{ContentHash, Principal};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use super::{Asked, Front, Seen};
use crate::credentials::{Credential, clear_cookie, set_cookie};
use crate::error::Error;
use crate::headers;
use crate::hosts::ServedHost;
use crate::idempotency::{self, Begun};
use crate::patience::within;
use crate::routes::{Keep, Route, keeps};
use crate::upstream::Upstream;

/// The dashboard's audience.
const DASHBOARD: &str = "dashboard";
/// A creation under an idempotency key is given up after this, so that after a crash of the server its key is free again
/// soon.
const CREATION: Duration = Duration::from_secs(30);
/// Between the moment when a request is given up and the one when its idempotency key may be tried again.
const MARGIN: Duration = Duration::from_secs(10);

/// What an upload holds for as long as it is in memory.
struct Room<'a> {
    _turn: Option<OwnedSemaphorePermit>,
    _place: Option<SemaphorePermit<'a>>,
}

impl Front {
    /// Pages: with the browser's cookie, without a principal. The dashboard asks the API, and that decides.
    pub(super) async fn to_dashboard(
        &self,
        dashboard: &Upstream,
        asked: Asked,
        body: Body,
        host: &ServedHost,
    ) -> ApiResult<Response> {
        let Asked { mut parts, peer, id } = asked;
        let body = self.read(&parts, body).await?;
        headers::strip_inward(&mut parts.headers, peer, true);
        let request = self.message(parts, body, &id, host, DASHBOARD, None, None);
        Ok(self.call(dashboard.clone(), request, self.longest()).await?)
    }

    /// To a service: with the principal in `seen`, or without one where there is none.
    pub(super) async fn to_service(
        &self,
        route: &Route,
        asked: Asked,
        body: Body,
        seen: &Seen,
        host: &ServedHost,
    ) -> ApiResult<Response> {
        let Asked { mut parts, peer, id } = asked;
        let _room = self.room(&parts, seen).await;
        let body = self.read(&parts, body).await?;
        let hash = body_hash(&body);
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let principal = seen.credential.as_ref().map(|credential| &credential.principal);
        let claim = match (principal, keeps(&method, &path)) {
            (Some(principal), Some(keep)) => Box::pin(self.claim(&parts, &hash, principal, keep)).await?,
            _ => None,
        };
        let claim = match claim {
            Some(Begun::Answered(response)) => return Ok(response),
            Some(Begun::Claimed(claim)) => Some(claim),
            None => None,
        };
        headers::strip_inward(&mut parts.headers, peer, false);
        let request = self.message(parts, body, &id, host, route.audience, seen.credential.as_deref(), Some(&hash));
        let response = match claim {
            None => self.call(route.upstream.clone(), request, self.longest()).await?,
            Some(claim) => {
                // a client that hangs up must not leave the key claimed and the work half done
                let (front, upstream) = (self.clone(), route.upstream.clone());
                let work = request_id::scope(id, async move {
                    let response = front.call(upstream, request, CREATION).await?;
                    Ok::<_, Error>(claim.settle(response).await)
                });
                tokio::spawn(work).await.map_err(|error| Error::Panicked(error.to_string()))??
            }
        };
        Ok(self.back(response, &method, &path, host))
    }

    async fn claim(
        &self,
        parts: &Parts,
        hash: &[u8; 32],
        principal: &Principal,
        keep: Keep,
    ) -> ApiResult<Option<Begun>> {
        let longest = CREATION + MARGIN;
        let media_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default();
        let whole = [hash.as_slice(), query.as_bytes(), &[0], media_type].concat();
        let asked = idempotency::Asked {
            principal,
            route: format!("{} {}", parts.method, parts.uri.path()),
            request_hash: *ContentHash::of(&whole).as_bytes(),
            keep,
            longest,
        };
        idempotency::begin(&self.core.store, &parts.headers, asked).await
    }

    /// Uploads are large: only some are in memory at a time, few of one project, and the others wait unread.
    async fn room(&self, parts: &Parts, seen: &Seen) -> Option<Room<'_>> {
        if !body::is_upload(parts.uri.path()) || parts.method != Method::PUT {
            return None;
        }
        let turn = match &seen.credential {
            Some(credential) => self.core.uploads_of.enter(credential.principal.project_id).await,
            None => None,
        };
        Some(Room { _turn: turn, _place: self.core.uploads.acquire().await.ok() })
    }

    async fn read(&self, parts: &Parts, stream: Body) -> ApiResult<Bytes> {
        if stream.is_end_stream() {
            return Ok(Bytes::new());
        }
        let limit = Duration::from_secs(self.core.limits.body_seconds);
        let path = parts.uri.path();
        let most = if body::is_upload(path) { body::limit_of(path) } else { self.core.limits.body_bytes };
        let read = within(limit, body::read(&parts.headers, stream, most)).await;
        Ok(read.ok_or(Error::BodyTimeout(limit))??)
    }

    /// The request as the service sees it: the message and the signed caller, nothing else.
    #[expect(clippy::too_many_arguments, reason = "the parts of one message")]
    fn message(
        &self,
        mut parts: Parts,
        body: Bytes,
        id: &HeaderValue,
        host: &ServedHost,
        audience: &str,
        credential: Option<&Credential>,
        hash: Option<&[u8; 32]>,
    ) -> Request {
        if parts.uri.authority().is_some() {
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            parts.uri = target.parse::<Uri>().unwrap_or_default();
            if let Ok(name) = HeaderValue::try_from(host.authority.as_str()) {
                parts.headers.insert(HOST, name);
            }
        }
        let hash = hash.copied().unwrap_or_else(|| body_hash(&body));
        let message = Message { audience, method: &parts.method, uri: &parts.uri, body_hash: &hash };
        let signed = match credential {
            Some(credential) => self.core.keys.sign_sent(&message, &credential.sent),
            None => self.core.keys.sign(&message, None),
        };
        parts.headers.insert(caller::HEADER, signed);
        parts.headers.insert(request_id::HEADER, id.clone());
        Request::from_parts(parts, Body::from(body))
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(self.core.limits.answer_seconds)
    }

    async fn call(&self, upstream: Upstream, request: Request, limit: Duration) -> Result<Response, Error> {
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let response = within(limit, Box::pin(upstream.call(request))).await.ok_or(Error::AnswerTimeout(limit))?;
        Ok(explain(response, path, &method))
    }

    /// What a service's answer means for the browser and for what the gateway remembers.
    fn back(&self, mut response: Response, method: &Method, path: &str, host: &ServedHost) -> Response {
        if path == "/v1/sessions" {
            let cookie = match response.headers().get(session::HEADER).map(HeaderValue::to_str) {
                Some(Ok("")) => clear_cookie(host),
                Some(Ok(token)) => set_cookie(host, token),
                _ => None,
            };
            if let Some(cookie) = cookie {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        if *method == Method::DELETE && (path == "/v1/sessions" || path.starts_with("/v1/keys/")) {
            self.core.credentials.forget();
        }
        headers::strip_outward(response.headers_mut());
        response
    }
}

/// A router's own 404 and 405 have no body; give them one.
fn explain(response: Response, path: String, method: &Method) -> Response {
    if response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let fault = match response.status() {
        StatusCode::NOT_FOUND => Error::RouteNotFound(path),
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed(path, method.to_string()),
        _ => return response,
    };
    let mut explained = ApiError::from(fault).into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        explained.headers_mut().insert(ALLOW, allow.clone());
    }
    explained
}
