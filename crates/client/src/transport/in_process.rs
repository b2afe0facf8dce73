//! Into a router of this process: the same message, no socket.

use std::convert::Infallible;

use futures::{StreamExt as _, TryStreamExt as _};
use http::HeaderMap;
use tower::ServiceExt as _;

use super::Response;
use crate::Error;
use crate::request::Request;

pub(crate) struct InProcess {
    router: axum::Router,
    headers: HeaderMap,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl InProcess {
    pub(crate) fn new(router: axum::Router, headers: HeaderMap) -> Self {
        Self { router, headers }
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Response, Error> {
        let attempt = request.attempt();
        let Request { method, target, headers, body, limit, .. } = request;
        let mut message = http::Request::builder()
            .method(method)
            .uri(&target)
            .body(axum::body::Body::from(body))
            .map_err(|e| Error::Argument(format!("{target:?} is no request target: {e}")))?;
        *message.headers_mut() = self.headers.clone();
        message.headers_mut().extend(headers);
        let call = self.router.clone().oneshot(message);
        let answer: Result<_, Infallible> = match limit {
            Some(limit) => tokio::time::timeout(limit, call)
                .await
                .map_err(|_| Error::TimedOut { attempt: attempt.clone(), limit })?,
            None => call.await,
        };
        let Ok(answer) = answer;
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body: body
                .into_data_stream()
                .map_err(move |e| Error::Unreachable {
                    attempt: attempt.clone(),
                    url: "this process".to_owned(),
                    source: e.into(),
                })
                .boxed(),
        })
    }
}
