//! `PUT /v1/agents/{agent}`, `PATCH /v1/agents/{agent}`

use moltforge_testing::World;
use serde_json::json;

use crate::service::{Service, changes, hello};

moltforge_testing::worlds! { put_makes_what_is_missing_and_nothing_else, put_keeps_the_name, patch_is_a_merge_patch, patch_says_what_it_is_based_on, patch_obeys_the_rules }

async fn put_makes_what_is_missing_and_nothing_else(world: &World) {
    let service = Service::new(world).await;
    let mut config = hello("hello");
    let put = async |config: &serde_json::Value| {
        let answer = service.ask("PUT", "/v1/agents/hello").json(&json!({ "config": config })).send().await;
        (answer.status, answer.body["latest_version"].as_u64())
    };
    assert_eq!(put(&config).await, (201, Some(1)), "a new agent");
    assert_eq!(put(&config).await, (200, Some(1)), "nothing changed");
    config["description"] = json!("x");
    assert_eq!(put(&config).await, (201, Some(2)), "a new version");
    assert_eq!(put(&config).await, (200, Some(2)));
    config.as_object_mut().unwrap().shift_remove("description");
    assert_eq!(put(&config).await, (201, Some(3)), "an old content is new again");
    let actions: Vec<_> = changes(world, &service).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["agent.created", "agent.updated", "agent.updated"]);

    let id = service.get("/v1/agents/hello").await.body["agent_id"].as_str().unwrap().to_owned();
    let by_id = service.ask("PUT", &format!("/v1/agents/{id}")).json(&json!({ "config": config })).send().await;
    assert_eq!(by_id.status, 200);
    let nobody = service.ask("PUT", "/v1/agents/agt_01h455vb4pex5vsknk084sn02q").json(&json!({ "config": config }));
    assert_eq!(nobody.send().await.refusal(), (404, "agent_not_found"));
}

async fn put_keeps_the_name(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    for agent in ["hello", "new", &id] {
        let path = format!("/v1/agents/{agent}");
        let answer = service.ask("PUT", &path).json(&json!({ "config": hello("other") })).send().await;
        assert_eq!(answer.refusal(), (422, "agent_name_immutable"), "{agent}: {}", answer.body);
    }
}

async fn patch_is_a_merge_patch(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let patch = json!({ "description": "x", "limits": { "turns": 7 }, "tools": ["math.add"] });
    let one = service.ask("PATCH", "/v1/agents/hello").patch(1, &patch).send().await;
    assert_eq!((one.status, one.etag()), (200, "\"2\""), "{}", one.body);
    assert_eq!(one.body["config"]["limits"]["turns"], 7);
    assert_eq!(one.body["config"]["limits"]["wall"], "24h", "the rest stays");
    let patch = json!({ "description": null, "tools": null });
    let two = service.ask("PATCH", "/v1/agents/hello").patch(2, &patch).send().await;
    assert_eq!((two.status, two.etag()), (200, "\"3\""));
    assert!(two.body["config"].get("tools").is_none());
    // what changes nothing makes no version
    for patch in [json!({}), json!({ "limits": { "turns": 7 } }), json!({ "description": null })] {
        let same = service.ask("PATCH", "/v1/agents/hello").patch(3, &patch).send().await;
        assert_eq!((same.status, same.etag()), (200, "\"3\""), "{patch}");
    }
    assert_eq!(changes(world, &service).await.len(), 3);
    let plain = service.ask("PATCH", "/v1/agents/hello").patch(3, &json!({ "description": "y" }));
    let plain = plain.header("content-type", "application/json").send().await;
    assert_eq!((plain.status, plain.etag()), (200, "\"4\""));
}

async fn patch_says_what_it_is_based_on(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    service.version("hello", "two").await;
    let patch = json!({ "description": "x" });
    let ask = || service.ask("PATCH", "/v1/agents/hello").json(&patch);
    assert_eq!(ask().send().await.refusal(), (428, "if_match_required"));
    for tag in ["2", "W/\"2\"", "*", "\"two\""] {
        let refused = ask().header("if-match", tag).send().await;
        assert_eq!(refused.refusal(), (400, "if_match_invalid"), "{tag}");
    }
    for tag in ["\"1\"", "\"3\""] {
        let refused = ask().header("if-match", tag).send().await;
        assert_eq!(refused.refusal(), (412, "version_changed"), "{tag}: {}", refused.body);
    }
    let nobody = service.ask("PATCH", "/v1/agents/nobody").patch(1, &patch).send().await;
    assert_eq!(nobody.refusal(), (404, "agent_not_found"));
    assert_eq!(ask().header("if-match", "\"2\"").send().await.status, 200);
}

async fn patch_obeys_the_rules(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    for (patch, code, pointer) in [
        (json!({ "name": "other" }), "agent_name_immutable", ""),
        (json!({ "name": null }), "agent_invalid", "/name"),
        (json!({ "limits": { "turns": 0 } }), "agent_invalid", "/limits/turns"),
        (json!({ "budget": { "execution_usd": 1 } }), "agent_invalid", "/budget"),
        (json!({ "config": {} }), "agent_invalid", "/config"),
    ] {
        let refused = service.ask("PATCH", "/v1/agents/hello").patch(1, &patch).send().await;
        assert_eq!(refused.refusal(), (422, code), "{patch}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"].as_str().unwrap_or(""), pointer);
    }
    let list = service.ask("PATCH", "/v1/agents/hello").patch(1, &json!([])).send().await;
    assert_eq!(list.refusal(), (422, "body_invalid"));
    assert_eq!(service.get("/v1/agents/hello").await.etag(), "\"1\"");
}
