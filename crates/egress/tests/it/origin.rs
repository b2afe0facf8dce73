//! Clients bound to one origin.

use http::Method;
use moltforge_egress::Egress;

use crate::server::{Answer, Server, ok, redirect};
use crate::world::{Names, config};

#[tokio::test]
async fn a_bound_client_reaches_its_origin_and_nothing_else() {
    let other = Server::start(|_| Answer::Bytes(ok(b"other"))).await;
    let there = other.url("/");
    let server = Server::start(move |request| match request.path.as_str() {
        "/v1/redirect" => Answer::Bytes(redirect(307, &there)),
        _ => Answer::Bytes(ok(b"mine")),
    })
    .await;
    let client = Egress::new(config(&[], &[])).client_for_origin(&server.url("/v1")).unwrap();
    assert_eq!(client.base().as_str(), server.url("/v1/"));
    let get = |path: &str| client.request(Method::GET, path);
    assert_eq!(get("models").unwrap().send().await.unwrap().text().await.unwrap(), "mine");
    assert_eq!(server.received()[0].path, "/v1/models");
    // a redirect is an answer, not an instruction
    assert_eq!(get("redirect").unwrap().send().await.unwrap().status(), 307);
    for elsewhere in [other.url("/"), "//127.0.0.2/".to_owned(), "https://example.com".to_owned()] {
        assert!(get(&elsewhere).is_err(), "{elsewhere}");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn its_name_never_leads_to_moltforge_itself() {
    let server = Server::start(|_| Answer::Bytes(ok(b"own"))).await;
    let mut config = config(&[], &[]);
    config.own_ports = vec![server.port()];
    let egress = Egress::with_resolver(config, Names::new(&[("models.test", &["127.0.0.1"])]));
    let client = egress.client_for_origin(&format!("http://models.test:{}/", server.port())).unwrap();
    assert!(client.request(Method::GET, "").unwrap().send().await.unwrap_err().is_connect());
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_base_url_is_a_plain_url() {
    let egress = Egress::new(config(&[], &[]));
    for bad in ["", "ftp://a.test", "http://user@a.test/", "http://a.test/?q", "models"] {
        assert!(egress.client_for_origin(bad).is_err(), "{bad}");
    }
}
