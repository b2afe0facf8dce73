//! `/v1/keys`: what a key may do, and its end.

use moltforge_api::PageQuery;
use moltforge_api::agents::ListAgents;
use moltforge_api::keys::CreateKey;
use moltforge_client::Client;
use moltforge_types::{Ambient, Fault as _, Secret, Timestamp};

use crate::http::Http;
use crate::world::{World, greeter, worlds};

worlds! { a_key_does_what_its_scopes_say, a_revoked_key_is_refused, an_expired_key_is_refused, a_key_makes_no_stronger_one,
a_key_made_without_scopes_has_its_makers }

fn wanted(scopes: &[&str]) -> CreateKey {
    CreateKey { name: "x".to_owned(), scopes: scopes.iter().map(|s| (*s).to_owned()).collect(), expires_at: None }
}

fn with(world: &World, secret: &str) -> Client {
    Client::remote(&world.server.url(), Some(&Secret::new(secret))).unwrap()
}

async fn a_key_does_what_its_scopes_say(world: World) {
    let created = world.client().keys().create(&wanted(&["agents:read"])).await.unwrap();
    let reader = with(&world, &created.secret);
    assert!(reader.agents().list(&ListAgents::default()).await.is_ok());
    let refused = reader.agents().create(&greeter("hello"), None).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(403), "scope_missing"));
    let keys = world.client().keys().list(&PageQuery::default()).await.unwrap().items;
    assert_eq!(keys.len(), 2);
    let text = serde_json::to_string(&keys).unwrap();
    assert!(!text.contains(&created.secret) && !text.contains(world.key.expose()), "a secret is shown once");
}

async fn a_revoked_key_is_refused(world: World) {
    let created = world.client().keys().create(&wanted(&["agents:read"])).await.unwrap();
    let reader = with(&world, &created.secret);
    reader.agents().list(&ListAgents::default()).await.unwrap();
    world.client().keys().revoke(&created.key.key_id).await.unwrap();
    // at most two seconds later, on every gateway
    let begun = tokio::time::Instant::now();
    let error = loop {
        match reader.agents().list(&ListAgents::default()).await {
            Err(error) => break error,
            Ok(_) => assert!(begun.elapsed().as_secs() < 3, "still accepted"),
        }
    };
    assert_eq!((error.status(), error.code()), (Some(401), "key_revoked"));
}

async fn an_expired_key_is_refused(world: World) {
    let soon = Timestamp::from_micros(Ambient::system().now().as_micros() + 4_000_000);
    let mut short = wanted(&["agents:read"]);
    short.expires_at = Some(soon.to_string());
    let created = world.client().keys().create(&short).await.unwrap();
    let reader = with(&world, &created.secret);
    reader.agents().list(&ListAgents::default()).await.unwrap();
    // a real wait: the key's own time
    tokio::time::sleep(std::time::Duration::from_millis(4100)).await;
    let error = reader.agents().list(&ListAgents::default()).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(401), "key_expired"));
    let mut past = wanted(&["agents:read"]);
    past.expires_at = Some("2020-01-01T00:00:00Z".to_owned());
    let refused = world.client().keys().create(&past).await.unwrap_err();
    assert_eq!(refused.status(), Some(422), "{refused}");
}

async fn a_key_makes_no_stronger_one(world: World) {
    let maker = world.client().keys().create(&wanted(&["keys:write", "agents:read"])).await.unwrap();
    let error = with(&world, &maker.secret).keys().create(&wanted(&["agents:write"])).await.unwrap_err();
    assert_eq!(error.status(), Some(403), "{error}");
}

async fn a_key_made_without_scopes_has_its_makers(world: World) {
    let three = ["agents:read", "executions:read", "keys:write"];
    let maker = world.client().keys().create(&wanted(&three)).await.unwrap();
    let made = with(&world, &maker.secret).keys().create(&wanted(&[])).await.unwrap();
    assert_eq!(made.key.scopes, three);
    let http = Http::new(world.server.address(), Some(&maker.secret));
    let absent = http.json("POST", "/v1/keys", r#"{"name": "y"}"#).await;
    assert_eq!((absent.status, &absent.value()["scopes"]), (201, &serde_json::json!(three)));
    let error = with(&world, &made.secret).agents().create(&greeter("hello"), None).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(403), "scope_missing"));
}
