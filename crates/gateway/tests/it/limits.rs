//! How much, how long, how many, how often.

use std::sync::Arc;

use moltforge_gateway::{GatewayConfig, LimitsConfig, RateConfig};
use serde_json::json;

use crate::world::{World, world, world_with};

fn slow_rates() -> GatewayConfig {
    // nothing comes back while a test runs
    let rate = RateConfig {
        requests_per_second: 1,
        burst: 3,
        failures_per_minute: 1,
        failure_burst: 3,
        ..RateConfig::default()
    };
    GatewayConfig { rate, ..GatewayConfig::default() }
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let world = world_with(slow_rates()).await;
    for left in ["2", "1", "0"] {
        let answer = world.with_key("GET", "/v1/agents").send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), r#""default";q=3;w=3"#);
        assert!(
            answer.header("ratelimit").starts_with(&format!(r#""default";r={left};t="#)),
            "{}",
            answer.header("ratelimit")
        );
    }
    let answer = world.with_key("GET", "/v1/agents").send().await;
    assert_eq!(answer.refusal(), (429, "rate_limited"));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.header("ratelimit").starts_with(r#""default";r=0"#));
    let other = world.stranger().await;
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&other).send().await.status, 200, "another key has its own");
}

#[tokio::test]
async fn an_address_that_guesses_is_not_listened_to() {
    let world = world_with(slow_rates()).await;
    assert_eq!(world.with_key("GET", "/v1/agents").from([192, 0, 2, 9]).send().await.status, 200);
    let guess = |n: u32| world.ask("GET", "/v1/agents").from([192, 0, 2, 9]).bearer(&format!("mf_{n}")).send();
    for n in 0..3 {
        assert_eq!(guess(n).await.refusal(), (401, "key_unknown"));
    }
    let refused = guess(4).await;
    assert_eq!(refused.refusal(), (429, "rate_limited"));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 30);
    // what is in use goes on, what is new does not, and others are not concerned
    assert_eq!(world.with_key("GET", "/v1/agents").from([192, 0, 2, 9]).send().await.status, 200);
    let stranger = world.stranger().await;
    let new = world.ask("GET", "/v1/agents").bearer(&stranger);
    assert_eq!(new.from([192, 0, 2, 9]).send().await.refusal(), (429, "rate_limited"));
    assert_eq!(world.ask("GET", "/v1/agents").bearer(&stranger).from([192, 0, 2, 10]).send().await.status, 200);
}

#[tokio::test]
async fn signing_in_counts_as_guessing() {
    let world = world_with(slow_rates()).await;
    let sign_in = |body| world.ask("POST", "/v1/sessions").json(&body).send();
    for _ in 0..3 {
        assert_eq!(sign_in(json!({"code": "guess"})).await.refusal(), (401, "sign_in_code_refused"));
    }
    assert_eq!(sign_in(json!({"code": "guess"})).await.refusal(), (429, "rate_limited"));
    assert_eq!(sign_in(json!({"key": world.secret})).await.refusal(), (429, "rate_limited"), "unseen");
    assert_eq!(world.ask("GET", "/").send().await.status, 200, "pages are still served");
    // no credentials at all is no guess
    for _ in 0..10 {
        assert_eq!(
            world.ask("GET", "/v1/agents").from([192, 0, 2, 3]).send().await.refusal(),
            (401, "credentials_missing")
        );
    }
}

#[tokio::test]
async fn addresses_behind_a_trusted_proxy_are_apart() {
    let config = GatewayConfig { trusted_proxies: vec!["192.0.2.0/24".to_owned()], ..slow_rates() };
    let world = world_with(config).await;
    let guess = |client: &str| world.ask("GET", "/v1/agents").header("x-forwarded-for", client).bearer("mf_x").send();
    for _ in 0..3 {
        guess("203.0.113.1").await;
    }
    assert_eq!(guess("203.0.113.1").await.status, 429);
    assert_eq!(guess("203.0.113.2").await.status, 401);
    let untrusted = world_with(slow_rates()).await;
    for n in 0..3 {
        let claim = format!("203.0.113.{n}");
        untrusted.ask("GET", "/v1/agents").header("x-forwarded-for", &claim).bearer("mf_x").send().await;
    }
    let claim = untrusted.ask("GET", "/v1/agents").header("x-forwarded-for", "203.0.113.99").bearer("mf_x");
    assert_eq!(claim.send().await.status, 429, "a made-up address does not help");
}

#[tokio::test]
async fn sizes_are_limited() {
    let limits = LimitsConfig { header_bytes: 2048, uri_bytes: 512, body_bytes: 1024, ..LimitsConfig::default() };
    let world = world_with(GatewayConfig { limits, ..GatewayConfig::default() }).await;
    let path = |length: usize| format!("/v1/agents?x={}", "y".repeat(length));
    assert_eq!(world.with_key("GET", &path(400)).send().await.status, 200);
    assert_eq!(world.with_key("GET", &path(600)).send().await.refusal(), (414, "uri_too_long"));
    assert_eq!(world.ask("GET", &format!("/{}", "y".repeat(600))).send().await.refusal(), (414, "uri_too_long"));
    let large = world.with_key("GET", "/v1/agents").header("x-large", &"y".repeat(2000)).send().await;
    assert_eq!(large.refusal(), (431, "headers_too_large"));
    let body = " ".repeat(1025);
    assert_eq!(world.with_key("POST", "/v1/agents").raw(body.clone()).send().await.refusal(), (413, "body_too_large"));
    assert_eq!(world.ask("POST", "/form").raw(body).send().await.refusal(), (413, "body_too_large"));
}

#[tokio::test]
async fn only_so_many_are_at_work_at_a_time() {
    let limits = LimitsConfig { in_flight: 2, ..LimitsConfig::default() };
    let world = Arc::new(world_with(GatewayConfig { limits, ..GatewayConfig::default() }).await);
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.with_key("GET", "/v1/agents/a/wait").send().await.status })
        })
        .collect();
    for _ in 0..2 {
        world.calls.has_started().await;
    }
    let refused = world.with_key("GET", "/v1/agents").send().await;
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((503, "overloaded"), "1"));
    assert_eq!(world.ask("GET", "/healthz").send().await.status, 200);
    // either of them may be the one that goes on
    world.calls.let_one_go_on();
    world.calls.let_one_go_on();
    for waiting in slow {
        assert_eq!(waiting.await.unwrap(), 204);
    }
    assert_eq!(world.with_key("GET", "/v1/agents").send().await.status, 200);
}

#[tokio::test]
async fn those_who_wait_leave_room_for_others() {
    let limits = LimitsConfig { in_flight: 1, waiting: 3, waiting_per_key: 2, ..LimitsConfig::default() };
    let world = Arc::new(world_with(GatewayConfig { limits, ..GatewayConfig::default() }).await);
    let wait = |world: &Arc<World>, key: String| {
        let world = Arc::clone(world);
        tokio::spawn(async move {
            let ask = world.ask("GET", "/v1/agents/a/wait").bearer(&key).header("prefer", "respond-async, wait=10");
            ask.send().await.status
        })
    };
    let mut waiting = vec![wait(&world, world.secret.clone())];
    world.calls.has_started().await;
    waiting.push(wait(&world, world.secret.clone()));
    world.calls.has_started().await;
    assert_eq!(world.with_key("GET", "/v1/agents").send().await.status, 200, "nobody is at work");
    let third = world.with_key("GET", "/v1/agents/a/wait").header("prefer", "wait=10").send().await;
    assert_eq!((third.refusal(), third.header("retry-after")), ((429, "too_many_waiting"), "1"));
    let other = world.stranger().await;
    waiting.push(wait(&world, other.clone()));
    world.calls.has_started().await;
    let full = world.ask("GET", "/v1/agents/a/wait").bearer(&other).header("prefer", "wait=10").send().await;
    assert_eq!(full.refusal(), (503, "overloaded"));
    for _ in &waiting {
        world.calls.let_one_go_on();
    }
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), 204);
    }
    assert_eq!(world.with_key("GET", "/v1/agents").send().await.status, 200);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let limits = LimitsConfig { answer_seconds: 1, ..LimitsConfig::default() };
    let world = world_with(GatewayConfig { limits, ..GatewayConfig::default() }).await;
    let answer = world.with_key("GET", "/v1/agents/a/wait").send().await;
    assert_eq!(answer.refusal(), (504, "answer_timeout"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let limits = LimitsConfig { body_seconds: 1, ..LimitsConfig::default() };
    let world = world_with(GatewayConfig { limits, ..GatewayConfig::default() }).await;
    let never = axum::body::Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(world.with_key("POST", "/v1/agents").raw(never).send().await.refusal(), (400, "body_timeout"));
}

#[tokio::test]
async fn wrong_settings_do_not_start() {
    let keys = moltforge_http::CallerKeys::generate(moltforge_types::Ambient::system());
    let store = world().await.store.store();
    let config = GatewayConfig { hosts: vec!["http://x".to_owned()], ..GatewayConfig::default() };
    let error = moltforge_gateway::Gateway::builder(config, store, keys).build().unwrap_err();
    assert!(error.to_string().contains("hosts: expected a host name"), "{error}");
}
