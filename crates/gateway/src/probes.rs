//! `/healthz` and `/readyz`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use moltforge_http::Json;
use serde_json::{Map, Value, json};

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that must be so before the server takes requests: `Ok`, or why not; or a note, which is only said.
#[derive(Clone)]
pub struct ReadyCheck {
    name: &'static str,
    check: Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>,
}

impl ReadyCheck {
    /// A check by name. It is called for every `/readyz` and gets two seconds.
    pub fn new<F>(name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check = move || -> BoxFuture<'static, Result<String, String>> {
            let checked = check();
            Box::pin(async move { checked.await.map(|()| "ok".to_owned()) })
        };
        Self { name, check: Arc::new(check) }
    }

    /// Something that `/readyz` says and that keeps nobody from being ready.
    pub fn note(name: &'static str, note: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { name, check: Arc::new(move || Box::pin(std::future::ready(Ok(note())))) }
    }

    async fn run(&self) -> (&'static str, Result<String, String>) {
        let result = tokio::time::timeout(PATIENCE, (self.check)()).await;
        (self.name, result.unwrap_or_else(|_| Err("no answer in time".to_owned())))
    }
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadyCheck").field(&self.name).finish()
    }
}

/// The process lives.
pub(crate) fn health() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// Every check holds: 200; else 503 with what does not.
pub(crate) async fn ready(checks: &[ReadyCheck]) -> Response {
    let results = join_all(checks.iter().map(ReadyCheck::run)).await;
    let ready = results.iter().all(|(_, result)| result.is_ok());
    let checks: Map<String, Value> = results
        .into_iter()
        .map(|(name, result)| (name.to_owned(), Value::String(result.unwrap_or_else(|reason| reason))))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not_ready" };
    (status, Json(json!({"status": word, "checks": checks}))).into_response()
}
