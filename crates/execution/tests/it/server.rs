//! A tool server on loopback that counts what it is asked, by path and by idempotency key.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub(crate) struct Server {
    calls: Arc<Mutex<HashMap<String, u32>>>,
    address: Option<SocketAddr>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = Some(listener.local_addr().expect("an address"));
        let server = Self { address, ..Self::default() };
        let router = Router::new().route("/{tool}", any(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("started")
    }

    /// How often a call with this key arrived.
    pub(crate) fn calls_of(&self, key: &str) -> u32 {
        self.calls.lock().expect("not poisoned").get(key).copied().unwrap_or(0)
    }
}

async fn answer(State(server): State<Server>, Path(tool): Path<String>, headers: HeaderMap) -> Json<Value> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none").to_owned();
    *server.calls.lock().expect("not poisoned").entry(key).or_default() += 1;
    Json(json!({ "tool": tool }))
}
