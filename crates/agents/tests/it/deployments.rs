//! `/v1/agents/{agent}/deployments`, `/v1/agents/{agent}/rollback`

use moltforge_testing::World;
use serde_json::{Value, json};

use crate::service::{Answer, Service, changes};

moltforge_testing::worlds! { a_version_goes_live_and_takes_the_place, refusals, a_rollback_goes_back_and_further_back, a_rollback_can_name_its_version, undeploying, history_is_paged, the_number_of_environments_is_limited }

async fn deploy(service: &Service, body: Value) -> Answer {
    service.ask("POST", "/v1/agents/hello/deployments").json(&body).send().await
}

async fn rollback(service: &Service, body: Value) -> Answer {
    service.ask("POST", "/v1/agents/hello/rollback").json(&body).send().await
}

/// An agent `hello` with versions 1 to `count`.
async fn with_versions(world: &World, count: u32) -> Service {
    let service = Service::new(world).await;
    service.create("hello").await;
    for version in 2..=count {
        service.version("hello", &format!("version {version}")).await;
    }
    service
}

/// Environment and version of everything that is live.
async fn live(service: &Service) -> Vec<String> {
    let body = service.get("/v1/agents/hello").await.body;
    let place = |item: &Value| format!("{}={}", item["environment"].as_str().unwrap(), item["version"]);
    body["deployments"].as_array().unwrap().iter().map(place).collect()
}

async fn a_version_goes_live_and_takes_the_place(world: &World) {
    let service = with_versions(world, 2).await;
    let first = deploy(&service, json!({ "version": 1 })).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let fields = ["agent_name", "environment", "status", "action", "created_by"].map(|name| first.body[name].clone());
    let actor = service.owner.actor.to_string();
    assert_eq!(fields, ["hello", "production", "live", "deploy", actor.as_str()]);
    let again = deploy(&service, json!({ "version": 1 })).await;
    assert_eq!((again.status, &again.body["deployment_id"]), (200, &first.body["deployment_id"]));
    let latest = deploy(&service, json!({})).await;
    assert_eq!((latest.status, &latest.body["version"]), (201, &json!(2)), "the latest, when none is named");
    assert_eq!(deploy(&service, json!({ "environment": "staging", "version": 1 })).await.status, 201);
    assert_eq!(live(&service).await, ["production=2", "staging=1"]);
    assert_eq!(service.deployed.load(std::sync::atomic::Ordering::Relaxed), 3, "of each that changed something");
    let history = service.get("/v1/agents/hello/deployments?environment=production").await.body;
    assert_eq!(
        (&history["items"][1]["status"], history["items"][1].get("ended_at").is_some()),
        (&json!("superseded"), true)
    );
    let data: Vec<_> =
        changes(world, &service).await.into_iter().filter(|(action, _)| action == "agent.deployed").collect();
    assert_eq!(data.len(), 3, "what changes nothing is no change");
    assert_eq!((&data[1].1["before"], &data[1].1["version"]), (&json!(1), &json!(2)));
}

async fn refusals(world: &World) {
    let service = with_versions(world, 1).await;
    for (body, refusal) in [
        (json!({ "version": 2 }), (404, "version_not_found")),
        (json!({ "version": 0 }), (404, "version_not_found")),
        (json!({ "version": -1 }), (422, "body_invalid")),
        (json!({ "environment": "Production" }), (422, "environment_invalid")),
        (json!({ "traffic": 1 }), (422, "body_invalid")),
    ] {
        let answer = deploy(&service, body.clone()).await;
        assert_eq!(answer.refusal(), refusal, "{body}: {}", answer.body);
    }
    let nobody = service.ask("POST", "/v1/agents/nobody/deployments").json(&json!({})).send().await;
    assert_eq!(nobody.refusal(), (404, "agent_not_found"));

    let patch = json!({ "model": "openai/unknown", "script": null });
    assert_eq!(service.ask("PATCH", "/v1/agents/hello").patch(1, &patch).send().await.status, 200);
    let answer = deploy(&service, json!({})).await;
    assert_eq!(answer.refusal(), (422, "model_unknown"));
    assert!(answer.body["detail"].as_str().unwrap().contains("there are scripted, openai/known"), "{}", answer.body);
    let patch = json!({ "model": "openai/known" });
    assert_eq!(service.ask("PATCH", "/v1/agents/hello").patch(2, &patch).send().await.status, 200);
    assert_eq!(deploy(&service, json!({})).await.status, 201);
}

async fn a_rollback_goes_back_and_further_back(world: &World) {
    let service = with_versions(world, 3).await;
    assert_eq!(rollback(&service, json!({})).await.refusal(), (409, "no_earlier_deployment"));
    for version in 1..=3 {
        deploy(&service, json!({ "version": version })).await;
    }
    let back = rollback(&service, json!({})).await;
    assert_eq!((back.status, &back.body["version"], &back.body["action"]), (201, &json!(2), &json!("rollback")));
    assert_eq!(rollback(&service, json!({})).await.body["version"], 1, "not forth to 3 again");
    let nothing = rollback(&service, json!({})).await;
    assert_eq!(nothing.refusal(), (409, "no_earlier_deployment"), "{}", nothing.body);
    // a new deployment after rollbacks goes back to what was live before it
    deploy(&service, json!({ "version": 3 })).await;
    assert_eq!(rollback(&service, json!({})).await.body["version"], 1);
    let actions: Vec<_> = changes(world, &service).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "agent.rolled_back").count(), 3);
}

async fn a_rollback_can_name_its_version(world: &World) {
    let service = with_versions(world, 4).await;
    for version in 1..=3 {
        deploy(&service, json!({ "version": version })).await;
    }
    deploy(&service, json!({ "version": 4, "environment": "staging" })).await;
    let never = rollback(&service, json!({ "version": 4 })).await;
    assert_eq!(never.refusal(), (409, "no_earlier_deployment"), "it was live elsewhere only: {}", never.body);
    assert_eq!(rollback(&service, json!({ "version": 1 })).await.status, 201);
    assert_eq!(rollback(&service, json!({ "version": 1 })).await.status, 200, "it is live already");
    assert_eq!(live(&service).await, ["production=1", "staging=4"]);
    assert_eq!(rollback(&service, json!({ "environment": "nowhere" })).await.refusal(), (409, "no_earlier_deployment"));
    assert_eq!(rollback(&service, json!({ "environment": "No" })).await.refusal(), (422, "environment_invalid"));
}

async fn undeploying(world: &World) {
    let service = with_versions(world, 2).await;
    let undeploy =
        async |place: &str| service.ask("DELETE", &format!("/v1/agents/hello/deployments/{place}")).send().await;
    assert_eq!(undeploy("production").await.refusal(), (404, "deployment_not_found"));
    deploy(&service, json!({ "version": 1 })).await;
    deploy(&service, json!({ "version": 2 })).await;
    assert_eq!(undeploy("production").await.status, 204);
    assert_eq!(undeploy("production").await.refusal(), (404, "deployment_not_found"));
    assert_eq!(undeploy("Not-A-Name").await.refusal(), (404, "deployment_not_found"));
    assert_eq!(live(&service).await, Vec::<String>::new());
    let history = service.get("/v1/agents/hello/deployments").await.body;
    assert_eq!((&history["items"][0]["status"], &history["items"][0]["version"]), (&json!("undeployed"), &json!(2)));
    // what was live last comes back
    assert_eq!(rollback(&service, json!({})).await.body["version"], 2);
    assert_eq!(rollback(&service, json!({})).await.body["version"], 1);
    let last = changes(world, &service).await;
    assert!(last.iter().any(|(action, data)| action == "agent.undeployed" && data["version"] == 2), "{last:?}");
}

async fn history_is_paged(world: &World) {
    let service = with_versions(world, 3).await;
    for version in [1, 2, 3] {
        deploy(&service, json!({ "version": version })).await;
    }
    deploy(&service, json!({ "environment": "staging" })).await;
    let first = service.get("/v1/agents/hello/deployments?limit=3").await.body;
    let next = first["next"].as_str().unwrap();
    let second = service.get(&format!("/v1/agents/hello/deployments?limit=3&cursor={next}")).await.body;
    let versions = |body: &Value| -> Vec<String> {
        let of = |item: &Value| format!("{}={}", item["environment"].as_str().unwrap(), item["version"]);
        body["items"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(versions(&first), ["staging=3", "production=3", "production=2"]);
    assert_eq!((versions(&second), second.get("next")), (vec!["production=1".to_owned()], None));
    let bad = service.get("/v1/agents/hello/deployments?environment=No").await;
    assert_eq!(bad.refusal(), (422, "environment_invalid"));
}

async fn the_number_of_environments_is_limited(world: &World) {
    let service = with_versions(world, 2).await;
    for n in 0..32 {
        assert_eq!(deploy(&service, json!({ "environment": format!("e{n}"), "version": 1 })).await.status, 201);
    }
    assert_eq!(deploy(&service, json!({ "environment": "one-more" })).await.refusal(), (409, "environment_limit"));
    assert_eq!(
        deploy(&service, json!({ "environment": "e7" })).await.status,
        201,
        "a place that is taken is free to change"
    );
}
