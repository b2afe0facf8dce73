//! Declared tools against a real server.

use moltforge_types::execution::Effect;
use serde_json::{Value, json};

use crate::server::{Server, Step, response};
use crate::tools_fetch::Bench;

fn tools(server: &Server) -> String {
    let base = server.url("");
    let tool = |name: &str, method: &str, path: &str, more: &str| {
        format!(
            "[[tool]]\nname = \"{name}\"\ndescription = \"d\"\nmethod = \"{method}\"\nurl = \"{base}{path}\"\n{more}\n\
             parameters = {{ type = \"object\", properties = {{ city = {{ type = \"string\" }} }}, required = [\"city\"] }}\n"
        )
    };
    let names = "tools = [\"w.get\", \"w.post\", \"w.keyed\", \"w.delete\", \"w.slow\"]\n".to_owned();
    names
        + &tool("w.get", "GET", "/cities/{city}?units=metric", "headers = { x-region = \"eu\" }")
        + &tool("w.post", "POST", "/cities", "")
        + &tool("w.keyed", "PUT", "/cities/{city}", "effect = \"keyed\"")
        + &tool("w.delete", "DELETE", "/cities/{city}", "")
        + &tool("w.slow", "POST", "/slow", "timeout = \"100ms\"")
}

#[tokio::test]
async fn arguments_reach_the_endpoint_where_they_belong() {
    let server = Server::start(|_| response("200 OK", "content-type: application/json\r\n", "{\"ok\":true}")).await;
    let bench = Bench::new(&tools(&server), &[&server.address.to_string()]).await;
    let arguments = json!({ "city": "São Paulo", "days": 3 });
    for (tool, effect, line, body, keyed) in [
        ("w.get", Effect::Read, "GET /cities/S%C3%A3o%20Paulo?units=metric&days=3", Value::Null, false),
        ("w.post", Effect::AtMostOnce, "POST /cities", arguments.clone(), true),
        ("w.keyed", Effect::Keyed, "PUT /cities/S%C3%A3o%20Paulo", json!({ "days": 3 }), true),
        ("w.delete", Effect::AtMostOnce, "DELETE /cities/S%C3%A3o%20Paulo?days=3", Value::Null, true),
    ] {
        assert_eq!(bench.call_with_effect(tool, &arguments).await, (effect, Ok(json!({ "ok": true }))), "{tool}");
        let received = server.received().pop().unwrap();
        assert_eq!(format!("{} {}", received.method, received.path), line);
        let sent = if received.body.is_empty() { Value::Null } else { received.json() };
        assert_eq!(sent, body, "{tool}");
        assert_eq!(received.headers.get("idempotency-key").map(String::as_str), keyed.then_some("key-1"), "{tool}");
    }
    assert_eq!(server.received()[0].headers["x-region"], "eu");
}

#[tokio::test]
async fn answers_are_json_or_text() {
    let bodies = [
        ("application/json; charset=utf-8", "[1]", json!([1])),
        ("application/problem+json", "{}", json!({})),
        ("application/json", "not json", json!("not json")),
        ("text/plain", "hello", json!("hello")),
        ("text/plain", "5", json!("5")),
        ("text/plain", "", Value::Null),
    ];
    for (content_type, body, output) in bodies {
        let server =
            Server::start(move |_| response("201 Created", &format!("content-type: {content_type}\r\n"), body)).await;
        let bench = Bench::new(&tools(&server), &[&server.address.to_string()]).await;
        assert_eq!(bench.call("w.post", &json!({ "city": "x" })).await.unwrap(), output, "{content_type} {body}");
    }
}

#[tokio::test]
async fn other_statuses_are_errors_with_what_the_server_said() {
    for (status, unknown) in [
        ("404 Not Found", false),
        ("409 Conflict", false),
        ("500 Oops", false),
        ("502 Bad Gateway", true),
        ("504 Timeout", true),
    ] {
        let body = format!("no such\n  city \u{7} {}", "x".repeat(5000));
        let server = Server::start(move |_| response(status, "", &body)).await;
        let bench = Bench::new(&tools(&server), &[&server.address.to_string()]).await;
        let error = bench.call("w.post", &json!({ "city": "x" })).await.unwrap_err();
        assert_eq!((error.info.code.as_str(), error.outcome_unknown), ("tool_http_status", unknown), "{status}");
        assert!(error.info.message.contains(&format!("w.post answered {}", &status[..3])), "{}", error.info.message);
        assert!(
            error.info.message.contains(": no such city xxx") && error.info.message.len() < 700,
            "{}",
            error.info.message
        );
    }
}

#[tokio::test]
async fn an_outcome_is_unknown_when_the_request_was_sent_and_no_answer_came() {
    let server =
        Server::start(|request| if request.path == "/slow" { vec![Step::Hang] } else { vec![Step::Close] }).await;
    let bench = Bench::new(&tools(&server), &[&server.address.to_string()]).await;
    let error = bench.call("w.slow", &json!({ "city": "x" })).await.unwrap_err();
    assert_eq!((error.info.code.as_str(), error.outcome_unknown), ("egress_timeout", true));
    let error = bench.call("w.post", &json!({ "city": "x" })).await.unwrap_err();
    assert_eq!((error.info.code.as_str(), error.outcome_unknown), ("response_cut", true));
}

#[tokio::test]
async fn a_tool_reaches_its_own_host_when_the_operator_grants_it() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let bench = Bench::new(&tools(&server), &[]).await;
    let error = bench.call("w.post", &json!({ "city": "x" })).await.unwrap_err();
    assert_eq!((error.info.code.as_str(), error.outcome_unknown), ("host_not_granted", false));
    assert!(error.info.message.contains("egress.allow_local"), "{}", error.info.message);
    assert_eq!(server.connections(), 0);
}
