//! An answer, read with a limit and checked for being MoltForge's.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{HeaderMap, StatusCode};
use moltforge_api::Problem;
use serde::de::DeserializeOwned;

use super::retry_after;
use crate::Error;

/// The most bytes of one answer. A page of 200 agents with the largest instructions fits.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How much of a foreign answer is shown.
const SHOWN: usize = 200;

pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BoxStream<'static, Result<Bytes, Error>>,
}

impl Response {
    /// Itself when the status says success, else the problem that it carries.
    pub(crate) async fn success(self, attempt: &str) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (status, retry_after) = (self.status.as_u16(), retry_after(&self.headers));
        let bytes = self.bytes(attempt).await?;
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(Error::Problem { problem: Box::new(problem), retry_after }),
            Err(_) => Err(Error::Unexpected { attempt: attempt.to_owned(), status, found: excerpt(&bytes) }),
        }
    }

    pub(crate) async fn bytes(mut self, attempt: &str) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(part) = self.body.next().await {
            let part = part?;
            if whole.len() + part.len() > MOST_BYTES {
                let found = format!("more than {MOST_BYTES} bytes");
                return Err(Error::Unexpected { attempt: attempt.to_owned(), status: self.status.as_u16(), found });
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }

    pub(crate) async fn json<T: DeserializeOwned>(self, attempt: &str) -> Result<T, Error> {
        let status = self.status.as_u16();
        let bytes = self.bytes(attempt).await?;
        serde_json::from_slice(&bytes).map_err(|e| Error::Unexpected {
            attempt: attempt.to_owned(),
            status,
            found: format!("{e}: {}", excerpt(&bytes)),
        })
    }
}

fn excerpt(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty body".to_owned();
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
