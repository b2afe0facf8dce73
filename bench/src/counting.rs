//! A tool server that counts: it lives in the harness, so it remembers every request across all deaths of the server.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::chance::Chance;
use crate::model::tokio_nodelay;

/// What came for one call of one run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Requests.
    pub requests: u64,
    /// The different idempotency keys that they carried. An effect happens once per key.
    pub keys: BTreeSet<String>,
    /// When the latest came.
    pub latest: Option<Instant>,
}

/// The counts, by run and the call's number.
pub(crate) struct Counting {
    slowest: u64,
    chance: Chance,
    keyed: Mutex<HashMap<(String, u64), Seen>>,
    once: Mutex<HashMap<(String, u64), Seen>>,
}

impl Counting {
    /// A server whose answers take up to `slowest` milliseconds.
    pub(crate) fn new(slowest: u64, seed: u64) -> Self {
        Self { slowest, chance: Chance::new(seed), keyed: Mutex::default(), once: Mutex::default() }
    }

    /// What the keyed tool saw.
    pub(crate) fn keyed(&self) -> HashMap<(String, u64), Seen> {
        self.keyed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the tool saw that must not be repeated.
    pub(crate) fn once(&self) -> HashMap<(String, u64), Seen> {
        self.once.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves on a free port.
    pub(crate) async fn spawn(self: Arc<Self>) -> Result<std::net::SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the counting server's port")?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/keyed", post(keyed)).route("/once", post(once)).with_state(self);
        tokio::spawn(async move {
            let _ = axum::serve(tokio_nodelay(listener), router).await;
        });
        Ok(address)
    }

    async fn answer(
        &self,
        table: &Mutex<HashMap<(String, u64), Seen>>,
        headers: &HeaderMap,
        body: &Value,
    ) -> Json<Value> {
        let run = body["run"].as_str().unwrap_or_default().to_owned();
        let n = body["n"].as_u64().unwrap_or(u64::MAX);
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
        let effects = {
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = table.entry((run, n)).or_default();
            seen.requests += 1;
            seen.latest = Some(Instant::now());
            seen.keys.insert(key.to_owned());
            seen.keys.len()
        };
        // the effect has happened; the answer may come too late for a server that dies now
        if self.slowest > 0 {
            tokio::time::sleep(self.chance.millis(0, self.slowest)).await;
        }
        Json(json!({ "effects": effects }))
    }
}

async fn keyed(State(counting): State<Arc<Counting>>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    counting.answer(&counting.keyed, &headers, &body).await
}

async fn once(State(counting): State<Arc<Counting>>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    counting.answer(&counting.once, &headers, &body).await
}
