//! A service that tells what it got.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use moltforge_http::{ApiResult, Caller, Json, Path};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// How often it was asked to make something, and what lets a slow one end.
pub(crate) struct Calls {
    pub(crate) made: AtomicU32,
    started: Semaphore,
    go_on: Semaphore,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self { made: AtomicU32::new(0), started: Semaphore::new(0), go_on: Semaphore::new(0) }
    }

    /// Waits until one more slow request has begun.
    pub(crate) async fn has_started(&self) {
        self.started.acquire().await.unwrap().forget();
    }

    /// Lets one slow request end.
    pub(crate) fn let_one_go_on(&self) {
        self.go_on.add_permits(1);
    }

    async fn be_slow(&self) {
        self.started.add_permits(1);
        self.go_on.acquire().await.unwrap().forget();
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    name: String,
    #[serde(default)]
    outcome: Option<String>,
}

pub(crate) fn service(calls: Arc<Calls>) -> Router {
    Router::new()
        .route("/v1/agents", get(tell).post(make))
        .route("/v1/agents/{agent}", get(one))
        .route("/v1/agents/{agent}/deployments", post(make))
        .route("/v1/agents/{agent}/panic", get(fail))
        .route("/v1/agents/{agent}/stream", get(stream))
        .route("/v1/agents/{agent}/leak", get(leak))
        .route("/v1/agents/{agent}/wait", get(wait))
        .with_state(calls)
}

pub(crate) fn dashboard() -> Router {
    Router::new().fallback(any(tell))
}

async fn tell(request: Request) -> Json<Value> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await.ok().map(|caller| caller.0);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned()))
        .collect();
    Json(json!({
        "uri": parts.uri.to_string(),
        "headers": headers,
        "caller": caller,
        "body": String::from_utf8_lossy(&body),
    }))
}

async fn one(Path(agent): Path<String>, socket: Option<Extension<Outside>>) -> Json<Value> {
    Json(json!({"agent": agent, "outside": socket.is_some()}))
}

/// What a router around the gateway knows of a request.
#[derive(Clone)]
pub(crate) struct Outside;

async fn make(State(calls): State<Arc<Calls>>, _: Caller, Json(wanted): Json<Make>) -> ApiResult<Response> {
    let made = calls.made.fetch_add(1, Ordering::SeqCst) + 1;
    let headers = [("location", "/v1/agents/x"), ("etag", "\"1\""), ("x-other", "y")];
    match wanted.outcome.as_deref() {
        Some("wait") => {
            calls.be_slow().await;
            Ok((StatusCode::CREATED, headers, Json(json!({"made": made, "name": wanted.name}))).into_response())
        }
        Some("500") => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Some("409") => Ok((StatusCode::CONFLICT, Json(json!({"code": "agent_name_taken"}))).into_response()),
        _ => Ok((StatusCode::CREATED, headers, Json(json!({"made": made, "name": wanted.name}))).into_response()),
    }
}

async fn fail() -> Response {
    panic!("the secret is hunter2");
}

async fn wait(State(calls): State<Arc<Calls>>) -> StatusCode {
    calls.be_slow().await;
    StatusCode::NO_CONTENT
}

/// One piece, then another when it is told to.
async fn stream(State(calls): State<Arc<Calls>>) -> Response {
    let pieces = futures::stream::unfold(0, move |n| {
        let calls = Arc::clone(&calls);
        async move {
            match n {
                0 => Some((Ok::<_, Infallible>(Bytes::from_static(b"data: one\n\n")), 1)),
                1 => {
                    calls.be_slow().await;
                    Some((Ok(Bytes::from_static(b"data: two\n\n")), 2))
                }
                _ => None,
            }
        }
    });
    ([("content-type", "text/event-stream")], Body::from_stream(pieces)).into_response()
}

async fn leak() -> (HeaderMap, &'static str) {
    let mut headers = HeaderMap::new();
    headers.insert("moltforge-session", "stolen".parse().unwrap_or_else(|_| unreachable!()));
    headers.insert("moltforge-debug", "1".parse().unwrap_or_else(|_| unreachable!()));
    headers.insert("connection", "close".parse().unwrap_or_else(|_| unreachable!()));
    (headers, "x")
}
