//! Keys: whose, unknown, expired, revoked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, world};

async fn key(world: &World, body: &Value) -> (String, String) {
    let made = world.with_key("POST", "/v1/keys").json(body).send().await.body;
    (made["key_id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_key_is_turned_into_its_principal() {
    let world = world().await;
    let answer = world.with_key("GET", "/v1/agents").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["caller"], serde_json::to_value(&world.owner).unwrap());
    let lower =
        world.ask("GET", "/v1/agents").header("authorization", &format!("bearer {}", world.secret)).send().await;
    assert_eq!(lower.status, 200);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = world().await;
    let long = format!("Bearer {}", "x".repeat(300));
    for (value, code) in [
        (None, "credentials_missing"),
        (Some("Bearer mf_nobody"), "key_unknown"),
        (Some("Bearer hunter2"), "key_unknown"),
        (Some("Basic bWY6eA=="), "credentials_malformed"),
        (Some("Bearer"), "credentials_malformed"),
        (Some("Bearer "), "credentials_malformed"),
        (Some(long.as_str()), "credentials_malformed"),
    ] {
        let ask = world.ask("GET", "/v1/agents");
        let answer = match value {
            None => ask.send().await,
            Some(value) => ask.header("authorization", value).send().await,
        };
        assert_eq!(answer.refusal(), (401, code), "{value:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
    }
    let twice = world.with_key("GET", "/v1/agents").bearer("mf_other").send().await;
    assert_eq!(twice.refusal(), (401, "credentials_malformed"));
}

#[tokio::test]
async fn an_expired_key_is_refused_at_once() {
    let world = world().await;
    let body = json!({"name": "short", "scopes": ["agents:read"], "expires_at": "2026-01-01T00:00:10Z"});
    let (_, secret) = key(&world, &body).await;
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
    world.store.clock().advance(Duration::from_millis(9_900));
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
    // the cache holds it, and that does not help
    world.store.clock().advance(Duration::from_millis(100));
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.refusal(), (401, "key_expired"));
}

#[tokio::test]
async fn a_revocation_through_this_gateway_acts_at_once() {
    let world = world().await;
    let (key_id, secret) = key(&world, &json!({"name": "a", "scopes": ["agents:read"]})).await;
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
    assert_eq!(world.with_key("DELETE", &format!("/v1/keys/{key_id}")).send().await.status, 204);
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.refusal(), (401, "key_revoked"));
}

#[tokio::test]
async fn a_revocation_elsewhere_acts_within_two_seconds() {
    let world = world().await;
    let (key_id, secret) = key(&world, &json!({"name": "a", "scopes": ["agents:read"]})).await;
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
    let mut tx = world.store.begin().await.unwrap();
    assert!(tx.keys(world.owner.project_id).revoke(key_id.parse().unwrap()).await.unwrap());
    tx.commit().await.unwrap();
    world.store.clock().advance(Duration::from_secs(2));
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.refusal(), (401, "key_revoked"));
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nothing_alive() {
    let world = world().await;
    let (key_id, secret) = key(&world, &json!({"name": "a", "scopes": ["agents:read"]})).await;
    world.store.clock().advance(Duration::from_hours(1));
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
    let mut tx = world.store.begin().await.unwrap();
    assert!(tx.keys(world.owner.project_id).revoke(key_id.parse().unwrap()).await.unwrap());
    tx.commit().await.unwrap();
    // the clock's counter wraps around: twice its half is two microseconds back
    for _ in 0..2 {
        world.store.clock().advance(Duration::from_micros(i64::MAX.unsigned_abs()));
    }
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.refusal(), (401, "key_revoked"));
}

#[tokio::test]
async fn its_use_is_noted_once_a_minute() {
    let world = world().await;
    let (key_id, secret) = key(&world, &json!({"name": "a", "scopes": ["agents:read"]})).await;
    let path = format!("/v1/keys/{key_id}");
    let noted = async || world.with_key("GET", &path).send().await.body["last_used_at"].as_str().map(str::to_owned);
    assert_eq!(noted().await, None);
    for (after, expected) in
        [(0, "2026-01-01T00:00:00.000000Z"), (59, "2026-01-01T00:00:00.000000Z"), (1, "2026-01-01T00:01:00.000000Z")]
    {
        world.store.clock().advance(Duration::from_secs(after));
        // it is written beside the request, and not at all while another is being written
        loop {
            assert_eq!(world.ask("GET", "/v1/agents").bearer(&secret).send().await.status, 200);
            if noted().await.as_deref() == Some(expected) {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn another_projects_key_sees_another_project() {
    let world = world().await;
    let stranger = world.stranger().await;
    let (key_id, _) = key(&world, &json!({"name": "a", "scopes": ["agents:read"]})).await;
    let path = format!("/v1/keys/{key_id}");
    assert_eq!(world.ask("GET", &path).bearer(&stranger).send().await.refusal(), (404, "key_not_found"));
    assert_eq!(world.ask("DELETE", &path).bearer(&stranger).send().await.refusal(), (404, "key_not_found"));
    assert_eq!(world.with_key("GET", &path).send().await.status, 200);
    let caller = world.ask("GET", "/v1/agents").bearer(&stranger).send().await.body["caller"]["project_id"].clone();
    assert_ne!(caller, world.owner.project_id.to_string());
}
