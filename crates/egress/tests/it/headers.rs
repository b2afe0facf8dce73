//! What is sent besides what the caller asked for, and what callers may not send.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use moltforge_egress::Request;
use moltforge_types::Fault as _;

use crate::server::{Answer, Server, ok};
use crate::world::local;

#[tokio::test]
async fn headers_of_the_transport_are_not_the_callers() {
    let server = Server::start(|_| Answer::Bytes(ok(b""))).await;
    let (egress, grant) = local(&[server.address.to_string()]);
    for name in ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "keep-alive"] {
        let mut request = Request::new(Method::POST, server.url("/"));
        request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        assert_eq!(egress.send(request, &grant).await.unwrap_err().code(), "header_not_allowed", "{name}");
    }
    let mut many = HeaderMap::new();
    for index in 0..65 {
        many.insert(HeaderName::try_from(format!("x-{index}")).unwrap(), HeaderValue::from_static("1"));
    }
    let request = Request { headers: many, ..Request::new(Method::GET, server.url("/")) };
    assert_eq!(egress.send(request, &grant).await.unwrap_err().code(), "header_not_allowed");
    let request = Request::new(Method::CONNECT, server.url("/"));
    assert_eq!(egress.send(request, &grant).await.unwrap_err().code(), "method_not_allowed_outbound");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::start(|_| Answer::Bytes(ok(b""))).await;
    let (egress, grant) = local(&[server.address.to_string()]);
    let mut request = Request::new(Method::PATCH, server.url("/a%20b?q=1#fragment"));
    request.headers.insert("x-custom", HeaderValue::from_static("yes"));
    request.body = b"body"[..].into();
    egress.send(request, &grant).await.unwrap();
    let received = server.received().pop().unwrap();
    assert_eq!((received.method.as_str(), received.path.as_str()), ("PATCH", "/a%20b?q=1"));
    assert_eq!((received.headers["x-custom"].as_str(), received.body.as_slice()), ("yes", &b"body"[..]));
    assert!(received.headers["user-agent"].starts_with("MoltForge/"));
}
