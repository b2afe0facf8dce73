//! `/v1/keys`

use std::time::Duration;

use moltforge_types::Scope;
use serde_json::{Value, json};

use crate::world::{World, nobodys_key, world};

async fn create(world: &World, name: &str) -> Value {
    let answer =
        world.ask(Some(&world.owner), "POST", "/v1/keys", Some(json!({"name": name, "scopes": ["agents:read"]}))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = world().await;
    let created = create(&world, "ci").await;
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("mf_") && secret.len() == 46);
    assert_eq!(created["hint"], secret[..7]);
    assert_eq!(created["created_by"], world.owner.actor.to_string());

    let path = format!("/v1/keys/{}", created["key_id"].as_str().unwrap());
    let got = world.ask(Some(&world.owner), "GET", &path, None).await;
    assert_eq!(got.status, 200);
    assert!(got.body.get("secret").is_none());
    assert!(!got.body.to_string().contains(secret));
    // nor does the audit log know it
    let changes = world.store.changes(world.owner.project_id).list_newest(None, 10).await.unwrap();
    assert_eq!(changes[0].action, "key.created");
    assert_eq!(changes[0].subject, created["key_id"].as_str().unwrap());
    assert!(!changes[0].data.to_string().contains(secret));
}

#[tokio::test]
async fn a_key_has_at_most_its_makers_scopes() {
    let world = world().await;
    let maker = world.limited(&[Scope::KeysWrite, Scope::AgentsRead]);
    for (scopes, expected) in [
        (json!(["agents:read"]), (201, "")),
        (json!([]), (201, "")),
        (json!(["agents:write"]), (403, "key_scope_exceeds")),
        (json!(["agents:read", "executions:read"]), (403, "key_scope_exceeds")),
        (json!(["agents"]), (422, "key_invalid")),
        (json!(["agents:read", "agents:read"]), (422, "key_invalid")),
    ] {
        let body = json!({"name": "a", "scopes": scopes});
        let answer = world.ask(Some(&maker), "POST", "/v1/keys", Some(body)).await;
        assert_eq!(answer.refusal(), expected, "{scopes}: {}", answer.body);
    }
}

#[tokio::test]
async fn fields_are_checked_and_pointed_at() {
    let world = world().await;
    let long = "n".repeat(101);
    for (body, pointer) in [
        (json!({"name": "", "scopes": ["agents:read"]}), "/name"),
        (json!({"name": long, "scopes": ["agents:read"]}), "/name"),
        (json!({"name": "a\nb", "scopes": ["agents:read"]}), "/name"),
        (json!({"name": "a", "scopes": ["agents:read", "x"]}), "/scopes/1"),
        (json!({"name": "a", "scopes": ["agents:read"], "expires_at": "tomorrow"}), "/expires_at"),
        (json!({"name": "a", "scopes": ["agents:read"], "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
    ] {
        let answer = world.ask(Some(&world.owner), "POST", "/v1/keys", Some(body)).await;
        assert_eq!(answer.refusal(), (422, "key_invalid"));
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    let unknown = json!({"name": "a", "scopes": ["agents:read"], "admin": true});
    let answer = world.ask(Some(&world.owner), "POST", "/v1/keys", Some(unknown)).await;
    assert_eq!(answer.refusal(), (422, "body_invalid"));
}

#[tokio::test]
async fn pages_are_complete_and_newest_first() {
    let world = world().await;
    for n in 0..5 {
        world.store.clock().advance(Duration::from_millis(2));
        create(&world, &n.to_string()).await;
    }
    let (mut names, mut path) = (Vec::new(), "/v1/keys?limit=2".to_owned());
    loop {
        let page = world.ask(Some(&world.owner), "GET", &path, None).await.body;
        names.extend(page["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/keys?limit=2&cursor={next}");
    }
    assert_eq!(names, ["4", "3", "2", "1", "0", "first key"]);
    let exact = world.ask(Some(&world.owner), "GET", "/v1/keys?limit=6", None).await.body;
    assert!(exact.get("next").is_none());
    for (query, code) in [("limit=0", "limit_invalid"), ("limit=201", "limit_invalid"), ("cursor=x", "cursor_invalid")]
    {
        let answer = world.ask(Some(&world.owner), "GET", &format!("/v1/keys?{query}"), None).await;
        assert_eq!(answer.refusal(), (400, code));
    }
}

#[tokio::test]
async fn a_revoked_key_stays_visible() {
    let world = world().await;
    let path = format!("/v1/keys/{}", create(&world, "ci").await["key_id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(world.ask(Some(&world.owner), "DELETE", &path, None).await.status, 204);
        world.store.clock().advance(Duration::from_secs(5));
    }
    let key = world.ask(Some(&world.owner), "GET", &path, None).await.body;
    assert_eq!(key["revoked_at"], "2026-01-01T00:00:00.000000Z");
    let changes = world.store.changes(world.owner.project_id).list_newest(None, 10).await.unwrap();
    assert_eq!(changes.iter().filter(|change| change.action == "key.revoked").count(), 1, "once");
}

#[tokio::test]
async fn scopes_are_demanded() {
    let world = world().await;
    let path = format!("/v1/keys/{}", create(&world, "ci").await["key_id"].as_str().unwrap());
    let body = Some(json!({"name": "a", "scopes": ["keys:read"]}));
    let (reader, writer) = (world.limited(&[Scope::KeysRead]), world.limited(&[Scope::KeysWrite]));
    for (by, method, path, body) in [
        (&reader, "POST", "/v1/keys", body),
        (&reader, "DELETE", path.as_str(), None),
        (&writer, "GET", "/v1/keys", None),
        (&writer, "GET", path.as_str(), None),
    ] {
        assert_eq!(world.ask(Some(by), method, path, body).await.refusal(), (403, "scope_missing"), "{method} {path}");
    }
    assert_eq!(world.ask(None, "GET", "/v1/keys", None).await.refusal(), (401, "caller_missing"));
}

#[tokio::test]
async fn other_projects_keys_do_not_exist() {
    let world = world().await;
    let path = format!("/v1/keys/{}", create(&world, "ci").await["key_id"].as_str().unwrap());
    for method in ["GET", "DELETE"] {
        assert_eq!(world.ask(Some(&world.stranger), method, &path, None).await.refusal(), (404, "key_not_found"));
        let nowhere = format!("/v1/keys/{}", nobodys_key());
        assert_eq!(world.ask(Some(&world.owner), method, &nowhere, None).await.refusal(), (404, "key_not_found"));
        let wrong = world.ask(Some(&world.owner), method, "/v1/keys/agt_01h455vb4pex5vsknk084sn02q", None).await;
        assert_eq!(wrong.refusal(), (400, "path_invalid"));
    }
    let page = world.ask(Some(&world.stranger), "GET", "/v1/keys", None).await.body;
    assert_eq!(page["items"], json!([]));
}
