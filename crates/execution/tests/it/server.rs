//! A tool server on loopback that counts what it is asked, by path and by idempotency key.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub(crate) struct Server {
    calls: Arc<Mutex<HashMap<String, u32>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
    /// How often the flaky model was asked, by conversation.
    failures: Arc<Mutex<HashMap<String, u32>>>,
    /// Calls of each tool at this moment, and the most that there ever were.
    at_once: Arc<Mutex<HashMap<String, (u32, u32)>>>,
    address: Option<SocketAddr>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = Some(listener.local_addr().expect("an address"));
        let server = Self { address, ..Self::default() };
        let router = Router::new().route("/{tool}", any(answer)).route("/v1/chat/completions", post(reply));
        let router = router.route("/probe/{key}", any(probe)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("started")
    }

    /// Calls of a tool at this moment, and the most that there ever were at a time.
    pub(crate) fn at_once(&self, tool: &str) -> (u32, u32) {
        self.at_once.lock().expect("not poisoned").get(tool).copied().unwrap_or_default()
    }

    /// What arrived, JSON, in order.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().expect("not poisoned").clone()
    }

    /// How many calls arrived.
    pub(crate) fn total(&self) -> u32 {
        self.calls.lock().expect("not poisoned").values().sum()
    }

    /// How often a call with this key arrived.
    pub(crate) fn calls_of(&self, key: &str) -> u32 {
        self.calls.lock().expect("not poisoned").get(key).copied().unwrap_or(0)
    }
}

/// One call at work; it counts until its handler is dropped.
struct AtWork(Server, String);

impl AtWork {
    fn begin(server: &Server, tool: &str) -> Self {
        let mut at_once = server.at_once.lock().expect("not poisoned");
        let (now, most) = at_once.entry(tool.to_owned()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Self(server.clone(), tool.to_owned())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some((now, _)) = self.0.at_once.lock().expect("not poisoned").get_mut(&self.1) {
            *now -= 1;
        }
    }
}

/// A model that always says the same, and takes its time. The model `flaky` is not there for the first two calls with the
/// same conversation.
async fn reply(State(server): State<Server>, Json(request): Json<Value>) -> Response {
    let _at_work = AtWork::begin(&server, "model");
    if request["model"] == "flaky" {
        let mut failures = server.failures.lock().expect("not poisoned");
        let count = failures.entry(request["messages"].to_string()).or_default();
        *count += 1;
        if *count <= 2 {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    // a real wait: the other side takes its time
    tokio::time::sleep(Duration::from_millis(30)).await;
    let message = json!({ "role": "assistant", "content": "done" });
    Json(json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
                 "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } }))
    .into_response()
}

/// Tools whose name begins with `slow` take their time, those that begin with `hang` as good as never end; `lost...`
/// arrives and its answer does not; `void...` never arrives.
async fn answer(State(server): State<Server>, Path(tool): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let _at_work = AtWork::begin(&server, &tool);
    if tool.starts_with("slow") {
        // a real wait: the other side takes its time
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    if tool.starts_with("hang") {
        // a real wait: the other side takes its time
        tokio::time::sleep(Duration::from_mins(2)).await;
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none").to_owned();
    if tool.starts_with("void") {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    *server.calls.lock().expect("not poisoned").entry(key).or_default() += 1;
    server.bodies.lock().expect("not poisoned").push(serde_json::from_slice(&body).unwrap_or_default());
    if tool.starts_with("lost") {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    Json(json!({ "tool": tool })).into_response()
}

/// Whether a call with this key arrived.
async fn probe(State(server): State<Server>, Path(key): Path<String>) -> Response {
    match server.calls_of(&key) {
        0 => StatusCode::NOT_FOUND.into_response(),
        calls => Json(json!({ "calls": calls })).into_response(),
    }
}
