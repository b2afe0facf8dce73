//! Cookies: set, turned into a principal, removed; and what other sites' pages cannot do with them.

use std::time::Duration;

use moltforge_gateway::GatewayConfig;
use moltforge_types::ContentHash;
use serde_json::json;

use crate::world::{ORIGIN, World, world, world_with};

#[tokio::test]
async fn signing_in_sets_a_cookie_and_shows_no_token() {
    let world = world().await;
    let answer = world.ask("POST", "/v1/sessions").json(&json!({"key": world.secret})).send().await;
    assert_eq!(answer.status, 201);
    let cookie = answer.header("set-cookie");
    let token = cookie.split_once("moltforge_8420=").unwrap().1.split(';').next().unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"), "{cookie}");
    assert!(!answer.text.contains(token) && answer.headers.get("moltforge-session").is_none());

    let cookie = format!("moltforge_8420={token}");
    let seen = world.ask("GET", "/v1/agents").header("cookie", &cookie).send().await;
    assert_eq!(seen.status, 200);
    let actor = &seen.body["caller"]["actor"];
    assert_eq!(actor["kind"], "session");
    assert_eq!(actor["id"][0], answer.body["session_id"]);
    assert_eq!(seen.got("cookie"), None, "no service sees a cookie");
}

#[tokio::test]
async fn on_tls_the_cookie_is_a_host_cookie() {
    let public_url = Some("https://forge.example.com".to_owned());
    let world = world_with(GatewayConfig { public_url, ..GatewayConfig::default() }).await;
    let body = json!({"key": world.secret});
    let answer = world.ask("POST", "/v1/sessions").host("forge.example.com").json(&body).send().await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-moltforge=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
    let pair = cookie.split(';').next().unwrap();
    let write = |origin: &str| {
        let ask = world.ask("DELETE", "/v1/keys/key_01h455vb4pex5vsknk084sn02q").host("forge.example.com");
        ask.header("cookie", pair).header("origin", origin).header("sec-fetch-site", "same-origin").send()
    };
    assert_eq!(write("http://forge.example.com").await.refusal(), (403, "cross_site_write"));
    assert_eq!(write("https://forge.example.com").await.refusal(), (404, "key_not_found"));
}

#[tokio::test]
async fn writes_must_come_from_our_own_pages() {
    let world = world().await;
    let cookie = world.sign_in().await;
    let write = || world.ask("POST", "/v1/agents").json(&json!({"name": "a"})).header("cookie", &cookie);
    for (origin, site) in [
        (None, None),
        (Some(ORIGIN), None),
        (None, Some("same-origin")),
        (Some("http://evil.example"), Some("cross-site")),
        (Some("http://evil.example"), Some("same-origin")),
        (Some("null"), Some("same-origin")),
        (Some("http://127.0.0.1:9000"), Some("same-site")),
        (Some(ORIGIN), Some("same-site")),
        (Some(ORIGIN), Some("none")),
    ] {
        let mut ask = write();
        if let Some(origin) = origin {
            ask = ask.header("origin", origin);
        }
        if let Some(site) = site {
            ask = ask.header("sec-fetch-site", site);
        }
        assert_eq!(ask.send().await.refusal(), (403, "cross_site_write"), "{origin:?} {site:?}");
    }
    let ours = write().header("origin", ORIGIN).header("sec-fetch-site", "same-origin").send().await;
    assert_eq!(ours.status, 201, "{}", ours.text);
    // a key in a header is nothing that another site's page can make a browser send
    let keyed =
        world.with_key("POST", "/v1/agents").json(&json!({"name": "a"})).header("origin", "http://evil.example");
    assert_eq!(keyed.send().await.status, 201);
}

#[tokio::test]
async fn another_site_cannot_sign_somebody_in() {
    let world = world().await;
    let body = json!({"key": world.secret});
    let evil = world.ask("POST", "/v1/sessions").json(&body).header("origin", "http://evil.example").send().await;
    assert_eq!(evil.refusal(), (403, "cross_site_write"));
    assert!(evil.headers.get("set-cookie").is_none());
    let ours = world.ask("POST", "/v1/sessions").json(&body).same_origin("").send().await;
    assert_eq!(ours.status, 201);
}

#[tokio::test]
async fn signing_out_ends_it_and_removes_the_cookie() {
    let world = world().await;
    let cookie = world.sign_in().await;
    let out = world.ask("DELETE", "/v1/sessions").same_origin(&cookie).send().await;
    assert_eq!(out.status, 204);
    assert_eq!(out.header("set-cookie"), "moltforge_8420=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let after = world.ask("GET", "/v1/agents").header("cookie", &cookie).send().await;
    assert_eq!(after.refusal(), (401, "session_expired"));
}

#[tokio::test]
async fn it_ends_after_twelve_idle_hours() {
    let world = world().await;
    let cookie = world.sign_in().await;
    let get = || world.ask("GET", "/v1/agents").header("cookie", &cookie).send();
    world.store.clock().advance(Duration::from_hours(12));
    use_noted(&world, &cookie).await;
    world.store.clock().advance(Duration::from_hours(12));
    assert_eq!(get().await.status, 200, "just within, since the last use");
    use_noted(&world, &cookie).await;
    world.store.clock().advance(Duration::from_hours(12) + Duration::from_secs(1));
    assert_eq!(get().await.refusal(), (401, "session_expired"));
}

#[tokio::test]
async fn it_ends_after_seven_days_of_use() {
    let world = world().await;
    let cookie = world.sign_in().await;
    for _ in 0..14 {
        use_noted(&world, &cookie).await;
        world.store.clock().advance(Duration::from_hours(12));
    }
    let after = world.ask("GET", "/v1/agents").header("cookie", &cookie).send().await;
    assert_eq!(after.refusal(), (401, "session_expired"));
}

/// Uses a session until its use is noted, which happens beside the requests.
async fn use_noted(world: &World, cookie: &str) {
    let hash = ContentHash::of(cookie.split_once('=').unwrap().1.as_bytes());
    let now = world.store.ambient().now();
    loop {
        assert_eq!(world.ask("GET", "/v1/agents").header("cookie", cookie).send().await.status, 200);
        let (session, _) = world.store.credentials().find_session(hash.as_bytes()).await.unwrap().unwrap();
        if session.last_used_at == now {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_dies_with_its_key() {
    let world = world().await;
    let made =
        world.with_key("POST", "/v1/keys").json(&json!({"name": "a", "scopes": ["agents:read"]})).send().await.body;
    let opened = world.ask("POST", "/v1/sessions").json(&json!({"key": made["secret"]})).send().await;
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(world.ask("GET", "/v1/agents").header("cookie", &cookie).send().await.status, 200);
    let path = format!("/v1/keys/{}", made["key_id"].as_str().unwrap());
    assert_eq!(world.with_key("DELETE", &path).send().await.status, 204);
    assert_eq!(world.ask("GET", "/v1/agents").header("cookie", &cookie).send().await.refusal(), (401, "key_revoked"));
}

#[tokio::test]
async fn a_token_is_no_key_and_a_key_is_no_token() {
    let world = world().await;
    let cookie = world.sign_in().await;
    let token = cookie.split_once('=').unwrap().1;
    assert_eq!(world.ask("GET", "/v1/agents").bearer(token).send().await.refusal(), (401, "key_unknown"));
    let as_cookie = format!("moltforge_8420={}", world.secret);
    let answer = world.ask("GET", "/v1/agents").header("cookie", &as_cookie).send().await;
    assert_eq!(answer.refusal(), (401, "session_unknown"));
    let other_port = cookie.replace("8420", "8421");
    let answer = world.ask("GET", "/v1/agents").header("cookie", &other_port).send().await;
    assert_eq!(answer.refusal(), (401, "credentials_missing"));
}

#[tokio::test]
async fn the_dashboard_gets_the_cookie_and_no_principal() {
    let world = world().await;
    let cookie = world.sign_in().await;
    let page = world.ask("GET", "/agents").header("cookie", &cookie).bearer("mf_x").send().await;
    assert_eq!(page.status, 200);
    assert_eq!(page.got("cookie"), Some(cookie.as_str()));
    assert_eq!(page.got("authorization"), None);
    assert!(page.body["caller"].is_null());
    // and what its own client asks is asked with the browser's headers, without a socket
    let mut inner = world.ask("GET", "/v1/agents").header("cookie", &cookie).into_request();
    inner.extensions_mut().clear();
    let answer = crate::world::send(&world.gateway.api(), inner).await;
    assert_eq!(answer.body["caller"]["actor"]["kind"], "session");
}
