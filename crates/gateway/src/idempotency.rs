//! `Idempotency-Key` on creations: the first request does it, the same request again gets the same answer.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use moltforge_http::{IdempotencyKey, body};
use moltforge_store::{IdempotencyScope, Lapse, Remembered, Store, StoredAnswer};
use moltforge_types::{Principal, ProjectId, Timestamp};

use crate::error::Error;
use crate::routes::Keep;

/// An answer is given again for a day.
const KEPT: Duration = Duration::from_hours(24);
/// Old answers cleared away per new one.
const SWEEP: u32 = 8;
/// The largest answer that is kept. All that these routes answer is far smaller.
const MAX_ANSWER: usize = 4 * body::MAX_BODY;
/// The headers that are kept with an answer.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A request that may go on; finish it with [`Claim::settle`].
pub(crate) struct Claim {
    store: Store,
    project_id: ProjectId,
    principal: String,
    route: String,
    key: String,
    token: [u8; 16],
    keep: Keep,
}

pub(crate) enum Begun {
    /// Go on.
    Claimed(Claim),
    /// Somebody did it before; here is the answer.
    Answered(Response),
}

/// What an idempotency key is used for.
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) route: String,
    pub(crate) request_hash: [u8; 32],
    pub(crate) keep: Keep,
    /// No request is at work for longer.
    pub(crate) longest: Duration,
}

/// Claims the key in the headers; `None` without one.
///
/// # Errors
/// `idempotency_key_invalid`, `idempotency_in_progress`, `idempotency_key_reused`, `idempotency_secret_shown`.
pub(crate) async fn begin(
    store: &Store,
    headers: &HeaderMap,
    asked: Asked<'_>,
) -> Result<Option<Begun>, moltforge_http::ApiError> {
    let Some(key) = IdempotencyKey::of(headers)?.0 else { return Ok(None) };
    let claim = Claim {
        store: store.clone(),
        project_id: asked.principal.project_id,
        principal: asked.principal.actor.to_string(),
        route: asked.route,
        key,
        token: store.ambient().bytes(),
        keep: asked.keep,
    };
    if claim.take(&asked.request_hash, asked.longest).await.map_err(Error::from)? {
        return Ok(Some(Begun::Claimed(claim)));
    }
    let known = store.idempotency(claim.project_id).find(claim.scope()).await.map_err(Error::from)?;
    let answered = replay(known, &asked.request_hash, asked.keep).map_err(Error::into_api)?;
    Ok(Some(Begun::Answered(answered)))
}

fn replay(known: Option<Remembered>, request_hash: &[u8; 32], keep: Keep) -> Result<Response, Error> {
    // gone meanwhile: the other request failed and gave its claim up
    let known = known.ok_or(Error::IdempotencyInProgress)?;
    if known.request_hash != request_hash {
        return Err(Error::IdempotencyKeyReused);
    }
    let answer = known.answer.ok_or(Error::IdempotencyInProgress)?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if keep == Keep::Fact && status.is_success() {
        return Err(Error::IdempotencySecretShown);
    }
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    let pairs: Vec<(String, String)> = serde_json::from_str(&answer.headers).unwrap_or_default();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

impl Claim {
    fn scope(&self) -> IdempotencyScope<'_> {
        IdempotencyScope { principal: &self.principal, route: &self.route, idempotency_key: &self.key }
    }

    async fn take(&self, request_hash: &[u8; 32], longest: Duration) -> Result<bool, moltforge_store::Error> {
        let mut tx = self.store.begin().await?;
        let now = tx.now();
        let lapse = Lapse { unanswered_before: before(now, longest), answered_before: before(now, KEPT) };
        let mut keys = tx.idempotency(self.project_id);
        let taken = keys.claim(self.scope(), request_hash, &self.token, lapse).await?;
        if taken {
            keys.delete_lapsed(lapse.answered_before, SWEEP).await?;
            tx.commit().await?;
        }
        Ok(taken)
    }

    /// Keeps the answer, or gives the key up when the answer says that nothing was decided.
    pub(crate) async fn settle(self, response: Response) -> Response {
        if !is_decision(response.status()) {
            self.note(self.release().await);
            return response;
        }
        let (parts, stream) = response.into_parts();
        let Ok(bytes) = body::read(&HeaderMap::new(), stream, MAX_ANSWER).await else {
            // nothing to give again, and nothing to give now
            return moltforge_http::ApiError::from(Error::Panicked("the answer broke off".to_owned())).into_response();
        };
        self.note(self.keep(parts.status, &parts.headers, &bytes).await);
        Response::from_parts(parts, Body::from(bytes))
    }

    /// The answer goes out all the same: the thing is done, and what is lost is that it can be asked again.
    fn note(&self, result: Result<(), moltforge_store::Error>) {
        if let Err(error) = result {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(route = self.route, error, "could not settle an idempotency key");
        }
    }

    async fn keep(&self, status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Result<(), moltforge_store::Error> {
        let secret = self.keep == Keep::Fact && status.is_success();
        let pairs: Vec<(&str, &str)> =
            HEADERS.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?))).collect();
        let answer = StoredAnswer {
            status: status.as_u16(),
            headers: serde_json::to_string(&pairs).unwrap_or_default(),
            body: if secret { Vec::new() } else { body.to_vec() },
        };
        let mut tx = self.store.begin().await?;
        tx.idempotency(self.project_id).complete(self.scope(), &self.token, &answer).await?;
        tx.commit().await
    }

    /// Gives the key up.
    pub(crate) async fn release(&self) -> Result<(), moltforge_store::Error> {
        let mut tx = self.store.begin().await?;
        tx.idempotency(self.project_id).release(self.scope(), &self.token).await?;
        tx.commit().await
    }
}

/// Whether an answer is one that the same request would get again: done, or refused for what it says.
fn is_decision(status: StatusCode) -> bool {
    !status.is_server_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 425 | 429)
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(now.as_micros().saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}
