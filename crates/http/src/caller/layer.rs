//! The layer around each service: nothing reaches a handler that a gateway did not sign.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::HeaderValue;
use moltforge_types::{Ambient, Principal};
use tower::{Layer, Service};

use super::keys::{CallerKeys, Message, Sent, body_hash};
use super::principals::Principals;
use super::replay::Nonces;
use crate::body::{limit_of, read};
use crate::error::Error;
use crate::request_id;

/// The principal of a request that passed, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Verified(pub(super) Arc<Principal>);

/// Verifies the signed caller of every request. Put it outermost around a service's router: the path that is signed is
/// the path that it sees. Bodies above 1 MiB (uploads: 12) are refused, since the signature covers the whole body.
pub fn verify_layer(keys: CallerKeys, audience: &'static str, ambient: Ambient) -> VerifyLayer {
    VerifyLayer(Arc::new(Shared { keys, audience, ambient, seen: Mutex::default() }))
}

/// See [`verify_layer`].
#[derive(Clone)]
pub struct VerifyLayer(Arc<Shared>);

struct Shared {
    keys: CallerKeys,
    audience: &'static str,
    ambient: Ambient,
    seen: Mutex<Seen>,
}

/// What earlier requests leave behind.
#[derive(Default)]
struct Seen {
    nonces: Nonces,
    principals: Principals,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn verify(&self, request: Request) -> Result<Request, Error> {
        let (mut parts, body) = request.into_parts();
        let body = read(&parts.headers, body, limit_of(parts.uri.path())).await?;
        let Some(header) = parts.headers.remove(super::HEADER) else {
            return Err(Error::CallerInvalid("absent"));
        };
        let message =
            Message { audience: self.audience, method: &parts.method, uri: &parts.uri, body_hash: &body_hash(&body) };
        let now = self.ambient.now();
        let sent = Sent::parse(&header).ok_or(Error::CallerInvalid("malformed"))?;
        let known = self.seen().principals.find(sent.principal);
        let hash = known.as_ref().map_or_else(|| body_hash(sent.principal.as_bytes()), |known| known.hash);
        let checked = self.keys.check(&sent, &hash, &message, now)?;
        let principal = {
            let mut seen = self.seen();
            seen.nonces.take(checked.signer, checked.number, now)?;
            match known {
                Some(known) => known.principal,
                None => seen.principals.read(sent.principal, hash)?,
            }
        };
        if let Some(principal) = principal {
            parts.extensions.insert(Verified(principal));
        }
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;
    fn layer(&self, inner: S) -> Verify<S> {
        Verify { inner, shared: Arc::clone(&self.0) }
    }
}

/// See [`verify_layer`].
#[derive(Clone)]
pub struct Verify<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request> for Verify<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // the service that was polled ready is the one to call
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = Arc::clone(&self.shared);
        let id = request_id::sane(request.headers()).cloned().unwrap_or(HeaderValue::from_static("none"));
        Box::pin(request_id::scope(id, async move {
            match shared.verify(request).await {
                Ok(request) => inner.call(request).await,
                Err(error) => Ok(crate::ApiError::from(error).into_response()),
            }
        }))
    }
}
