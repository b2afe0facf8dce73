//! `DELETE /v1/agents/{agent}`

use moltforge_testing::World;
use moltforge_types::execution::State;
use serde_json::json;

use crate::service::{Service, changes, hello};

moltforge_testing::worlds! { history_stays_readable_and_the_name_is_free, live_executions_refuse_it, live_executions_are_cancelled_when_asked, a_failed_cancellation_can_be_repeated }

async fn history_stays_readable_and_the_name_is_free(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    service.version("hello", "two").await;
    service.ask("POST", "/v1/agents/hello/deployments").json(&json!({})).send().await;
    assert_eq!(service.ask("DELETE", "/v1/agents/hello").send().await.status, 204);
    assert_eq!(service.ask("DELETE", "/v1/agents/hello").send().await.refusal(), (404, "agent_not_found"));
    assert_eq!(service.get("/v1/agents/hello").await.refusal(), (404, "agent_not_found"));

    let gone = service.get(&format!("/v1/agents/{id}")).await.body;
    assert_eq!((&gone["deployments"], gone.get("deleted_at").is_some()), (&json!([]), true));
    for path in ["versions", "versions/1", "versions/2/diff", "deployments", "state"] {
        assert_eq!(service.get(&format!("/v1/agents/{id}/{path}")).await.status, 200, "{path}");
    }
    let history = service.get(&format!("/v1/agents/{id}/deployments")).await.body;
    assert_eq!(history["items"][0]["status"], "undeployed");

    // nothing of it can be changed any more
    let path = format!("/v1/agents/{id}");
    let config = json!({ "config": hello("hello") });
    for ask in [
        service.ask("PUT", &path).json(&config),
        service.ask("PATCH", &path).patch(2, &json!({})),
        service.ask("DELETE", &path),
        service.ask("POST", &format!("{path}/deployments")).json(&json!({})),
        service.ask("POST", &format!("{path}/rollback")).json(&json!({})),
        service.ask("DELETE", &format!("{path}/deployments/production")),
    ] {
        let answer = ask.send().await;
        assert_eq!(answer.refusal(), (410, "agent_deleted"), "{}", answer.body);
    }
    assert_ne!(service.create("hello").await, id);
    let actions: Vec<_> = changes(world, &service).await.into_iter().map(|(action, _)| action).collect();
    let expected = ["created", "updated", "deployed", "undeployed", "deleted", "created"];
    assert_eq!(actions, expected.map(|action| format!("agent.{action}")));
}

async fn live_executions_refuse_it(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    service.ask("POST", "/v1/agents/hello/deployments").json(&json!({})).send().await;
    for key in ["a", "b"] {
        service.executions.start(service.owner.project_id, &id, key).await;
    }
    let refused = service.ask("DELETE", "/v1/agents/hello").send().await;
    assert_eq!(refused.refusal(), (409, "agent_has_live_executions"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("2 executions that are live") && detail.contains("?executions=cancel"), "{detail}");
    let agent = service.get("/v1/agents/hello").await;
    assert_eq!((agent.status, agent.body["deployments"].as_array().unwrap().len()), (200, 1), "nothing was touched");
    let wrong = service.ask("DELETE", "/v1/agents/hello?executions=kill").send().await;
    assert_eq!(wrong.refusal(), (400, "query_invalid"));
}

async fn live_executions_are_cancelled_when_asked(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    let other = service.create("other").await;
    let project_id = service.owner.project_id;
    let mine = service.executions.start(project_id, &id, "a").await;
    let theirs = service.executions.start(project_id, &other, "a").await;
    assert_eq!(service.ask("DELETE", "/v1/agents/hello?executions=cancel").send().await.status, 204);
    let state = async |id| world.executions(project_id).find(id).await.unwrap().unwrap().columns.state;
    assert_eq!((state(mine).await, state(theirs).await), (State::Cancelled, State::Running));
}

async fn a_failed_cancellation_can_be_repeated(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    let execution = service.executions.start(service.owner.project_id, &id, "a").await;
    *service.executions.fails.lock().unwrap() = true;
    let failed = service.ask("DELETE", "/v1/agents/hello?executions=cancel").send().await;
    assert_eq!(failed.refusal(), (503, "executions_not_cancelled"), "{}", failed.body);
    assert!(failed.body["detail"].as_str().unwrap().contains(&id), "{}", failed.body);
    let again = service.ask("DELETE", &format!("/v1/agents/{id}?executions=cancel")).send().await;
    assert_eq!(again.status, 204, "{}", again.body);
    let row = world.executions(service.owner.project_id).find(execution).await.unwrap().unwrap();
    assert_eq!(row.columns.state, State::Cancelled);
}
