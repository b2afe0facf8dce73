//! `http.fetch` against a real server.

use std::sync::Arc;

use moltforge_api::AgentConfig;
use moltforge_capabilities::tools::{Begin, CallRequest, ToolError, ToolSet, Tools};
use moltforge_egress::{Egress, EgressConfig};
use moltforge_store::{Location, Store};
use moltforge_types::execution::Effect;
use moltforge_types::{AgentId, Ambient, ExecutionId, Id as _, ProjectId, Timestamp};
use serde_json::{Value, json};

use crate::server::{Server, response};
use crate::world::agent;

/// An agent's tools, with a real store behind them.
pub(crate) struct Bench {
    config: Arc<AgentConfig>,
    set: Arc<ToolSet>,
    tools: Tools,
    pub(crate) store: Store,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// The tools of an agent, from the rest of its file, where the operator grants these local addresses.
    pub(crate) async fn new(rest: &str, allow_local: &[&str]) -> Self {
        let config = agent(rest);
        let allow_local = allow_local.iter().map(|rule| rule.parse().unwrap()).collect();
        let egress = Egress::new(EgressConfig { allow_local, ..EgressConfig::default() });
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Location::Sqlite(folder.path().to_owned()), Ambient::system()).await.unwrap();
        let set = Arc::new(ToolSet::resolve(&config).unwrap());
        Self { config, set, tools: Tools::new(egress, store.clone()), store, _folder: folder }
    }

    /// One call, as the engine makes it.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value) -> Result<Value, ToolError> {
        self.call_with_effect(tool, arguments).await.1
    }

    pub(crate) async fn call_with_effect(&self, tool: &str, arguments: &Value) -> (Effect, Result<Value, ToolError>) {
        let begin = self.set.begin(tool, &arguments.to_string(), Timestamp::from_micros(0));
        let Begin::Call { effect, arguments } = begin else { panic!("{begin:?}") };
        let request = CallRequest {
            project_id: ProjectId::from_u128(1),
            agent_id: AgentId::from_u128(1),
            execution_id: ExecutionId::from_u128(1),
            step: 1,
            tool: tool.to_owned(),
            arguments,
            idempotency_key: Some("key-1".to_owned()),
            chain_depth: 3,
            tools: self.set.clone(),
            config: self.config.clone(),
        };
        (effect, self.tools.call(request).await)
    }
}

async fn bench(server: &Server) -> Bench {
    let host = server.address.to_string();
    Bench::new(&format!("tools = [\"http.fetch\"]\nhosts = [\"{host}\"]\n"), &[&host]).await
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let server = Server::start(|request| match request.path.as_str() {
        "/json" => response(
            "200 OK",
            "content-type: application/json\r\netag: \"1\"\r\nset-cookie: secret=1\r\n",
            "{\"a\":[1]}",
        ),
        "/missing" => response("404 Not Found", "content-type: text/plain\r\n", "nope"),
        _ => response("500 Oops", "", ""),
    })
    .await;
    let bench = bench(&server).await;
    let fetch = |path: &str| bench.call_owned(json!({ "url": server.url(path) }));
    let json_headers = json!({ "content-type": "application/json", "etag": "\"1\"" });
    assert_eq!(fetch("/json").await.unwrap(), json!({ "status": 200, "headers": json_headers, "body": { "a": [1] } }));
    let text_headers = json!({ "content-type": "text/plain" });
    assert_eq!(fetch("/missing").await.unwrap(), json!({ "status": 404, "headers": text_headers, "body": "nope" }));
    assert_eq!(fetch("/oops").await.unwrap(), json!({ "status": 500, "headers": {}, "body": null }));
}

impl Bench {
    async fn call_owned(&self, arguments: Value) -> Result<Value, ToolError> {
        self.call("http.fetch", &arguments).await
    }
}

#[tokio::test]
async fn method_headers_and_body_are_sent() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let bench = bench(&server).await;
    for (body, sent, content_type) in [
        (json!("plain text"), "plain text", None),
        (json!({ "a": 1 }), "{\"a\":1}", Some("application/json")),
        (json!(null), "", None),
    ] {
        let arguments =
            json!({ "url": server.url("/x?q=1"), "method": "POST", "headers": { "X-Test": "yes" }, "body": body });
        bench.call_owned(arguments).await.unwrap();
        let received = server.received().pop().unwrap();
        assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/x?q=1"));
        assert_eq!(
            (received.headers["x-test"].as_str(), String::from_utf8(received.body).unwrap().as_str()),
            ("yes", sent)
        );
        assert_eq!(received.headers.get("content-type").map(String::as_str), content_type);
    }
}

#[tokio::test]
async fn only_requested_and_granted_hosts_are_reached() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let host = server.address.to_string();
    let arguments = json!({ "url": server.url("/") });
    let not_requested = Bench::new("tools = [\"http.fetch\"]\n", &[&host]).await;
    let error = not_requested.call_owned(arguments.clone()).await.unwrap_err();
    assert!(error.info.code == "host_not_granted" && error.info.message.contains("its author"), "{error}");
    let not_granted = Bench::new(&format!("tools = [\"http.fetch\"]\nhosts = [\"{host}\"]\n"), &[]).await;
    let error = not_granted.call_owned(arguments).await.unwrap_err();
    assert!(error.info.code == "host_not_granted" && error.info.message.contains("the operator"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() {
    let server = Server::start(|_| response("200 OK", "", &"x".repeat((1 << 20) + 1))).await;
    let bench = bench(&server).await;
    let fetch = |arguments: Value| bench.call_owned(arguments);
    for (arguments, code) in [
        (json!({ "url": "file:///etc/passwd" }), "url_invalid"),
        (json!({ "url": server.url("/"), "headers": { "host": "x" } }), "header_not_allowed"),
        (json!({ "url": server.url("/"), "headers": { "a b": "x" } }), "tool_arguments_invalid"),
        (json!({ "url": server.url("/"), "headers": { "a": "x\ny" } }), "tool_arguments_invalid"),
        (json!({ "url": server.url("/") }), "response_too_large"),
    ] {
        assert_eq!(fetch(arguments.clone()).await.unwrap_err().info.code, code, "{arguments}");
    }
}

#[tokio::test]
async fn what_is_not_text_is_described() {
    let server = Server::start(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 4\r\n\r\n".to_vec();
        bytes.extend([0x89, 0x50, 0xff, 0x00]);
        vec![crate::server::Step::Write(bytes)]
    })
    .await;
    let output = bench(&server).await.call_owned(json!({ "url": server.url("/") })).await.unwrap();
    assert_eq!(output["body"], "(4 bytes of image/png, which is not text)");
}
