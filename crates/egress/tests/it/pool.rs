//! Connections are kept, and not shared between grants.

use http::Method;
use moltforge_egress::{Egress, Grant, Request};
use moltforge_types::{Id as _, ProjectId};

use crate::server::{Answer, Server, ok};
use crate::world::{config, grant};

#[tokio::test]
async fn one_connection_serves_one_agent_after_another_request() {
    let server = Server::start(|_| Answer::Bytes(ok(b"hello"))).await;
    let host = server.address.to_string();
    let egress = Egress::new(config(&[], &[&host]));
    let mine = grant(&[&host]);
    for _ in 0..20 {
        egress.send(Request::new(Method::GET, server.url("/")), &mine).await.unwrap();
    }
    assert_eq!((server.connections(), server.received().len()), (1, 20));
    // the same request again, as another value, is the same grant
    egress.send(Request::new(Method::GET, server.url("/")), &grant(&[&host])).await.unwrap();
    assert_eq!(server.connections(), 1);
    // another project, or another request, is not
    let theirs = Grant::new(ProjectId::from_u128(2), [host.parse().unwrap()]);
    egress.send(Request::new(Method::GET, server.url("/")), &theirs).await.unwrap();
    assert_eq!(server.connections(), 2);
    egress.send(Request::new(Method::GET, server.url("/")), &grant(&[&host, "example.com"])).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn the_pool_is_bounded_and_forgets_the_oldest() {
    let server = Server::start(|_| Answer::Bytes(ok(b"hello"))).await;
    let host = server.address.to_string();
    let egress = Egress::new(config(&[], &[&host]));
    let project = |n: u128| Grant::new(ProjectId::from_u128(n), [host.parse().unwrap()]);
    for n in 0..513 {
        egress.send(Request::new(Method::GET, server.url("/")), &project(n)).await.unwrap();
    }
    assert_eq!(server.connections(), 513);
    egress.send(Request::new(Method::GET, server.url("/")), &project(512)).await.unwrap();
    assert_eq!(server.connections(), 513, "the newest is kept");
    egress.send(Request::new(Method::GET, server.url("/")), &project(0)).await.unwrap();
    assert_eq!(server.connections(), 514, "the oldest was dropped");
}
