//! `/v1/agents/{agent}/versions`

use moltforge_testing::World;
use serde_json::{Value, json};

use crate::service::Service;

moltforge_testing::worlds! { versions_are_numbered_and_named_by_content, versions_are_pages_newest_first, any_two_are_compared }

async fn versions_are_numbered_and_named_by_content(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    service.version("hello", "two").await;
    service.version("hello", "hi").await;
    let get = async |version: u32| service.get(&format!("/v1/agents/hello/versions/{version}")).await.body;
    let (one, two, three) = (get(1).await, get(2).await, get(3).await);
    assert_eq!((&one["version"], &two["version"], &three["version"]), (&json!(1), &json!(2), &json!(3)));
    assert_eq!(one["content_hash"], three["content_hash"], "the same content has the same name");
    assert_ne!(one["content_hash"], two["content_hash"]);
    assert_ne!(one["version_id"], three["version_id"]);
    assert_eq!(two["config"]["script"][0]["text"], "two");
    assert_eq!(two["created_by"], service.owner.actor.to_string());
    assert_eq!(two["created_at"], "2026-01-01T00:00:00.000000Z");
    for (version, refusal) in
        [("4", (404, "version_not_found")), ("0", (404, "version_not_found")), ("x", (400, "path_invalid"))]
    {
        let answer = service.get(&format!("/v1/agents/hello/versions/{version}")).await;
        assert_eq!(answer.refusal(), refusal, "{version}");
    }
}

async fn versions_are_pages_newest_first(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    for text in ["two", "three"] {
        service.version("hello", text).await;
    }
    let numbers = |body: &Value| -> Vec<u64> {
        body["items"].as_array().unwrap().iter().filter_map(|item| item["version"].as_u64()).collect()
    };
    let first = service.get("/v1/agents/hello/versions?limit=2").await.body;
    assert_eq!(numbers(&first), [3, 2]);
    let next = first["next"].as_str().unwrap();
    let second = service.get(&format!("/v1/agents/hello/versions?limit=2&cursor={next}")).await.body;
    assert_eq!((numbers(&second), second.get("next")), (vec![1], None));
    assert_eq!(service.get("/v1/agents/nobody/versions").await.refusal(), (404, "agent_not_found"));
}

async fn any_two_are_compared(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    service.version("hello", "two").await;
    service.version("hello", "three").await;
    let diff = async |path: &str| service.get(&format!("/v1/agents/hello/versions/{path}")).await;
    let last = diff("3/diff").await;
    assert_eq!((last.status, &last.body["from"], &last.body["to"]), (200, &json!(2), &json!(3)));
    let change = json!([{ "pointer": "/script/0/text", "from": "two", "to": "three" }]);
    assert_eq!(last.body["changes"], change);
    let unified = last.body["unified"].as_str().unwrap();
    assert!(unified.contains("\n-text = \"two\"\n+text = \"three\"\n"), "{unified}");
    // whichever way it is asked, the older one comes first
    for path in ["1/diff?against=3", "3/diff?against=1"] {
        let body = diff(path).await.body;
        assert_eq!((&body["from"], &body["to"]), (&json!(1), &json!(3)));
        assert_eq!(body["changes"][0]["to"], "three");
    }
    let same = diff("2/diff?against=2").await.body;
    assert_eq!((&same["changes"], &same["unified"]), (&json!([]), &json!("")));
    let first = diff("1/diff").await.body;
    assert_eq!((&first["from"], &first["changes"][0]["to"]), (&json!(0), &json!("hello")));
    for path in ["9/diff", "0/diff", "1/diff?against=9", "1/diff?against=0"] {
        assert_eq!(diff(path).await.refusal(), (404, "version_not_found"), "{path}");
    }
    assert_eq!(diff("1/diff?against=x").await.refusal(), (400, "query_invalid"));
}
