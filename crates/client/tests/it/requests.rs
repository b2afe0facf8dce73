use futures::TryStreamExt as _;
use http::{HeaderMap, HeaderValue};
use moltforge_api::agents::ListAgents;
use moltforge_api::executions::StartExecution;
use moltforge_api::keys::CreateKey;
use moltforge_client::{Client, Error, StartOptions};
use moltforge_types::Fault as _;
use serde_json::json;

use crate::server::{Script, json, problem};

fn start() -> StartExecution {
    StartExecution { agent: "hello".to_owned(), input: json!({}), ..StartExecution::default() }
}

fn page(names: &[&str], next: Option<&str>) -> serde_json::Value {
    let items: Vec<_> = names
        .iter()
        .map(|name| {
            json!({ "key_id": name, "name": name, "hint": "mf_", "scopes": [], "created_at": "", "created_by": "" })
        })
        .collect();
    json!({ "items": items, "next": next })
}

#[tokio::test]
async fn a_read_is_tried_again_until_the_server_is_ready() {
    let script = Script::default()
        .then(|_| problem(503, "starting", None))
        .then(|_| problem(429, "rate_limited", Some(0)))
        .then(|_| json(200, &page(&["a"], None)));
    let keys = script.serve().await.keys().list(&moltforge_api::PageQuery::default()).await.unwrap();
    assert_eq!(keys.items.len(), 1);
    assert_eq!(script.asked(), vec!["GET /v1/keys"; 3]);
    assert_eq!(script.header(2, "authorization").unwrap(), "Bearer mf_test");
}

#[tokio::test]
async fn a_write_is_tried_again_only_with_a_key() {
    let script = Script::default().then(|_| problem(503, "starting", None));
    let error = script.serve().await.executions().start(&start(), &StartOptions::default()).await.unwrap_err();
    assert_eq!((error.code(), script.asked().len()), ("starting", 1));

    let script =
        Script::default().then(|_| problem(503, "starting", None)).then(|_| problem(422, "input_invalid", None));
    let options = StartOptions { idempotency_key: Some("k-1".to_owned()), ..StartOptions::default() };
    let error = script.serve().await.executions().start(&start(), &options).await.unwrap_err();
    assert_eq!((error.code(), script.asked().len()), ("input_invalid", 2));
    assert_eq!(script.header(1, "idempotency-key").unwrap(), "k-1");
    assert_eq!(error.request_id(), Some("req_1"));
}

#[tokio::test]
async fn a_long_pause_is_the_callers_decision() {
    let script = Script::default().then(|_| problem(429, "rate_limited", Some(3600)));
    let error = script.serve().await.executions().get("exe_1").await.unwrap_err();
    let Error::Problem { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!((retry_after.unwrap().as_secs(), script.asked().len()), (3600, 1));
}

#[tokio::test]
async fn something_else_at_the_address_is_named() {
    let script =
        Script::default().then(|_| axum::response::Response::new("<html>".into())).then(|_| json(404, &json!({})));
    let client = script.serve().await;
    let error = client.executions().get("exe_1").await.unwrap_err();
    assert!(error.to_string().contains("GET /v1/executions/exe_1 was answered with status 200"), "{error}");
    let error = client.executions().get("exe_1").await.unwrap_err();
    assert!(!error.is_not_found() && error.code() == "unexpected_response", "{error}");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::remote(&format!("http://{free}/"), None).unwrap();
    let body = CreateKey { name: "x".to_owned(), scopes: vec![], expires_at: None };
    let error = client.keys().create(&body).await.unwrap_err();
    assert_eq!(error.code(), "server_unreachable");
    assert_eq!(error.to_string(), format!("POST /v1/keys failed: cannot reach http://{free}"));
}

#[tokio::test]
async fn pages_are_fetched_as_the_stream_is_read() {
    let agent = |name: &str| {
        json!({ "agent_id": "agt_1", "name": name, "description": "", "latest_version": 1, "deployments": [],
            "config": { "name": name, "kind": "prompt", "model": "scripted" }, "created_at": "", "updated_at": "" })
    };
    let (first, second) =
        (json!({ "items": [agent("a"), agent("b")], "next": "c=1" }), json!({ "items": [agent("c")] }));
    let script = Script::default().then(move |_| json(200, &first)).then(move |_| json(200, &second));
    let client = script.serve().await;
    let all: Vec<_> = client.agents().list_all(ListAgents::default()).map_ok(|a| a.name).try_collect().await.unwrap();
    assert_eq!(all, ["a", "b", "c"]);
    assert_eq!(script.asked(), ["GET /v1/agents", "GET /v1/agents?cursor=c%3D1"]);
}

#[tokio::test]
async fn in_process_the_browsers_headers_go_along_and_nothing_is_retried() {
    let script = Script::default().then(|_| problem(503, "draining", None));
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("s=1"));
    headers.insert("host", HeaderValue::from_static("127.0.0.1:8420"));
    let error = Client::in_process(script.router(), headers).executions().get("exe_1").await.unwrap_err();
    assert_eq!((error.code(), script.asked()), ("draining", vec!["GET /v1/executions/exe_1".to_owned()]));
    assert_eq!(script.header(0, "cookie").unwrap(), "s=1");
    assert_eq!(script.header(0, "host").unwrap(), "127.0.0.1:8420");
    assert_eq!(script.header(0, "accept").unwrap(), "application/json");
}

#[test]
fn a_bad_address_is_refused_at_once() {
    for bad in ["", "localhost:8420", "ftp://x", "http://x/?q", "http://"] {
        assert!(matches!(Client::remote(bad, None), Err(Error::Argument(_))), "{bad}");
    }
}
