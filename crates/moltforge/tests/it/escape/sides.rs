//! Two projects of one server: the owner, who has something, and the stranger, who wants it.

use std::time::Duration;

use moltforge_api::executions::Execution;
use moltforge_client::{Client, StartOptions};
use moltforge_types::Secret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::http::{Answer, Http};
use crate::world::{World, start};

/// Runs whatever its input says: one program for all attempts.
const TRIES: &str = "const AsyncFunction = (async () => {}).constructor;
export default (input, tools) => new AsyncFunction('c', 'i', input.code)(tools, input);";

/// Every tool that comes with the server.
pub(super) const TOOLS: [&str; 13] = [
    "agents.call",
    "agents.start",
    "agents.wait",
    "approvals.request",
    "events.emit",
    "http.fetch",
    "math.add",
    "signals.wait",
    "state.delete",
    "state.get",
    "state.set",
    "time.now",
    "time.sleep",
];

/// What programs ask for, so that nothing but the operator's word is in the way.
const HOSTS: [&str; 3] = ["169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal"];

/// This machine, in the forms that URLs come to.
const LOCAL: [&str; 6] = ["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]"];

/// Somebody with a key of a project.
pub(crate) struct Side {
    pub(crate) client: Client,
    pub(crate) http: Http,
}

/// Both, and their server.
pub(super) struct Sides {
    pub(super) owner: Side,
    pub(super) stranger: Side,
    pub(super) world: World,
    /// Serves what the operator permits.
    pub(super) permitted: Listener,
    /// Serves what nobody permits.
    pub(super) private: Listener,
}

impl Sides {
    pub(super) async fn start() -> Self {
        let (permitted, private) = (Listener::start().await, Listener::start().await);
        let world = World::with_programs(permitted.port, private.port).await;
        let (client, key) = world.stranger().await;
        let address = world.server.address();
        let stranger = Side { client, http: Http::new(address, Some(key.expose())) };
        let owner = Side { client: world.client(), http: world.http() };
        let sides = Self { owner, stranger, world, permitted, private };
        for side in [&sides.owner, &sides.stranger] {
            let hosts: Vec<_> = HOSTS
                .iter()
                .map(|host| (*host).to_owned())
                .chain(LOCAL.iter().map(|host| format!("{host}:{}", sides.private.port)))
                .chain([sides.permitted.port, address.port()].map(|port| format!("127.0.0.1:{port}")))
                .collect();
            let all = json!({ "tools": TOOLS, "agents": ["victim", "echo"], "hosts": hosts });
            side.deploy("tries", &all, TRIES).await;
            side.deploy("bare", &json!({}), TRIES).await;
            side.deploy("echo", &json!({}), "export default input => input").await;
        }
        let waits = "export default async (i, { signals }) => ({ victim: await signals.wait('go') })";
        sides.owner.deploy("victim", &json!({ "tools": ["signals.wait"] }), waits).await;
        sides
    }

    /// The key of the owner's project.
    pub(super) fn key(&self) -> &Secret {
        &self.world.key
    }
}

/// The hash of a program of one file, and its bytes.
pub(crate) fn bundle(file: &str, source: &str) -> (String, String) {
    let bytes = json!({ "files": { file: source } }).to_string();
    (moltforge_manifest::bundle::hash(bytes.as_bytes()), bytes)
}

impl Side {
    /// Deploys a program of one file.
    pub(crate) async fn deploy(&self, name: &str, fields: &Value, source: &str) {
        let (hash, bytes) = bundle("agent.js", source);
        let answer = self.http.json("PUT", &format!("/v1/bundles/{hash}"), &bytes).await;
        assert!(answer.status < 300, "{}", answer.text());
        let answer = self.create(name, &hash, fields).await;
        assert!(answer.status < 300, "{}", answer.text());
        let answer = self.http.json("POST", &format!("/v1/agents/{name}/deployments"), "{}").await;
        assert!(answer.status < 300, "{}", answer.text());
    }

    /// Creates an agent of a program that was uploaded.
    pub(crate) async fn create(&self, name: &str, hash: &str, fields: &Value) -> Answer {
        let mut config = json!({ "name": name, "kind": "code", "code": "agent.js", "bundle": hash });
        for (key, value) in fields.as_object().unwrap() {
            config[key] = value.clone();
        }
        self.http.json("POST", "/v1/agents", &json!({ "config": config }).to_string()).await
    }

    /// Runs an agent to its end.
    pub(crate) async fn run(&self, agent: &str, input: Value) -> Execution {
        // the first one waits for the engine to be compiled
        let wait = StartOptions { wait: Some(Duration::from_secs(30)), idempotency_key: None };
        let mut execution = self.client.executions().start(&start(agent, input), &wait).await.unwrap();
        for _ in 0..2000 {
            if ["completed", "failed", "cancelled", "paused"].contains(&execution.state.as_str()) {
                return execution;
            }
            // a real wait: the real program works meanwhile
            tokio::time::sleep(Duration::from_millis(50)).await;
            execution = self.client.executions().get(&execution.execution_id).await.unwrap();
        }
        panic!("it does not end: {execution:?}");
    }

    /// Runs these lines with every tool; what they return, or the code of what they throw.
    pub(super) async fn tries(&self, lines: &str, more: Value) -> Value {
        self.lines("tries", lines, more).await
    }

    /// The same of an agent.
    pub(super) async fn lines(&self, agent: &str, lines: &str, more: Value) -> Value {
        let code = format!("try {{ {lines} }} catch (e) {{ return {{ error: String(e), code: e.code ?? null }} }}");
        let mut input = json!({ "code": code });
        for (key, value) in more.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        let execution = self.run(agent, input).await;
        execution.output.unwrap_or_else(|| json!({ "failed": execution.error.map(|error| error.code) }))
    }

    /// Starts an agent that waits; its id when it does.
    pub(super) async fn waiting(&self, agent: &str, input: Value) -> String {
        let started = self.client.executions().start(&start(agent, input), &StartOptions::default()).await.unwrap();
        for _ in 0..2000 {
            let now = self.client.executions().get(&started.execution_id).await.unwrap();
            if now.state == "suspended" {
                return now.execution_id;
            }
            // a real wait: the real program works meanwhile
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it does not wait");
    }
}

/// What a server says to a request for this path.
fn answer(path: &str) -> Vec<u8> {
    let head = |status: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let many = |count: &str| "x".repeat(count.parse().unwrap_or(0));
    let text = "content-type: text/plain\r\nset-cookie: canary=1\r\nx-internal: canary\r\n";
    match path.split('/').collect::<Vec<_>>()[1..] {
        ["to", place] => head("302 Found", &format!("location: http://{place}/\r\n"), b""),
        ["again", ..] => head("302 Found", &format!("location: {path}/again\r\n"), b""),
        ["bytes", count] => head("200 OK", text, many(count).as_bytes()),
        ["headers", count] => head("200 OK", &format!("x-long: {}\r\n", many(count)), b"hello"),
        ["packed"] => head("200 OK", "content-encoding: gzip\r\n", ZEROS),
        _ => head("200 OK", text, b"hello"),
    }
}

/// 16 MiB of zeros in 16 KiB.
const ZEROS: &[u8] = include_bytes!("../../../../egress/tests/it/zeros-16m.gz");

/// A server on the loopback addresses that counts who connects, and keeps what they say.
pub(super) struct Listener {
    pub(super) port: u16,
    heard: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Listener {
    async fn start() -> Self {
        // of both families, so that no form of an address is spared for want of a server
        let listener = TcpListener::bind("[::]:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let mut bytes = vec![0; 8192];
                    let read = socket.read(&mut bytes).await.unwrap_or(0);
                    let said = String::from_utf8_lossy(&bytes[..read]).into_owned();
                    let path = said.split(' ').nth(1).unwrap_or("/").to_owned();
                    kept.lock().unwrap().push(said);
                    let _ = socket.write_all(&answer(&path)).await;
                });
            }
        });
        Self { port, heard }
    }

    /// The requests so far.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}
