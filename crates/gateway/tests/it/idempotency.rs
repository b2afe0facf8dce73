//! `Idempotency-Key`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, World, world};

async fn make(world: &World, key: &str, body: &Value) -> Answer {
    world.with_key("POST", "/v1/agents").header("idempotency-key", key).json(body).send().await
}

fn made(world: &World) -> u32 {
    world.calls.made.load(Ordering::SeqCst)
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let world = world().await;
    let body = json!({"name": "a"});
    let first = make(&world, "k", &body).await;
    assert_eq!((first.status, &first.body["made"]), (201, &json!(1)));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = make(&world, "k", &body).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    for kept in ["location", "etag", "content-type"] {
        assert_eq!(again.header(kept), first.header(kept), "{kept}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(made(&world), 1);
    assert_eq!(make(&world, "l", &body).await.body["made"], 2, "another key");
    assert_eq!(world.with_key("POST", "/v1/agents").json(&body).send().await.body["made"], 3, "no key");
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let world = world().await;
    make(&world, "k", &json!({"name": "a"})).await;
    let other = make(&world, "k", &json!({"name": "b"})).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    assert_eq!(made(&world), 1);
}

#[tokio::test]
async fn keys_belong_to_a_route_and_a_principal() {
    let world = world().await;
    let body = json!({"name": "a"});
    make(&world, "k", &body).await;
    let elsewhere = world.with_key("POST", "/v1/agents/a/deployments").header("idempotency-key", "k").json(&body);
    assert_eq!(elsewhere.send().await.body["made"], 2);
    let stranger = world.stranger().await;
    let theirs = world.ask("POST", "/v1/agents").bearer(&stranger).header("idempotency-key", "k").json(&body);
    assert_eq!(theirs.send().await.body["made"], 3);
}

#[tokio::test]
async fn while_the_first_is_at_work_the_second_is_told_so() {
    let world = Arc::new(world().await);
    let body = json!({"name": "a", "outcome": "wait"});
    let first = tokio::spawn({
        let (world, body) = (Arc::clone(&world), body.clone());
        async move { make(&world, "k", &body).await.status }
    });
    world.calls.has_started().await;
    let second = make(&world, "k", &body).await;
    assert_eq!(second.refusal(), (409, "idempotency_in_progress"));
    assert_eq!(second.header("retry-after"), "1");
    world.calls.let_one_go_on();
    assert_eq!(first.await.unwrap(), 201);
    assert_eq!(make(&world, "k", &body).await.status, 201);
    assert_eq!(made(&world), 1);
}

#[tokio::test]
async fn many_at_once_make_one() {
    let world = Arc::new(world().await);
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { make(&world, "k", &json!({"name": "a"})).await.status })
        })
        .collect();
    for task in tasks {
        let status = task.await.unwrap();
        assert!(status == 201 || status == 409, "{status}");
    }
    assert_eq!(made(&world), 1);
}

/// A client that hangs up leaves neither half of the work nor a key that nobody can use.
#[tokio::test]
async fn a_client_that_hangs_up_finds_the_answer_later() {
    let world = Arc::new(world().await);
    let body = json!({"name": "a", "outcome": "wait"});
    let first = tokio::spawn({
        let (world, body) = (Arc::clone(&world), body.clone());
        async move { make(&world, "k", &body).await.status }
    });
    world.calls.has_started().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    world.calls.let_one_go_on();
    let answer = loop {
        let answer = make(&world, "k", &body).await;
        if answer.status != 409 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, "true"));
    assert_eq!(made(&world), 1);
}

#[tokio::test]
async fn failures_of_ours_are_not_kept_and_refusals_are() {
    let world = world().await;
    for expected in 1..=2 {
        assert_eq!(make(&world, "k", &json!({"name": "a", "outcome": "500"})).await.status, 500);
        assert_eq!(made(&world), expected);
    }
    for _ in 0..2 {
        let refused = make(&world, "l", &json!({"name": "a", "outcome": "409"})).await;
        assert_eq!(refused.refusal(), (409, "agent_name_taken"));
    }
    assert_eq!(made(&world), 3);
}

#[tokio::test]
async fn a_secret_is_not_kept() {
    let world = world().await;
    let body = json!({"name": "ci", "scopes": ["agents:read"]});
    let make = || world.with_key("POST", "/v1/keys").header("idempotency-key", "k").json(&body).send();
    let first = make().await;
    assert_eq!(first.status, 201);
    let secret = first.body["secret"].as_str().unwrap().to_owned();
    let again = make().await;
    assert_eq!(again.refusal(), (409, "idempotency_secret_shown"));
    assert!(!again.text.contains(&secret));
    let keys = world.with_key("GET", "/v1/keys").send().await.body;
    assert_eq!(keys["items"].as_array().unwrap().len(), 2, "the first key and one more");
    let database = std::fs::read(world.store.folder().unwrap().join("moltforge.db-wal")).unwrap_or_default();
    let needle = secret.as_bytes();
    assert!(!database.is_empty() && !database.windows(needle.len()).any(|window| window == needle));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let world = world().await;
    let body = json!({"name": "a"});
    make(&world, "k", &body).await;
    world.store.clock().advance(Duration::from_hours(24));
    assert_eq!(make(&world, "k", &body).await.body["made"], 1);
    world.store.clock().advance(Duration::from_secs(1));
    assert_eq!(make(&world, "k", &body).await.body["made"], 2);
}

#[tokio::test]
async fn odd_keys_are_refused_and_other_routes_pass_theirs_on() {
    let world = world().await;
    for odd in ["", "a b", &"k".repeat(201)] {
        let answer = make(&world, odd, &json!({"name": "a"})).await;
        assert_eq!(answer.refusal(), (400, "idempotency_key_invalid"), "{odd:?}");
    }
    let passed = world.with_key("GET", "/v1/agents").header("idempotency-key", "k").send().await;
    assert_eq!(passed.got("idempotency-key"), Some("k"));
}
