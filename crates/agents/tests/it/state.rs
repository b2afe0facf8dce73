//! `GET /v1/agents/{agent}/state`

use moltforge_testing::World;
use serde_json::json;

use crate::service::Service;

moltforge_testing::worlds! { state_is_paged_by_key }

async fn state_is_paged_by_key(world: &World) {
    let service = Service::new(world).await;
    let id = service.create("hello").await;
    assert_eq!(service.get("/v1/agents/hello/state").await.body, json!({ "items": [] }));
    let mut last = None;
    for key in ["b", "c", "a/x"] {
        last = Some(service.executions.start(service.owner.project_id, &id, key).await);
    }
    let first = service.get("/v1/agents/hello/state?limit=2").await.body;
    let expected = json!({
        "key": "a/x", "value": { "of": "a/x" }, "execution_id": last.unwrap().to_string(),
        "updated_at": "2026-01-01T00:00:00.000000Z",
    });
    assert_eq!((&first["items"][0], &first["items"][1]["key"]), (&expected, &json!("b")));
    let next = first["next"].as_str().unwrap();
    let second = service.get(&format!("/v1/agents/{id}/state?limit=2&cursor={next}")).await.body;
    assert_eq!((&second["items"][0]["key"], second["items"].as_array().unwrap().len()), (&json!("c"), 1));
    assert!(second.get("next").is_none());
}
