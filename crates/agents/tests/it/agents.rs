//! `POST /v1/agents`, `GET /v1/agents`, `GET /v1/agents/{agent}`

use moltforge_testing::World;
use moltforge_types::Scope;
use serde_json::json;

use crate::service::{Service, changes, hello};

moltforge_testing::worlds! { an_agent_is_created_and_read, a_name_is_taken_once, lists_are_pages_by_name, lists_are_filtered, scopes_are_needed }

async fn an_agent_is_created_and_read(world: &World) {
    let service = Service::new(world).await;
    let mut config = hello("hello");
    config["description"] = json!("Says hi.");
    let created = service.ask("POST", "/v1/agents").json(&json!({ "config": config })).send().await;
    assert_eq!((created.status, created.etag()), (201, "\"1\""));
    assert_eq!(created.body["name"], "hello");
    assert_eq!(created.body["description"], "Says hi.");
    assert_eq!(created.body["latest_version"], 1);
    assert_eq!(created.body["config"]["limits"]["wall"], "24h", "defaults are filled in");
    assert_eq!(created.body["deployments"], json!([]));
    assert_eq!(created.body["created_at"], "2026-01-01T00:00:00.000000Z");
    assert!(created.body.get("deleted_at").is_none());

    let id = created.body["agent_id"].as_str().unwrap();
    for agent in ["hello", id] {
        let got = service.get(&format!("/v1/agents/{agent}")).await;
        assert_eq!((got.status, got.etag(), &got.body), (200, "\"1\"", &created.body), "{agent}");
    }
    for agent in ["nobody", "Not-A-Name", "agt_01h455vb4pex5vsknk084sn02q", "exe_01h455vb4pex5vsknk084sn02q"] {
        let got = service.get(&format!("/v1/agents/{agent}")).await;
        assert_eq!(got.refusal(), (404, "agent_not_found"), "{agent}");
    }

    let written = world.changes(service.owner.project_id).list(0, 10).await.unwrap();
    assert_eq!(written.len(), 1);
    assert_eq!((written[0].action.as_str(), written[0].subject.as_str()), ("agent.created", id));
    assert_eq!(written[0].actor, service.owner.actor.to_string());
    assert_eq!((&written[0].data["name"], &written[0].data["version"]), (&json!("hello"), &json!(1)));
}

async fn a_name_is_taken_once(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let again = service.ask("POST", "/v1/agents").json(&json!({ "config": hello("hello") })).send().await;
    assert_eq!(again.refusal(), (409, "agent_name_taken"), "{}", again.body);
    let elsewhere = service.ask("POST", "/v1/agents").by(&service.stranger);
    assert_eq!(elsewhere.json(&json!({ "config": hello("hello") })).send().await.status, 201);
    assert_eq!(changes(world, &service).await.len(), 1, "a refusal is no change");
}

async fn lists_are_pages_by_name(world: &World) {
    let service = Service::new(world).await;
    for name in ["delta", "alpha", "charlie", "bravo", "echo"] {
        service.create(name).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/agents?limit=2".to_owned();
    for page in 0..3 {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match answer.body["next"].as_str() {
            Some(next) => path = format!("/v1/agents?limit=2&cursor={next}"),
            None => assert_eq!(page, 2),
        }
    }
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta", "echo"]);
    for (query, code) in [
        ("limit=0", "limit_invalid"),
        ("limit=201", "limit_invalid"),
        ("limit=x", "query_invalid"),
        ("cursor=AAAA", "cursor_invalid"),
        ("colour=red", "query_invalid"),
    ] {
        let refused = service.get(&format!("/v1/agents?{query}")).await;
        assert_eq!(refused.refusal(), (400, code), "{query}: {}", refused.body);
    }
}

async fn lists_are_filtered(world: &World) {
    let service = Service::new(world).await;
    for name in ["red-1", "red-2", "blue"] {
        service.create(name).await;
    }
    service.ask("POST", "/v1/agents/blue/deployments").json(&json!({ "environment": "staging" })).send().await;
    service.ask("POST", "/v1/agents/red-1/deployments").json(&json!({})).send().await;
    service.ask("DELETE", "/v1/agents/red-2").send().await;
    for (query, expected) in [
        ("", vec!["blue", "red-1"]),
        ("name_prefix=red-", vec!["red-1"]),
        ("name_prefix=red-&deleted=true", vec!["red-1", "red-2"]),
        ("environment=staging", vec!["blue"]),
        ("environment=production", vec!["red-1"]),
        ("environment=nowhere", vec![]),
        ("name_prefix=%25", vec![]),
    ] {
        let answer = service.get(&format!("/v1/agents?{query}")).await;
        let names: Vec<_> = answer.body["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
        assert_eq!(names, expected, "{query}");
    }
    let blue = service.get("/v1/agents?environment=staging").await;
    assert_eq!(blue.body["items"][0]["deployments"][0]["environment"], "staging");
    assert_eq!(service.get("/v1/agents?environment=No").await.refusal(), (422, "environment_invalid"));
}

async fn scopes_are_needed(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let reader = service.limited(&[Scope::AgentsRead]);
    let writer = service.limited(&[Scope::AgentsWrite]);
    let body = json!({ "config": hello("other") });
    let refused = (403, "scope_missing");
    for path in [
        "",
        "/hello",
        "/hello/versions",
        "/hello/versions/1",
        "/hello/versions/1/diff",
        "/hello/deployments",
        "/hello/state",
    ] {
        let path = format!("/v1/agents{path}");
        assert_eq!(service.ask("GET", &path).by(&writer).send().await.refusal(), refused, "{path}");
        assert_eq!(service.ask("GET", &path).by(&reader).send().await.status, 200, "{path}");
    }
    for (method, path) in [("POST", ""), ("PUT", "/other"), ("POST", "/hello/deployments"), ("POST", "/hello/rollback")]
    {
        let path = format!("/v1/agents{path}");
        let json = if path.ends_with('k') || path.ends_with("ments") { json!({}) } else { body.clone() };
        let answer = service.ask(method, &path).by(&reader).json(&json).send().await;
        assert_eq!(answer.refusal(), refused, "{method} {path}");
    }
    let patch = service.ask("PATCH", "/v1/agents/hello").by(&reader).patch(1, &json!({})).send().await;
    assert_eq!(patch.refusal(), refused);
    for path in ["/v1/agents/hello", "/v1/agents/hello/deployments/production"] {
        assert_eq!(service.ask("DELETE", path).by(&reader).send().await.refusal(), refused, "{path}");
    }
    // stopping executions is more than writing agents
    let cancel = service.ask("DELETE", "/v1/agents/hello?executions=cancel").by(&writer).send().await;
    assert_eq!(cancel.refusal(), refused);
}
