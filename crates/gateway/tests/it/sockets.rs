//! Over real sockets: streams, raw bytes, and a whole server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{World, world};

async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = world.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// What comes back for some bytes, up to `until` or to the end.
async fn raw(address: SocketAddr, bytes: &str, until: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    read(&mut socket, until).await
}

async fn read(socket: &mut TcpStream, until: &str) -> String {
    let mut got = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        loop {
            let n = socket.read(&mut buffer).await.unwrap_or(0);
            got.extend_from_slice(&buffer[..n]);
            if n == 0 || String::from_utf8_lossy(&got).contains(until) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap();
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn a_stream_flows_while_it_is_written() {
    let world = world().await;
    let address = serve(&world).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v1/agents/a/stream HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
        world.secret
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let first = read(&mut socket, "data: one").await;
    assert!(first.starts_with("HTTP/1.1 200") && first.contains("text/event-stream"), "{first}");
    world.calls.has_started().await;
    assert!(!first.contains("data: two"));
    world.calls.let_one_go_on();
    assert!(read(&mut socket, "data: two").await.contains("data: two"));
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let world = world().await;
    let address = serve(&world).await;
    let key = &world.secret;
    let many = "x-many: 1\r\n".repeat(200);
    let large = format!("x-large: {}\r\n", "y".repeat(20_000));
    for (request, expected) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(), "421"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "421"),
        (format!("GET / HTTP/1.1\r\nhost: {address}\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: {address}\r\n{large}\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: {address}\r\n\r\n", "y".repeat(10_000)), "414"),
        (format!("GET /v1/agents HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer \u{e9}\r\n\r\n"), "401"),
        (
            format!(
                "POST /v1/agents HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
                 content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "4",
        ),
        (
            format!(
                "POST /v1/agents HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
            ),
            "400",
        ),
    ] {
        let answer = raw(address, &request, "\r\n\r\n").await;
        let shown: String = request.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{shown:?}: {answer}");
    }
    let good = format!("GET /v1/agents HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n");
    assert!(raw(address, &good, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_sockets_address_is_the_client() {
    let world = world().await;
    let address = serve(&world).await;
    let request =
        format!("GET /who HTTP/1.1\r\nhost: {address}\r\nx-forwarded-for: 6.6.6.6\r\nconnection: close\r\n\r\n");
    let answer = raw(address, &request, "no such text").await;
    assert!(answer.contains(r#"["x-forwarded-for","127.0.0.1"]"#), "{answer}");
}
