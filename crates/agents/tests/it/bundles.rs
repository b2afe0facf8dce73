//! Bundles, and the agents that are made of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moltforge_testing::World;
use moltforge_types::{ContentHash, Scope};
use serde_json::{Value, json};

use crate::service::{Answer, Service};

moltforge_testing::worlds! {
    a_bundle_is_stored_once,
    what_is_no_bundle_is_refused,
    a_program_is_made_of_its_bundle,
    a_program_that_cannot_be_read_is_refused,
    a_project_sees_its_own_alone,
    what_no_agent_names_goes_away,
}

fn bundle(text: &str) -> Value {
    json!({ "files": { "agent.js": text, "lib/a.js": "export const a = 1" } })
}

fn hash(bundle: &Value) -> String {
    ContentHash::of(bundle.to_string().as_bytes()).to_string()
}

async fn put(service: &Service, bundle: &Value) -> Answer {
    service.ask("PUT", &format!("/v1/bundles/{}", hash(bundle))).json(bundle).send().await
}

fn program(bundle: &Value) -> Value {
    json!({ "config": { "name": "program", "kind": "code", "code": "agent.js", "bundle": hash(bundle) } })
}

async fn a_bundle_is_stored_once(world: &World) {
    let service = Service::new(world).await;
    let files = bundle("run");
    let stored = put(&service, &files).await;
    assert_eq!((stored.status, stored.body["bytes"].as_u64()), (201, Some(21)), "{}", stored.body);
    assert_eq!(stored.body["files"][1], json!({ "name": "lib/a.js", "bytes": 18 }));
    assert_eq!(put(&service, &files).await.status, 200);
    let path = format!("/v1/bundles/{}", hash(&files));
    assert_eq!(service.get(&path).await.body, stored.body);
    let file = service.get(&format!("{path}?file=agent.js")).await;
    assert_eq!(file.body["files"][0], json!({ "name": "agent.js", "bytes": 3, "text": "run" }));
    let reader = service.limited(&[Scope::AgentsRead]);
    assert_eq!(service.ask("PUT", &path).by(&reader).json(&files).send().await.refusal(), (403, "scope_missing"));
}

async fn what_is_no_bundle_is_refused(world: &World) {
    let service = Service::new(world).await;
    let bad = json!({ "files": { "../a.js": "", "b.wasm": "text" } });
    let refused = put(&service, &bad).await;
    assert_eq!(refused.refusal(), (422, "bundle_invalid"), "{}", refused.body);
    let pointers: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|item| &item["pointer"]).collect();
    assert_eq!(pointers, ["/files/..~1a.js", "/files/b.wasm"]);
    let other = service.ask("PUT", &format!("/v1/bundles/{}", hash(&bad))).json(&bundle("run")).send().await;
    assert_eq!(other.refusal(), (422, "bundle_hash_mismatch"));
    let large = bundle(&"x".repeat(12 << 20));
    assert_eq!(put(&service, &large).await.refusal(), (413, "body_too_large"));
    assert_eq!(service.get("/v1/bundles/abc").await.refusal(), (404, "bundle_not_found"));
}

async fn a_program_is_made_of_its_bundle(world: &World) {
    let service = Service::new(world).await;
    let files = bundle("run");
    let without = json!({ "config": { "name": "program", "kind": "code", "code": "agent.js" } });
    for config in [&without, &program(&files)] {
        let refused = service.ask("PUT", "/v1/agents/program").json(config).send().await;
        assert_eq!(refused.refusal(), (422, "agent_invalid"), "{}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], "/bundle");
    }
    put(&service, &files).await;
    let made = service.ask("PUT", "/v1/agents/program").json(&program(&files)).send().await;
    assert_eq!((made.status, &made.body["config"]["bundle"]), (201, &json!(hash(&files))), "{}", made.body);
    assert_eq!(service.looks.load(Ordering::Relaxed), 1, "a look may take seconds");
    let live = service.ask("POST", "/v1/agents/program/deployments").json(&json!({})).send().await;
    assert_eq!(live.status, 201, "a program needs no model: {}", live.body);
    // other files are another version
    let changed = bundle("other");
    put(&service, &changed).await;
    let made = service.ask("PUT", "/v1/agents/program").json(&program(&changed)).send().await;
    assert_eq!((made.status, made.etag()), (201, "\"2\""));
    let patch = service.ask("PATCH", "/v1/agents/program").patch(2, &json!({ "description": "patched" }));
    let patched = patch.send().await;
    assert_eq!((patched.status, patched.etag()), (200, "\"3\""), "{}", patched.body);
    let mut elsewhere = program(&changed);
    elsewhere["config"]["code"] = json!("main.js");
    let refused = service.ask("PUT", "/v1/agents/program").json(&elsewhere).send().await;
    assert_eq!((refused.refusal(), &refused.body["errors"][0]["pointer"]), ((422, "agent_invalid"), &json!("/code")));
    assert!(refused.body["detail"].as_str().unwrap().contains("it has agent.js, lib/a.js"), "{}", refused.body);
}

async fn a_program_that_cannot_be_read_is_refused(world: &World) {
    let service = Service::new(world).await;
    let files = bundle("syntax error");
    put(&service, &files).await;
    for (method, path) in [("POST", "/v1/agents"), ("PUT", "/v1/agents/program")] {
        let refused = service.ask(method, path).json(&program(&files)).send().await;
        assert_eq!(refused.refusal(), (422, "program_invalid"), "{}", refused.body);
        assert!(refused.body["detail"].as_str().unwrap().contains("agent.js:1:8"), "{}", refused.body);
    }
    assert_eq!(service.get("/v1/agents/program").await.status, 404);
}

async fn a_project_sees_its_own_alone(world: &World) {
    let service = Service::new(world).await;
    let files = bundle("run");
    put(&service, &files).await;
    let path = format!("/v1/bundles/{}", hash(&files));
    let seen = service.ask("GET", &path).by(&service.stranger).send().await;
    assert_eq!(seen.refusal(), (404, "bundle_not_found"));
    let used = service.ask("PUT", "/v1/agents/program").by(&service.stranger).json(&program(&files)).send().await;
    assert_eq!(used.refusal(), (422, "agent_invalid"));
    let own = service.ask("PUT", &path).by(&service.stranger).json(&files).send().await;
    assert_eq!(own.status, 201, "whether others have it is not told");
}

async fn what_no_agent_names_goes_away(world: &World) {
    let service = Service::new(world).await;
    let (named, unnamed) = (bundle("run"), bundle("nobody"));
    for files in [&named, &unnamed] {
        put(&service, files).await;
    }
    service.ask("PUT", "/v1/agents/program").json(&program(&named)).send().await;
    assert_eq!(service.agents.sweep_bundles().await.unwrap(), 0, "too early");
    world.clock().advance(Duration::from_hours(25));
    assert_eq!(service.agents.sweep_bundles().await.unwrap(), 1);
    assert_eq!(service.get(&format!("/v1/bundles/{}", hash(&unnamed))).await.status, 404);
    assert_eq!(service.get(&format!("/v1/bundles/{}", hash(&named))).await.status, 200);
    // uploaded again in time, it stays
    put(&service, &unnamed).await;
    assert_eq!(service.agents.sweep_bundles().await.unwrap(), 0);
}
