//! Another project's agent does not exist, whatever is asked of it.

use moltforge_testing::World;
use serde_json::json;

use crate::service::{Service, hello};

moltforge_testing::worlds! { foreign_ids_give_404 }

async fn foreign_ids_give_404(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    service.ask("POST", "/v1/agents/hello/deployments").json(&json!({})).send().await;
    let config = json!({ "config": hello("hello") });
    let empty = json!({});
    let path = |rest: &str| format!("/v1/agents/{id}{rest}");
    for ask in [
        service.ask("GET", &path("")),
        service.ask("GET", &path("/versions")),
        service.ask("GET", &path("/versions/1")),
        service.ask("GET", &path("/versions/1/diff")),
        service.ask("GET", &path("/deployments")),
        service.ask("GET", &path("/state")),
        service.ask("PUT", &path("")).json(&config),
        service.ask("PATCH", &path("")).patch(1, &empty),
        service.ask("POST", &path("/deployments")).json(&empty),
        service.ask("POST", &path("/rollback")).json(&empty),
        service.ask("DELETE", &path("/deployments/production")),
        service.ask("DELETE", &path("")),
        service.ask("DELETE", &path("?executions=cancel")),
        service.ask("GET", "/v1/agents/hello"),
        service.ask("GET", "/v1/agents/hello/versions/1"),
    ] {
        let answer = ask.by(&service.stranger).send().await;
        assert_eq!(answer.refusal(), (404, "agent_not_found"), "{}", answer.body);
    }
    let list = service.ask("GET", "/v1/agents?deleted=true").by(&service.stranger).send().await;
    assert_eq!(list.body["items"], json!([]));
    let mine = service.get("/v1/agents/hello").await.body;
    assert_eq!((&mine["latest_version"], mine["deployments"].as_array().unwrap().len()), (&json!(1), 1));
}
