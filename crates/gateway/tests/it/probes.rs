//! `/healthz`, `/readyz`, `/v1/openapi.json`, `/docs/errors/{code}`.

use moltforge_gateway::{Gateway, GatewayConfig, ReadyCheck};
use moltforge_http::CallerKeys;
use serde_json::json;

use crate::world::{send, world};

#[tokio::test]
async fn a_living_process_says_so_to_whoever_asks() {
    let world = world().await;
    for host in ["127.0.0.1", "10.1.2.3:8420", "evil.example"] {
        let answer = world.ask("GET", "/healthz").host(host).send().await;
        assert_eq!((answer.status, answer.body), (200, json!({"status": "alive"})));
    }
    assert_eq!(world.ask("POST", "/healthz").send().await.refusal(), (405, "method_not_allowed"));
}

#[tokio::test]
async fn ready_is_what_every_check_says() {
    let world = world().await;
    let answer = world.ask("GET", "/readyz").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({"status": "ready", "checks": {"store": "ok", "shards": "ok"}}));

    let keys = CallerKeys::generate(world.store.ambient());
    let gateway = Gateway::builder(GatewayConfig::default(), world.store.store(), keys)
        .ready_check(ReadyCheck::new("shards", || async { Err("owns 3 of 256".to_owned()) }))
        .build()
        .unwrap();
    let noted =
        Gateway::builder(GatewayConfig::default(), world.store.store(), CallerKeys::generate(world.store.ambient()))
            .ready_check(ReadyCheck::note("code_agents", || "cannot run here".to_owned()))
            .build()
            .unwrap();
    let answer = send(&noted.api(), world.ask("GET", "/readyz").into_request()).await;
    let said = json!({"status": "ready", "checks": {"store": "ok", "code_agents": "cannot run here"}});
    assert_eq!((answer.status, answer.body), (200, said), "a note keeps nobody from being ready");
    let answer = send(&gateway.api(), world.ask("GET", "/readyz").into_request()).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, json!({"status": "not_ready", "checks": {"store": "ok", "shards": "owns 3 of 256"}}));
    assert_eq!(send(&gateway.api(), world.ask("GET", "/healthz").into_request()).await.status, 200);

    world.store.close().await;
    let answer = world.ask("GET", "/readyz").send().await;
    assert_eq!((answer.status, &answer.body["checks"]["shards"]), (503, &json!("ok")));
    assert_ne!(answer.body["checks"]["store"], "ok");
    let refused = world.with_key("GET", "/v1/agents").send().await;
    assert_eq!(refused.refusal(), (503, "storage_unavailable"), "and requests get a clear answer");
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let world = world().await;
    let answer = world.ask("GET", "/v1/openapi.json").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let document = &answer.body;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "MoltForge");
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    assert_eq!(document["paths"]["/v1/keys"]["post"]["operationId"], "keys.create");
    assert_eq!(document["paths"]["/v1/sessions"]["post"]["security"], json!([{}]));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(!answer["description"].as_str().unwrap().is_empty(), "{method} {path} {status}");
            }
            assert!(operation["responses"].get("401").is_some() && operation["responses"].get("429").is_some());
        }
    }
}

#[tokio::test]
async fn an_error_has_a_page() {
    let world = world().await;
    let answer = world.ask("GET", "/docs/errors/key_unknown").send().await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "# key_unknown\n"));
    assert_eq!(world.ask("GET", "/docs/errors/nothing").send().await.refusal(), (404, "route_not_found"));
}
