//! A request's way through the gateway, in order: id, log line, panics, host, sizes, how many at a time, whose it is,
//! how often, body, idempotency, the service, and back.

mod answer;
mod forward;

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use http::HeaderValue;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use moltforge_http::{ApiError, request_id};
use tower::Service;

use crate::access::Line;
use crate::core::Core;
use crate::credentials::Credential;
use crate::error::Error;
use crate::headers;
use crate::hosts::ServedHost;
use crate::peer::Peer;
use crate::rate::Left;
use crate::upstream::Upstream;

/// The gateway as a service.
#[derive(Clone)]
pub(crate) struct Front {
    core: Arc<Core>,
    dashboard: Option<Upstream>,
}

/// What was found out about a request, for its log line and the headers of its answer.
#[derive(Default)]
struct Seen {
    host: Option<ServedHost>,
    credential: Option<Arc<Credential>>,
    left: Option<Left>,
}

/// A request without its body.
struct Asked {
    parts: Parts,
    peer: Peer,
    id: HeaderValue,
}

impl Front {
    pub(crate) fn new(core: Arc<Core>, dashboard: Option<Upstream>) -> Self {
        Self { core, dashboard }
    }

    async fn serve(self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let core = &*self.core;
        let peer = core.proxies.peer(&parts);
        let id = request_id::sane(&parts.headers).cloned().unwrap_or_else(|| core.request_ids.make(&core.ambient));
        let line = Line::begin(&core.ambient, parts.method.clone(), parts.uri.path(), peer);
        let asked = Asked { parts, peer, id: id.clone() };
        let mut seen = Seen::default();
        let work = request_id::scope(id.clone(), async {
            // on the heap, once: wrapping it moves it otherwise, and it is large
            let answering = Box::pin(self.answer(asked, body, &mut seen));
            match AssertUnwindSafe(answering).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => error.into_response(),
                Err(panic) => ApiError::from(Error::Panicked(words_of(&*panic))).into_response(),
            }
        });
        let mut response = work.await;
        self.finish(&mut response, &seen, &id);
        line.write(&core.ambient, id.to_str().unwrap_or_default(), response.status(), seen.credential.as_deref());
        response
    }

    /// What every answer carries.
    fn finish(&self, response: &mut Response, seen: &Seen, id: &HeaderValue) {
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
        }
        let out = response.headers_mut();
        out.insert(request_id::HEADER, id.clone());
        if let Some(left) = seen.left {
            self.core.rates.describe(left, out);
        }
        headers::secure(out, seen.host.as_ref());
    }
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let front = self.clone();
        Box::pin(async move { Ok(front.serve(request).await) })
    }
}
