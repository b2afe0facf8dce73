//! Providers that speak OpenAI's Chat Completions, at any base URL. Always streaming; nothing of the wire's shapes leaves
//! this module.
//!
//! One call: [`body`] writes the request, [`sse`] cuts the response into frames, [`reply`] puts the reply together, and
//! [`fault`] turns what goes wrong into words and into the decision whether the same call may work later.

mod body;
mod fault;
mod names;
mod reply;
mod sse;

use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use http::Method;
use http::header::{self, HeaderValue};
use moltforge_egress::{Egress, OriginClient};
use moltforge_types::Secret;
use reqwest::Response;

use super::{ChunkSink, Model, ModelError, ModelReply, ModelRequest, Provider};
use crate::error::Error;
use fault::Faults;
use names::Names;
use reply::Reply;
use sse::Frames;

/// The largest response of one call, bytes on the wire.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;
/// How long the end of a response is waited for, once the reply is whole.
const LINGER: Duration = Duration::from_secs(2);
/// The most that is read of it then, bytes.
const MAX_REST: usize = 64 * 1024;

/// One provider.
pub(super) struct OpenAi {
    client: OriginClient,
    authorization: Option<HeaderValue>,
    faults: Faults,
    timeout: Duration,
    silence: Duration,
}

impl OpenAi {
    pub(super) fn new(provider: &Provider, egress: &Egress) -> Result<Self, Error> {
        let invalid = |reason: String| Error::ProviderInvalid { name: provider.name.clone(), reason };
        let client = egress.client_for_origin(&provider.base_url).map_err(|error| invalid(error.to_string()))?;
        let authorization = provider.api_key.as_ref().map(authorization).transpose().map_err(invalid)?;
        let timeout = provider.timeout();
        let faults = Faults::new(provider.name.clone(), provider.api_key.clone(), timeout);
        Ok(Self { client, authorization, faults, timeout, silence: provider.silence() })
    }

    async fn exchange(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        let names = Names::new(&request.tools);
        let body = body::write(&request, &names)?;
        let mut wire = self
            .client
            .request(Method::POST, "chat/completions")
            .map_err(|error| ModelError::permanent("model_request_refused", error.to_string()))?
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream");
        if let Some(authorization) = &self.authorization {
            wire = wire.header(header::AUTHORIZATION, authorization.clone());
        }
        let response = wire.body(body).send().await.map_err(|error| self.faults.transport(&error))?;
        if !response.status().is_success() {
            return Err(self.faults.status(response).await);
        }
        let reply = Reply::new(&self.faults, chunks);
        let reply = if is_stream(&response) {
            self.stream(response, reply).await?
        } else {
            self.whole(response, reply).await?
        };
        reply.finish(&names, request.turn)
    }

    /// Frames, one after another, until the reply is whole and the response has ended.
    async fn stream<'f>(&self, mut response: Response, mut reply: Reply<'f>) -> Result<Reply<'f>, ModelError> {
        let mut frames = Frames::default();
        let mut size = 0;
        while !reply.is_done() {
            let chunk = if size == 0 {
                response.chunk().await
            } else {
                match tokio::time::timeout(self.silence, response.chunk()).await {
                    Ok(chunk) => chunk,
                    Err(_) if reply.has_finished() => return Ok(reply),
                    Err(_) => return Err(self.faults.silent(self.silence)),
                }
            };
            match chunk {
                Ok(Some(chunk)) => {
                    size += chunk.len();
                    if size > MAX_RESPONSE {
                        return Err(self.faults.too_large(MAX_RESPONSE));
                    }
                    frames.push(&chunk);
                    while let Some(frame) = frames.next_frame() {
                        reply.frame(&frame)?;
                    }
                }
                Ok(None) => return Ok(reply),
                // the reply itself is whole: only its end is missing
                Err(_) if reply.has_finished() => return Ok(reply),
                Err(error) => return Err(self.faults.cut(&error)),
            }
        }
        drain(response);
        Ok(reply)
    }

    /// A server that does not stream answers with one JSON document.
    async fn whole<'f>(&self, mut response: Response, mut reply: Reply<'f>) -> Result<Reply<'f>, ModelError> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_RESPONSE => {
                    return Err(self.faults.too_large(MAX_RESPONSE));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(self.faults.cut(&error)),
            }
        }
        reply.frame(&String::from_utf8_lossy(&body))?;
        Ok(reply)
    }
}

#[async_trait]
impl Model for OpenAi {
    async fn complete(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        match tokio::time::timeout(self.timeout, self.exchange(request, chunks)).await {
            Ok(result) => result,
            Err(_) => Err(self.faults.timeout()),
        }
    }
}

fn is_stream(response: &Response) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !value.trim_start().to_ascii_lowercase().starts_with("application/json")
}

fn authorization(key: &Secret) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
    let mut value = value.map_err(|_| "the key has characters that no header can carry".to_owned())?;
    value.set_sensitive(true);
    if key.expose().is_empty() { Err("the key is empty".to_owned()) } else { Ok(value) }
}

/// Reads a response to its end, for the connection to be kept. Mostly the end is there already; where it is not, nobody
/// waits for it.
fn drain(mut response: Response) {
    if let Some(Ok(None) | Err(_)) = response.chunk().now_or_never() {
        return;
    }
    let rest = async move {
        let mut left = MAX_REST;
        while let Ok(Some(chunk)) = response.chunk().await
            && chunk.len() < left
        {
            left -= chunk.len();
        }
    };
    tokio::spawn(tokio::time::timeout(LINGER, rest));
}
