//! Bodies that no service should see, and what comes back for them.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::future::join_all;
use futures::stream;
use serde_json::json;

use crate::world::world;

#[tokio::test]
async fn every_bad_body_has_its_own_error() {
    let world = world().await;
    let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for (body, expected) in [
        (r#"{"name":"a"}"#.to_owned(), (201, "")),
        (String::new(), (400, "body_malformed")),
        ("{".to_owned(), (400, "body_malformed")),
        (r#"{"name":"a"}{"#.to_owned(), (400, "body_malformed")),
        ("\0".to_owned(), (400, "body_malformed")),
        (deep, (422, "body_too_deep")),
        (r#"{"name":"a\u0000"}"#.to_owned(), (422, "text_has_nul")),
        (r#"{"name":"a","more":1}"#.to_owned(), (422, "body_invalid")),
        (r#"{"name":"a","name":"b"}"#.to_owned(), (422, "body_invalid")),
        (r#"{"name":7}"#.to_owned(), (422, "body_invalid")),
        ("[]".to_owned(), (422, "body_invalid")),
        (" ".repeat(1024 * 1024 + 1), (413, "body_too_large")),
    ] {
        let shown: String = body.chars().take(40).collect();
        let answer = world.with_key("POST", "/v1/agents").raw(body).send().await;
        assert_eq!(answer.refusal(), expected, "{shown}");
        if expected.0 >= 400 {
            assert_eq!(answer.body["request_id"], answer.header("x-request-id"), "{shown}");
        }
    }
    let announced = world.with_key("POST", "/v1/agents").raw("{}").header("content-length", "99999999");
    assert_eq!(announced.send().await.refusal(), (413, "body_too_large"));
}

#[tokio::test]
async fn wrong_ids_have_their_own_errors() {
    let world = world().await;
    for (path, expected) in [
        ("/v1/keys/key_00000000000000000000000001", (404, "key_not_found")),
        ("/v1/keys/agt_00000000000000000000000001", (400, "path_invalid")),
        ("/v1/keys/1", (400, "path_invalid")),
        ("/v1/keys/key_%00", (422, "text_has_nul")),
        ("/v1/keys/..%2f..%2fetc", (400, "path_invalid")),
        ("/v1/keys?limit=1&limit=2", (400, "query_invalid")),
        ("/v1/keys?page=1", (400, "query_invalid")),
    ] {
        assert_eq!(world.with_key("GET", path).send().await.refusal(), expected, "{path}");
    }
    let form = world.with_key("POST", "/v1/keys").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send().await.refusal(), (415, "media_type_unsupported"));
    let pointed =
        world.with_key("POST", "/v1/keys").json(&json!({"name": "a", "scopes": ["keys:read", 7]})).send().await;
    assert_eq!(pointed.body["errors"][0]["pointer"], "/scopes/1");
}

#[tokio::test]
async fn a_project_that_uploads_slowly_keeps_no_other_from_it() {
    let world = world().await;
    let path = format!("/v1/bundles/{}", "a".repeat(64));
    let never = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let mut slow = Box::pin(join_all((0..20).map(|_| world.with_key("PUT", &path).raw(never()).send())));
    let soon = Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, &mut slow).await.is_err(), "they hold what they may");
    let stranger = world.stranger().await;
    let other = world.ask("PUT", &path).bearer(&stranger).json(&json!({})).send();
    let answer = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::select! { _ = slow => panic!("nothing came"), answer = other => answer }
    });
    // the service behind has no bundles: it was asked
    assert_eq!(answer.await.expect("it waits for another project").status, 404);
}
