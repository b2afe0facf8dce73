//! What crosses the gateway's line, and what does not.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use moltforge_http::CallerKeys;
use moltforge_http::caller::{Message, body_hash};
use serde_json::json;

use crate::service::Outside;
use crate::world::{send, world};

#[tokio::test]
async fn a_forged_caller_from_outside_is_dropped() {
    let world = world().await;
    // signed well, by somebody else
    let foreign = CallerKeys::new(&[7; 32], None, world.store.ambient());
    let (method, uri) = ("GET".parse().unwrap(), "/v1/agents".parse().unwrap());
    let message = Message { audience: "agents", method: &method, uri: &uri, body_hash: &body_hash(b"") };
    let forged = foreign.sign(&message, Some(&world.owner));
    let stranger = world.stranger().await;
    for forged in [forged.to_str().unwrap(), r#"{"project_id":"prj_x"}"#] {
        let answer = world.ask("GET", "/v1/agents").header("moltforge-caller", forged).send().await;
        assert_eq!(answer.refusal(), (401, "credentials_missing"));
        let answer = world.ask("GET", "/v1/agents").bearer(&stranger).header("moltforge-caller", forged).send().await;
        assert_eq!(answer.status, 200);
        assert_ne!(answer.body["caller"]["project_id"], world.owner.project_id.to_string());
        let page = world.ask("GET", "/").header("moltforge-caller", forged).send().await;
        assert!(page.body["caller"].is_null());
    }
}

#[tokio::test]
async fn a_service_gets_the_message_and_nothing_of_the_way() {
    let world = world().await;
    let answer = world
        .with_key("GET", "/v1/agents?x=1")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "6.6.6.6")
        .header("forwarded", "for=6.6.6.6")
        .header("moltforge-project", "prj_x")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("accept", "text/event-stream")
        .header("last-event-id", "7")
        .send()
        .await;
    assert_eq!(answer.body["uri"], "/v1/agents?x=1");
    for gone in ["authorization", "cookie", "forwarded", "moltforge-project", "connection", "x-hop", "moltforge-caller"]
    {
        assert_eq!(answer.got(gone), None, "{gone}");
    }
    assert_eq!(answer.got("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!(answer.got("accept"), Some("text/event-stream"));
    assert_eq!(answer.got("last-event-id"), Some("7"));
    assert_eq!(answer.got("x-request-id"), Some(answer.header("x-request-id")));
}

#[tokio::test]
async fn nothing_internal_leaves() {
    let world = world().await;
    let answer = world.with_key("GET", "/v1/agents/a/leak").send().await;
    assert_eq!(answer.status, 200);
    for gone in ["moltforge-session", "moltforge-debug", "connection", "set-cookie"] {
        assert!(answer.headers.get(gone).is_none(), "{gone}");
    }
}

/// axum keeps captured path parameters in the request's extensions; they must not reach a router behind.
#[tokio::test]
async fn path_parameters_of_a_router_around_do_not_leak() {
    let world = world().await;
    let mark = from_fn(|mut request: Request, next: Next| async {
        request.extensions_mut().insert(Outside);
        next.run(request).await
    });
    let around = Router::new().nest("/around/{place}", world.router.clone()).layer(mark);
    let answer = send(&around, world.with_key("GET", "/around/x/v1/agents/hello").into_request()).await;
    assert_eq!((answer.status, answer.body), (200, json!({"agent": "hello", "outside": false})));
}

#[tokio::test]
async fn a_signature_for_another_service_opens_nothing() {
    let world = world().await;
    let answer = world.with_key("GET", "/v1/mistaken").send().await;
    assert_eq!(answer.refusal(), (401, "caller_invalid"));
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_is_sane() {
    let world = world().await;
    let answer = world.with_key("GET", "/v1/agents").header("x-request-id", "my-id.7").send().await;
    assert_eq!(answer.header("x-request-id"), "my-id.7");
    assert_eq!(answer.got("x-request-id"), Some("my-id.7"));
    for odd in ["", "a b", "a\"b", &"x".repeat(200)] {
        let answer = world.with_key("GET", "/v1/agents").header("x-request-id", odd).send().await;
        assert!(answer.header("x-request-id").starts_with("req_"), "{odd}");
        assert_eq!(answer.got("x-request-id"), Some(answer.header("x-request-id")));
    }
}

#[tokio::test]
async fn every_answer_makes_a_browser_careful() {
    let world = world().await;
    let asks = [world.with_key("GET", "/v1/agents"), world.ask("GET", "/v1/agents"), world.ask("GET", "/")];
    for ask in asks {
        let answer = ask.send().await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_without_its_words() {
    let world = world().await;
    let answer = world.with_key("GET", "/v1/agents/a/panic").send().await;
    assert_eq!(answer.refusal(), (500, "internal"));
    assert!(!answer.text.contains("hunter2"));
    assert_eq!(world.with_key("GET", "/v1/agents").send().await.status, 200, "and the next request is served");
}
