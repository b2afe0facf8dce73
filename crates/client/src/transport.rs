//! How a request gets to the server and an answer back: over HTTP, or into a router of this process.

mod in_process;
mod remote;
mod response;

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

pub(crate) use self::in_process::InProcess;
pub(crate) use self::remote::Remote;
pub(crate) use self::response::Response;
use crate::request::Request;
use crate::{Client, Error};

/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];
/// The longest `Retry-After` that is waited for; a longer one is the caller's decision.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) enum Transport {
    Remote(Remote),
    InProcess(InProcess),
}

impl Client {
    /// Sends, and sends again what is safe to repeat when the way there failed or the server said "later".
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Error> {
        let remote = match self.transport.as_ref() {
            Transport::InProcess(router) => return router.send(request).await,
            Transport::Remote(remote) => remote,
        };
        for pause in PAUSES {
            let answer = remote.send(&request).await;
            let Some(pause) = again_after(&request, &answer, pause) else { return answer };
            tokio::time::sleep(pause).await;
        }
        remote.send(&request).await
    }

    /// Whether a broken stream is worth another connection.
    pub(crate) fn reconnects(&self) -> bool {
        matches!(self.transport.as_ref(), Transport::Remote(_))
    }

    pub(crate) async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let attempt = request.attempt();
        self.send(request).await?.success(&attempt).await?.json(&attempt).await
    }

    pub(crate) async fn text(&self, request: Request) -> Result<String, Error> {
        let attempt = request.attempt();
        let bytes = self.send(request).await?.success(&attempt).await?.bytes(&attempt).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) async fn nothing(&self, request: Request) -> Result<(), Error> {
        let attempt = request.attempt();
        // read to the end, so that the connection can be used again
        self.send(request).await?.success(&attempt).await?.bytes(&attempt).await?;
        Ok(())
    }
}

/// The pause before another try, or `None` when this answer stands.
fn again_after(request: &Request, answer: &Result<Response, Error>, pause: Duration) -> Option<Duration> {
    if !request.repeatable {
        return None;
    }
    match answer {
        Err(Error::Unreachable { .. }) => Some(pause),
        Ok(response) if matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            Some(retry_after(&response.headers).unwrap_or(pause)).filter(|pause| *pause <= LONGEST_PAUSE)
        }
        _ => None,
    }
}

/// `Retry-After` in seconds. Its other form, a date, is one that MoltForge never sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
