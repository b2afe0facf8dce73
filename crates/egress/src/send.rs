//! One request, from URL to whole response, redirects included.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use http::{Method, header};

use crate::error::{Error, reason};
use crate::grant::Grant;
use crate::share::Place;
use crate::target::Target;
use crate::{Egress, Request, Response, headers, redirect};

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

impl Egress {
    /// Sends a request if the agent requests its host and the operator grants it. Any status is a response; the error
    /// says whether the request may have been acted upon ([`Error::outcome_unknown`]).
    pub async fn send(&self, request: Request, grant: &Grant) -> Result<Response, Error> {
        let (after, waits) = (request.timeout, request.waits.clone());
        // from here on somebody may have acted on it
        let sent = AtomicBool::new(false);
        let Ok(result) = tokio::time::timeout(after, self.follow(request, grant, &sent)).await else {
            let error = waits.words().map_or(Error::Timeout { after }, |what| Error::Busy { after, what });
            return Err(error.after_sending(sent.load(Ordering::Relaxed)));
        };
        result
    }

    async fn follow(&self, request: Request, grant: &Grant, sent: &AtomicBool) -> Result<Response, Error> {
        let Request { mut method, url, mut headers, mut body, max_response_bytes, waits, .. } = request;
        if matches!(method, Method::CONNECT | Method::TRACE) {
            return Err(Error::MethodNotAllowed(method.to_string()));
        }
        headers::check_request(&headers)?;
        let mut target = Target::parse(&url)?;
        // what is refused waits for nobody
        self.inner.check_host(&target, grant)?;
        let place = self.inner.shares.enter(grant.project(), &waits).await;
        let place = place.ok_or_else(|| Error::Client("it is closed".to_owned()))?;
        // an earlier hop acted on the request before it redirected
        let mut acted = false;
        for _ in 0..=MAX_REDIRECTS {
            place.pass(body.len()).await;
            let response = match self.exchange(&method, &target, &headers, &body, grant, sent).await {
                Ok(response) => response,
                Err(error) => return Err(error.after_sending(acted)),
            };
            let Some(next_method) = redirect::method_after(response.status(), &method, response.headers()) else {
                return read(response, &target, max_response_bytes, &method, &place).await;
            };
            acted |= next_method != method;
            let next = redirect::target_after(&target, response.headers()).map_err(|e| e.after_sending(acted))?;
            let body_dropped = next_method != method;
            if body_dropped {
                body = Bytes::new();
            }
            redirect::headers_after(&mut headers, target.same_origin(&next), body_dropped);
            (method, target) = (next_method, next);
            sent.store(acted, Ordering::Relaxed);
        }
        Err(Error::RedirectLimit(MAX_REDIRECTS).after_sending(acted))
    }

    /// One hop: check, connect, send, and receive the head of the response.
    async fn exchange(
        &self,
        method: &Method,
        target: &Target,
        headers: &http::HeaderMap,
        body: &Bytes,
        grant: &Grant,
        sent: &AtomicBool,
    ) -> Result<reqwest::Response, Error> {
        self.inner.check_host(target, grant)?;
        let addresses = self.inner.addresses(target).await?;
        let client = self.inner.pool.client(grant, target, addresses)?;
        let mut request = client.request(method.clone(), target.url.clone()).headers(headers.clone());
        if !body.is_empty() {
            request = request.body(body.clone());
        }
        let earlier = sent.swap(true, Ordering::Relaxed);
        let (host, port) = (target.host.to_string(), target.port);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                sent.store(earlier, Ordering::Relaxed);
                return Err(Error::ConnectFailed { host, port, reason: reason(&error) });
            }
            Err(error) if error.is_builder() => {
                sent.store(earlier, Ordering::Relaxed);
                return Err(Error::UrlInvalid(reason(&error)));
            }
            Err(error) => return Err(Error::ResponseCut { host, port, reason: reason(&error) }.after_sending(true)),
        };
        // the connection must be one of those that were checked, whatever made it
        if let Some(remote) = response.remote_addr() {
            self.inner.check_address(target, remote.ip()).map_err(|error| error.after_sending(true))?;
        }
        headers::check_response(response.headers())?;
        Ok(response)
    }
}

/// The whole body, never more of it than `limit` bytes after decompression.
async fn read(
    mut response: reqwest::Response,
    target: &Target,
    limit: usize,
    method: &Method,
    place: &Place,
) -> Result<Response, Error> {
    let status = response.status();
    let head = response.headers().clone();
    let too_large = || Error::ResponseTooLarge { limit };
    let announced = head.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if method != Method::HEAD && announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() > limit - body.len() => return Err(too_large()),
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk);
                place.has_come(chunk.len()).await;
            }
            Ok(None) => break,
            Err(error) => {
                let (host, port) = (target.host.to_string(), target.port);
                return Err(Error::ResponseCut { host, port, reason: reason(&error) }.after_sending(true));
            }
        }
    }
    Ok(Response { status, headers: head, body: body.freeze(), url: target.url.to_string() })
}
