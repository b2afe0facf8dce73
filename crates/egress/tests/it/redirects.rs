//! Redirects: which are followed, with what method, body and headers.

use http::{HeaderMap, HeaderValue, Method};
use moltforge_egress::Request;
use moltforge_types::Fault as _;

use crate::server::{Answer, Received, Server, ok, redirect};
use crate::world::local;

fn post(url: String) -> Request {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer key"),
        ("cookie", "session=1"),
        ("idempotency-key", "once"),
        ("x-api-key", "key"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Request { headers, body: b"{\"a\":1}"[..].into(), ..Request::new(Method::POST, url) }
}

fn seen(request: &Received, name: &str) -> bool {
    request.headers.contains_key(name)
}

#[tokio::test]
async fn methods_follow_rfc_9110() {
    let server = Server::start(|request| match request.path.strip_prefix("/go/") {
        Some(status) => Answer::Bytes(redirect(status.parse().unwrap(), "/there")),
        None => Answer::Bytes(ok(b"there")),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    let cases = [
        (Method::POST, 301, "GET"),
        (Method::POST, 302, "GET"),
        (Method::POST, 303, "GET"),
        (Method::POST, 307, "POST"),
        (Method::POST, 308, "POST"),
        (Method::PUT, 301, "PUT"),
        (Method::PUT, 302, "PUT"),
        (Method::PUT, 303, "GET"),
        (Method::DELETE, 307, "DELETE"),
        (Method::HEAD, 303, "HEAD"),
        (Method::GET, 308, "GET"),
    ];
    for (method, status, then) in cases {
        let mut request = post(server.url(&format!("/go/{status}")));
        request.method = method.clone();
        egress.send(request, &grant).await.unwrap();
        let last = server.received().pop().unwrap();
        assert_eq!((last.path.as_str(), last.method.as_str()), ("/there", then), "{method} {status}");
        let kept = then == method.as_str();
        assert_eq!((!last.body.is_empty(), seen(&last, "content-type")), (kept, kept), "{method} {status}");
        // the same origin may see who asks
        assert!(seen(&last, "authorization") && seen(&last, "idempotency-key"), "{method} {status}");
    }
}

#[tokio::test]
async fn another_origin_sees_no_credentials() {
    let other = Server::start(|_| Answer::Bytes(ok(b"other"))).await;
    let there = other.url("/");
    let server = Server::start(move |_| Answer::Bytes(redirect(307, &there))).await;
    let (egress, grant) = local(&[server.address.to_string(), other.address.to_string()]);
    let response = egress.send(post(server.url("/")), &grant).await.unwrap();
    assert_eq!(response.url, other.url("/"));
    let last = other.received().pop().unwrap();
    assert_eq!(last.body, b"{\"a\":1}");
    for gone in ["authorization", "cookie", "idempotency-key", "x-api-key", "referer"] {
        assert!(!seen(&last, gone), "{gone}");
    }
    assert!(seen(&last, "content-type") && seen(&last, "accept"));
    assert!(seen(&server.received()[0], "authorization"));
}

#[tokio::test]
async fn five_are_followed_and_a_location_is_needed() {
    let server = Server::start(|request| match request.path[1..].parse::<u32>() {
        Ok(0) => Answer::Bytes(ok(b"end")),
        Ok(left) => Answer::Bytes(redirect(302, &format!("/{}", left - 1))),
        Err(_) => Answer::Bytes(crate::server::with_headers("302 Found", "", b"no location")),
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    let get = |path: &str| Request::new(Method::GET, server.url(path));
    assert_eq!(&egress.send(get("/5"), &grant).await.unwrap().body[..], b"end");
    assert_eq!(egress.send(get("/6"), &grant).await.unwrap_err().code(), "redirect_limit");
    assert_eq!(egress.send(get("/none"), &grant).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_failure_behind_a_redirect_tells_whether_the_request_was_acted_upon() {
    let server = Server::start(|request| {
        let status = request.path[1..].parse().unwrap();
        Answer::Bytes(redirect(status, "http://127.0.0.1:1/"))
    })
    .await;
    let (egress, grant) = local(&[server.address.to_string()]);
    // 303 says: done, look over there. 307 says: not here
    for (status, unknown) in [(303, true), (302, true), (307, false), (308, false)] {
        let error = egress.send(post(server.url(&format!("/{status}"))), &grant).await.unwrap_err();
        assert_eq!((error.code(), error.outcome_unknown()), ("host_not_granted", unknown), "{status}");
    }
}
