//! What a server gives the programs of code agents, what it says while they wait for it, and what it says they use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use moltforge::guests::SandboxConfig;
use moltforge_api::executions::{CancelExecution, Execution};
use moltforge_client::StartOptions;
use moltforge_egress::EgressConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::escape::processes::below;
use crate::escape::sides::Side;
use crate::http::{Answer, Http};
use crate::world::{World, start};

/// The first program of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);
/// Computes for as long as its input is true, and holds as many mebibytes.
const LOOPS: &str = "export default (input) => {
    const held = new Uint8Array((input ?? 0) << 20).fill(1);
    for (let k = 0; input; k++) held[k % held.length]++;
};";

/// A server with two projects.
struct Node {
    _world: World,
    mine: Side,
    theirs: Side,
}

impl Node {
    async fn start(egress: EgressConfig, change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let mut sandbox = SandboxConfig { prepare: false, ..World::sandbox() };
        change(&mut sandbox);
        let world = World::running(egress, sandbox).await;
        let (client, key) = world.stranger().await;
        let theirs = Side { client, http: Http::new(world.server.address(), Some(key.expose())) };
        let mine = Side { client: world.client(), http: world.http() };
        Self { _world: world, mine, theirs }
    }
}

impl Side {
    /// Starts an execution; its id.
    async fn begin(&self, agent: &str, input: Value) -> String {
        let started = self.client.executions().start(&start(agent, input), &StartOptions::default()).await;
        started.unwrap().execution_id
    }

    async fn look(&self, id: &str) -> Execution {
        self.client.executions().get(id).await.unwrap()
    }

    /// Looks at an execution until it is as it should be.
    async fn until(&self, id: &str, what: &str, is_so: impl Fn(&Execution) -> bool) -> Execution {
        let began = Instant::now();
        loop {
            let now = self.look(id).await;
            if is_so(&now) {
                return now;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {now:?}");
            // a real wait: the real program works meanwhile
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_it_waits_for(&self, id: &str, what: &str) {
        self.until(id, what, |now| waits_for(now, what)).await;
    }

    async fn kill(&self, id: &str) {
        self.client.executions().kill(id, &CancelExecution::default()).await.unwrap();
    }
}

fn waits_for(execution: &Execution, what: &str) -> bool {
    execution.waiting_for.as_deref().is_some_and(|words| words.contains(what))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_an_agent_and_of_a_project_hold_nobody_else_up() {
    let node = Node::start(EgressConfig::default(), |sandbox| sandbox.guests_per_project = 2).await;
    let Node { mine, theirs, .. } = &node;
    mine.deploy("single", &json!({ "limits": { "cpu": "10m", "concurrency": 1 } }), LOOPS).await;
    mine.deploy("busy", &json!({ "limits": { "cpu": "10m" } }), LOOPS).await;
    for side in [mine, theirs] {
        side.deploy("quick", &json!({}), "export default () => 1").await;
        assert_eq!(side.run("quick", Value::Null).await.state, "completed");
    }
    let first = mine.begin("single", json!(1)).await;
    let second = mine.begin("single", json!(1)).await;
    mine.until_it_waits_for(&second, "a slot of the agent, which runs 1 at a time").await;
    // who comes after it does not wait for it
    assert_eq!(mine.run("quick", Value::Null).await.state, "completed");

    // both places of the project are taken by who computes
    let ids = [mine.begin("busy", json!(1)).await, mine.begin("busy", json!(1)).await];
    let began = Instant::now();
    let waits = loop {
        let [one, other] = [mine.look(&ids[0]).await, mine.look(&ids[1]).await];
        if let Some(at) = [&one, &other].iter().position(|now| waits_for(now, "its project has 2 in memory")) {
            break at;
        }
        assert!(began.elapsed() < PATIENCE, "{one:?} {other:?}");
        // a real wait: other processes compute
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(theirs.run("quick", Value::Null).await.state, "completed", "another project has its own places");
    mine.kill(&second).await;
    mine.kill(&first).await;
    mine.until(&ids[waits], "room for it", |now| now.state == "running" && now.waiting_for.is_none()).await;
}

/// What the metrics of a project say of one of its agents.
async fn metric(side: &Side, name: &str, agent: &str) -> Option<f64> {
    let text = side.client.metrics().await.unwrap();
    let of_agent = format!("agent=\"{agent}\"");
    let line = text.lines().find(|line| line.starts_with(name) && line.contains(&of_agent))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Seconds that all processes of programs have been on a processor.
fn processor_seconds() -> f64 {
    let ticks = below(std::process::id()).into_iter().filter_map(|process| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<u32> = stat
            .rsplit(')')
            .next()?
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        Some(fields.iter().sum::<u32>())
    });
    f64::from(ticks.sum::<u32>()) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_is_said_to_use_is_what_it_uses() {
    const MEMORY: &str = "agent_memory_usage_bytes";
    const CPU: &str = "agent_cpu_usage_percent";
    let node = Node::start(EgressConfig::default(), |_| {}).await;
    let (mine, theirs) = (&node.mine, &node.theirs);
    mine.deploy("busy", &json!({ "limits": { "cpu": "10m" } }), LOOPS).await;
    let id = mine.begin("busy", json!(24)).await;
    let began = Instant::now();
    let memory = loop {
        let (said, now) = (metric(mine, MEMORY, "busy").await, mine.look(&id).await);
        match said {
            Some(bytes) if bytes >= f64::from(24 << 20) => break bytes,
            said => assert!(began.elapsed() < PATIENCE, "{said:?} {now:?}"),
        }
        // a real wait: another process computes
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    // what it holds, and its engine
    assert!(memory < f64::from(40 << 20), "{memory}");

    // over one window, beside what the kernel says
    metric(mine, CPU, "busy").await;
    let (before, began) = (processor_seconds(), Instant::now());
    // a real wait: it computes meanwhile
    tokio::time::sleep(Duration::from_secs(4)).await;
    let said = metric(mine, CPU, "busy").await.unwrap();
    let took = 100.0 * (processor_seconds() - before) / began.elapsed().as_secs_f64();
    println!("{said} per cent are said, {took} are taken");
    assert!(took > 10.0 && (said - took).abs() < 15.0, "{said} per cent are said, {took} are taken");

    assert_eq!(metric(theirs, MEMORY, "busy").await, None, "it is nobody else's");
    mine.kill(&id).await;
    let began = Instant::now();
    while metric(mine, MEMORY, "busy").await.is_some_and(|bytes| bytes > 0.0) {
        assert!(began.elapsed() < PATIENCE, "what is gone uses nothing");
        // a real wait: it is stopped
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Answers with 20 kB, or never.
async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = vec![0; 8192];
            let read = socket.read(&mut bytes).await.unwrap_or(0);
            if bytes[..read].windows(5).any(|word| word == b"/slow") {
                silent.push(socket);
                continue;
            }
            let body = if bytes[..read].windows(5).any(|word| word == b"/long") { 20_000 } else { 2 };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {body}\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(&[head.into_bytes(), vec![b'x'; body]].concat()).await;
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_waits_for_the_network_says_so_and_others_do_not_wait() {
    let host = format!("127.0.0.1:{}", server().await);
    let egress = EgressConfig {
        allow_local: vec![host.parse().unwrap()],
        connections_per_project: 1,
        bytes_per_second_per_project: Some(2000),
        ..EgressConfig::default()
    };
    let node = Node::start(egress, |_| {}).await;
    let fetches = "export default async (paths) => {
        return (await Promise.all((paths ?? []).map(path => fetch('http://HOST' + path)))).map(one => one.status);
    };";
    for side in [&node.mine, &node.theirs] {
        let fields = json!({ "tools": ["http.fetch"], "hosts": [host] });
        side.deploy("fetcher", &fields, &fetches.replace("HOST", &host)).await;
    }
    let id = node.mine.begin("fetcher", json!(["/slow", "/slow"])).await;
    node.mine.until_it_waits_for(&id, "a connection: its project has 1").await;
    let other = node.theirs.run("fetcher", json!(["/"])).await;
    assert_eq!(other.output, Some(json!([200])), "{other:?}");
    node.mine.kill(&id).await;
    let id = node.theirs.begin("fetcher", json!(["/long"])).await;
    node.theirs.until_it_waits_for(&id, "its project's share of the network, 2000 bytes a second").await;
}

/// A program in place of ours, which does something else at times.
fn instead(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("program");
    let ours = env!("CARGO_BIN_EXE_moltforge");
    fs::write(&path, format!("#!/bin/sh\ncd {}\n{lines}\ncd /\nexec {ours} \"$@\"\n", folder.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_wait_for_processes_that_cannot_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "case \"$1\" in guest-worker) [ -e works ] || { head -c 1 > /dev/null; exit 3; } ;; esac";
    let program = instead(folder.path(), lines);
    let node = Node::start(EgressConfig::default(), |sandbox| sandbox.program = program).await;
    node.mine.deploy("quick", &json!({}), "export default () => 1").await;
    let id = node.mine.begin("quick", Value::Null).await;
    let waits = node.mine.until(&id, "an attempt", |now| now.state == "backing_off" || now.state == "failed").await;
    assert!(waits_for(&waits, "sandbox_unavailable"), "{waits:?}");
    fs::write(folder.path().join("works"), "").unwrap();
    let ended = node.mine.until(&id, "its end", |now| now.state == "completed" || now.state == "failed").await;
    assert_eq!(ended.output, Some(json!(1)), "{ended:?}");
}

/// Uploads a component and makes an agent of it.
async fn create(side: &Side, name: &str, component: &[u8]) -> Answer {
    let content = json!({ "base64": BASE64_STANDARD.encode(component) });
    let bytes = json!({ "files": { "agent.wasm": content } }).to_string();
    let hash = moltforge_manifest::bundle::hash(bytes.as_bytes());
    let answer = side.http.json("PUT", &format!("/v1/bundles/{hash}"), &bytes).await;
    assert!(answer.status < 300, "{}", answer.text());
    side.create(name, &hash, &json!({ "code": "agent.wasm", "tools": ["state.get", "state.set"] })).await
}

/// Who deploys waits 20 seconds for a component to be compiled, and compiling may take longer than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_takes_too_long_to_compile_is_refused_by_its_first_run() {
    let folder = tempfile::tempdir().unwrap();
    // the first time it takes for ever, then it comes to the limit of processor time, which is lower here
    let lines = "case \"$*\" in *guest-compile*--component*)
  mkdir first 2> /dev/null && exec sleep 100
  echo again >> times
  sleep 3
  ulimit -t 1
  while :; do :; done ;;
esac";
    let program = instead(folder.path(), lines);
    let node = Node::start(EgressConfig::default(), |sandbox| sandbox.program = program).await;
    let mine = &node.mine;
    mine.deploy("quick", &json!({}), "export default () => 1").await;
    assert_eq!(mine.run("quick", Value::Null).await.state, "completed");

    let began = Instant::now();
    let component = include_bytes!("../components/template.wasm");
    let answer = create(mine, "slow", component).await;
    assert!(answer.status < 300, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(30), "a creation is answered in time: {:?}", began.elapsed());
    let answer = mine.http.json("POST", "/v1/agents/slow/deployments", "{}").await;
    assert!(answer.status < 300, "{}", answer.text());

    let id = mine.begin("slow", json!({ "name": "Ada" })).await;
    mine.until_it_waits_for(&id, "its component, which is compiled for this machine").await;
    assert_eq!(mine.run("quick", Value::Null).await.state, "completed", "nobody else waits for that");
    let ended = mine.until(&id, "its end", |now| ["failed", "completed", "paused"].contains(&now.state.as_str())).await;
    let error = ended.error.clone().unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!((ended.state.as_str(), error.code.as_str()), ("failed", "component_limit"), "{ended:?}");
    assert!(error.message.contains("compiling it takes more than 120 seconds of processor time"), "{ended:?}");

    // what is known is not found out again
    let again = mine.run("slow", json!({ "name": "Ada" })).await;
    assert_eq!(again.error.unwrap().code, "component_limit");
    let refused = create(mine, "slower", component).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "component_limit"), "{}", refused.text());
    let times = fs::read_to_string(folder.path().join("times")).unwrap();
    assert_eq!(times.lines().count(), 1, "{times}");
}
