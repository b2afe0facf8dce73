//! `/v1/sessions`, `/v1/sign-in-codes`

use std::time::Duration;

use moltforge_types::{Actor, ContentHash, Principal, SessionId};
use serde_json::{Value, json};

use crate::world::{World, world};

async fn code(world: &World) -> String {
    let answer = world.ask(Some(&world.owner), "POST", "/v1/sign-in-codes", None).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["code"].as_str().unwrap().to_owned()
}

async fn open(world: &World, body: Value) -> (u16, String, Option<String>) {
    let answer = world.ask(None, "POST", "/v1/sessions", Some(body)).await;
    let token = answer.headers.get("moltforge-session").map(|token| token.to_str().unwrap().to_owned());
    (answer.status, answer.refusal().1.to_owned(), token)
}

#[tokio::test]
async fn a_key_opens_a_session() {
    let world = world().await;
    let (status, _, token) = open(&world, json!({"key": world.owner_secret.expose()})).await;
    assert_eq!(status, 201);
    let hash = ContentHash::of(token.unwrap().as_bytes());
    let (session, key) = world.store.credentials().find_session(hash.as_bytes()).await.unwrap().unwrap();
    assert_eq!(Actor::Key(key.key_id), world.owner.actor);
    assert_eq!(session.expires_at, world.store.ambient().now().plus(Duration::from_hours(7 * 24)));
}

#[tokio::test]
async fn a_code_opens_one_session() {
    let world = world().await;
    let code = code(&world).await;
    assert_eq!(open(&world, json!({"code": code})).await.0, 201);
    assert_eq!(open(&world, json!({"code": code})).await.1, "sign_in_code_refused");
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_code() {
    let world = std::sync::Arc::new(world().await);
    let code = code(&world).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (world, code) = (world.clone(), code.clone());
            tokio::spawn(async move { open(&world, json!({"code": code})).await.0 })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 401), "{statuses:?}");
}

#[tokio::test]
async fn a_code_works_for_five_minutes() {
    let world = world().await;
    let (early, late) = (code(&world).await, code(&world).await);
    world.store.clock().advance(Duration::from_secs(299));
    assert_eq!(open(&world, json!({"code": early})).await.0, 201);
    world.store.clock().advance(Duration::from_secs(1));
    assert_eq!(open(&world, json!({"code": late})).await.1, "sign_in_code_refused");
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let world = world().await;
    let secret = world.owner_secret.expose();
    for (body, expected) in [
        (json!({}), (422, "session_credential_invalid")),
        (json!({"key": secret, "code": "x"}), (422, "session_credential_invalid")),
        (json!({"key": "mf_nobody"}), (401, "key_unknown")),
        (json!({"key": ""}), (401, "key_unknown")),
        (json!({"code": "x"}), (401, "sign_in_code_refused")),
        (json!({"key": 7}), (422, "body_invalid")),
        (json!({"password": "x"}), (422, "body_invalid")),
    ] {
        let (status, code, token) = open(&world, body.clone()).await;
        assert_eq!((status, code.as_str()), expected, "{body}");
        assert_eq!(token, None);
    }
}

#[tokio::test]
async fn expired_and_revoked_keys_open_nothing() {
    let world = world().await;
    let body = json!({"name": "a", "scopes": ["keys:read"], "expires_at": "2026-01-01T00:01:00Z"});
    let short = world.ask(Some(&world.owner), "POST", "/v1/keys", Some(body)).await.body;
    let short_code = {
        let actor = Actor::Key(short["key_id"].as_str().unwrap().parse().unwrap());
        let by = Principal { actor, ..world.owner.clone() };
        world.accounts.create_sign_in_code(&by).await.unwrap().code
    };
    assert_eq!(open(&world, json!({"key": short["secret"]})).await.0, 201);
    world.store.clock().advance(Duration::from_mins(1));
    assert_eq!(open(&world, json!({"key": short["secret"]})).await.1, "key_expired");
    assert_eq!(open(&world, json!({"code": short_code})).await.1, "key_expired");

    let path = format!("/v1/keys/{}", short["key_id"].as_str().unwrap());
    assert_eq!(world.ask(Some(&world.owner), "DELETE", &path, None).await.status, 204);
    assert_eq!(open(&world, json!({"key": short["secret"]})).await.1, "key_revoked");
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let world = world().await;
    let (_, _, token) = open(&world, json!({"key": world.owner_secret.expose()})).await;
    let hash = ContentHash::of(token.unwrap().as_bytes());
    let (session, key) = world.store.credentials().find_session(hash.as_bytes()).await.unwrap().unwrap();
    let signed_in = Principal { actor: Actor::Session(session.session_id, key.key_id), ..world.owner.clone() };
    let answer = world.ask(Some(&signed_in), "DELETE", "/v1/sessions", None).await;
    assert_eq!((answer.status, answer.headers["moltforge-session"].to_str().unwrap()), (204, ""));
    let (session, _) = world.store.credentials().find_session(hash.as_bytes()).await.unwrap().unwrap();
    assert!(session.ended_at.is_some());

    let with_key = world.ask(Some(&world.owner), "DELETE", "/v1/sessions", None).await;
    assert_eq!(with_key.refusal(), (422, "session_absent"));
    let nobody: SessionId = world.store.ambient().id();
    let gone = Principal { actor: Actor::Session(nobody, key.key_id), ..world.owner.clone() };
    assert_eq!(world.ask(Some(&gone), "DELETE", "/v1/sessions", None).await.status, 204);
}

#[tokio::test]
async fn moltforge_itself_has_no_code() {
    let world = world().await;
    let system = Principal { actor: Actor::System, ..world.owner.clone() };
    let answer = world.ask(Some(&system), "POST", "/v1/sign-in-codes", None).await;
    assert_eq!(answer.refusal(), (403, "sign_in_code_needs_key"));
}
