//! What the gateway costs: the same handler behind bare axum and behind the whole gateway, in one run.
//!
//! `cargo run --release -p moltforge-gateway --example overhead [-- SECONDS]`. Both servers listen on loopback in this
//! process; 64 clients in a closed loop over kept-alive connections, in a runtime of their own. The two are measured in
//! turns, and the medians of the turns are compared, so that a busy machine is busy for both. Everything is on: key from
//! a real SQLite store, rate limit, strict body, signed caller and its check, JSON access log (written to nowhere).

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program prints, and stops when it cannot")]

#[path = "overhead/load.rs"]
mod load;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use load::{Figures, run};
use moltforge_accounts::{bootstrap, new_key_secret};
use moltforge_gateway::{Gateway, GatewayConfig, RateConfig, Upstream};
use moltforge_http::caller::verify_layer;
use moltforge_http::{CallerKeys, Json};
use moltforge_store::{Location, Store};
use moltforge_types::Ambient;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measurements of each side; the medians count.
const TURNS: usize = 5;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    agent: String,
    input: serde_json::Value,
}

fn handler() -> Router {
    Router::new()
        .route("/v1/bench", get(|| async { Json(Order { agent: "hello".to_owned(), input: serde_json::Value::Null }) }))
        .route("/v1/bench", post(|Json(order): Json<Order>| async { Json(order) }))
}

fn main() {
    let seconds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(2);
    let log = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    tracing::subscriber::set_global_default(log).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (bare, gated, secret) = server.block_on(async {
        let (gateway, secret) = gateway(folder.path()).await;
        (listen(handler()).await, listen(gateway).await, secret)
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("the gateway against bare axum, {cores} cores, medians of {TURNS} turns of {seconds} s each");
    println!(
        "{:22}{:>10}{:>10}{:>8}{:>10}{:>10}{:>12}{:>19}",
        "", "bare/s", "gated/s", "ratio", "p99 bare", "p99 gated", "added p99", "CPU us per request"
    );
    for (name, clients, request) in [
        ("GET, 64 clients", 64, get_request(&secret)),
        ("POST 200 B, 64 clients", 64, post_request(&secret)),
        ("GET, 1 client", 1, get_request(&secret)),
        ("POST 200 B, 1 client", 1, post_request(&secret)),
    ] {
        let length = Duration::from_secs(seconds);
        let (mut bares, mut gateds) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            bares.push(client.block_on(run(bare, clients, &request, length)));
            gateds.push(client.block_on(run(gated, clients, &request, length)));
        }
        report(name, &median(bares), &median(gateds));
    }
}

async fn gateway(folder: &std::path::Path) -> (Router, String) {
    let ambient = Ambient::system();
    let store = Store::open(Location::Sqlite(folder.to_path_buf()), ambient.clone()).await.unwrap();
    let secret = new_key_secret(&ambient);
    bootstrap(&store, Some(&secret)).await.unwrap();
    let keys = CallerKeys::generate(ambient.clone());
    let behind = |router: Router| Upstream::local(router.layer(verify_layer(keys.clone(), "bench", ambient.clone())));
    // the limit counts and does not bite
    let rate = RateConfig { requests_per_second: 1_000_000, burst: 1_000_000, ..RateConfig::default() };
    let config = GatewayConfig { rate, ..GatewayConfig::default() };
    let gateway = Gateway::builder(config, store, keys.clone()).route("/v1/bench", "bench", behind(handler()));
    (gateway.build().unwrap().router(behind(Router::new())), secret.expose().to_owned())
}

async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn get_request(secret: &str) -> String {
    format!("GET /v1/bench HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {secret}\r\n\r\n")
}

fn post_request(secret: &str) -> String {
    let body = format!(r#"{{"agent":"hello","input":{{"text":"{}"}}}}"#, "x".repeat(160));
    let length = body.len();
    format!(
        "POST /v1/bench HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The turn in the middle, by requests per second.
fn median(mut turns: Vec<Figures>) -> Figures {
    turns.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    turns.swap_remove(turns.len() / 2)
}

fn report(name: &str, bare: &Figures, gated: &Figures) {
    let ratio = gated.per_second / bare.per_second * 100.0;
    let added = gated.p99_ms - bare.p99_ms;
    println!(
        "{name:22}{:>10.0}{:>10.0}{ratio:>7.0}%{:>7.2} ms{:>7.2} ms{added:>9.2} ms{:>10.1} ->{:>6.1}",
        bare.per_second, gated.per_second, bare.p99_ms, gated.p99_ms, bare.cpu_per_request, gated.cpu_per_request
    );
}
