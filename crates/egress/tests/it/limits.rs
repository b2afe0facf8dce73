//! Sizes, times and broken connections.

use std::time::Duration;

use http::Method;
use moltforge_egress::{Egress, Request};
use moltforge_types::Fault as _;

use crate::server::{Answer, Server, ok, with_headers};
use crate::world::{config, grant, local};

const BOMB: &[u8] = include_bytes!("zeros-16m.gz");

#[tokio::test]
async fn bodies_are_limited_after_decompression() {
    let server = Server::start(|request| match request.path.as_str() {
        "/bomb" => Answer::Bytes(with_headers("200 OK", "content-encoding: gzip\r\n", BOMB)),
        "/exact" => Answer::Bytes(ok(&[b'x'; 1000])),
        "/announced" => Answer::Close(b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".to_vec()),
        // no length: as long as it pleases
        _ => Answer::Close([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 5000]].concat()),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    let get = |path: &str, limit: usize| {
        let request = Request { max_response_bytes: limit, ..Request::new(Method::GET, server.url(path)) };
        egress.send(request, &grant)
    };
    assert_eq!(get("/exact", 1000).await.unwrap().body.len(), 1000);
    for (path, limit) in
        [("/exact", 999), ("/announced", 1000), ("/endless", 1000), ("/bomb", 1 << 20), ("/bomb", (16 << 20) - 1)]
    {
        assert_eq!(get(path, limit).await.unwrap_err().code(), "response_too_large", "{path} {limit}");
    }
    assert_eq!(get("/bomb", 16 << 20).await.unwrap().body.len(), 16 << 20);
}

#[tokio::test]
async fn response_headers_are_limited() {
    let server = Server::start(|request| match request.path.as_str() {
        "/many" => Answer::Bytes(with_headers("200 OK", &"a: b\r\n".repeat(101), b"")),
        _ => Answer::Bytes(with_headers("200 OK", &format!("a: {}\r\n", "x".repeat(70_000)), b"")),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    assert_eq!(
        egress.send(Request::new(Method::GET, server.url("/many")), &grant).await.unwrap_err().code(),
        "response_cut"
    );
    let error = egress.send(Request::new(Method::GET, server.url("/long")), &grant).await.unwrap_err();
    assert_eq!(error.code(), "response_too_large");
}

#[tokio::test]
async fn time_is_limited_and_the_outcome_unknown() {
    let server = Server::start(|request| match request.path.as_str() {
        "/head" => Answer::Silence,
        _ => Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome".to_vec()),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    for path in ["/head", "/body"] {
        let request = Request { timeout: Duration::from_millis(100), ..Request::new(Method::POST, server.url(path)) };
        let error = egress.send(request, &grant).await.unwrap_err();
        assert_eq!((error.code(), error.outcome_unknown()), ("egress_timeout", true), "{path}");
    }
}

#[tokio::test]
async fn a_broken_connection_leaves_the_outcome_unknown() {
    let server = Server::start(|request| match request.path.as_str() {
        "/nothing" => Answer::Close(Vec::new()),
        "/head" => Answer::Close(b"HTTP/1.1 200 OK\r\nconte".to_vec()),
        "/nonsense" => Answer::Close(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
        _ => Answer::Close(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    for path in ["/nothing", "/head", "/nonsense", "/body"] {
        let error = egress.send(Request::new(Method::POST, server.url(path)), &grant).await.unwrap_err();
        assert_eq!((error.code(), error.outcome_unknown()), ("response_cut", true), "{path}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    // bound and closed: nobody listens there now
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(|_| Answer::Close(b"not tls".to_vec())).await;
    let closed = format!("127.0.0.1:{port}");
    let plain = server.address.to_string();
    let hosts = [closed.as_str(), plain.as_str(), "nowhere.invalid"];
    let egress = Egress::with_resolver(config(&hosts, &[&closed, &plain]), crate::world::Names::new(&[]));
    for url in [format!("http://{closed}/"), format!("https://{plain}/"), "http://nowhere.invalid/".to_owned()] {
        let error = egress.send(Request::new(Method::POST, &url), &grant(&hosts)).await.unwrap_err();
        assert_eq!((error.code(), error.outcome_unknown()), ("connect_failed", false), "{url}: {error}");
    }
}
