//! Every capability, asked for from JavaScript and from Python: what each language calls it comes through the whole program,
//! and the answer is what its documentation says.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Dev, run, until_within};
use crate::story::request;

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

const JAVASCRIPT: &str = r#"
import { agents, approvals, events, llm, log, signals, state, timers, tools } from "moltforge";

export default async function run({ url }) {
  log.warn("it begins");
  const complete = await llm.complete("Greet me.");
  const stream = llm.stream("Count.");
  let read = "", pieces = 0;
  for await (const { text } of stream) {
    read += text;
    pieces += 1;
  }
  const headers = { "content-type": "application/json", "idempotency-key": "k1" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ order: 1 }) });
  await state.set("key", [1]);
  const kept = await state.get("key");
  await state.delete("key");
  const child = await agents.start("helper", 1);
  const waited = await agents.wait([child], { mode: "any", timeout: "5m" });
  const form = { type: "object", properties: { count: { type: "integer" } }, required: ["count"] };
  const decision = await approvals.request("May I?", { details: "why", form, expires: "1h" });
  const signal = await signals.wait("go", { timeout: "1h" });
  const before = Date.now();
  await timers.sleep("20ms");
  const late = await Promise.race([signals.wait("never"), new Promise((done) => setTimeout(done, 10, "late"))]);
  return {
    complete: complete.text, read, streamed: pieces > 1, whole: (await stream.result).text,
    http: [answer.status, await answer.json()], kept, gone: await state.get("key"),
    sum: await tools.call("math.add", { a: 1, b: 2 }), event: await events.emit("report.finished", { n: 1 }, { topic: "reports" }),
    called: await agents.call("helper", 2, { timeout: "5m" }), waited: waited.ended[0].output,
    decision: [decision.decision, decision.answer], signal, slept: Date.now() - before >= 20, late,
    chance: Math.random() < 1 && crypto.randomUUID().length,
  };
}
"#;

const PYTHON: &str = r#"
import asyncio, random, time, uuid
from moltforge import agents, approvals, events, http, llm, log, signals, state, timers, tools

async def run(input):
    log.warn("it begins")
    complete = await llm.complete("Greet me.")
    stream = llm.stream("Count.")
    read, pieces = "", 0
    async for piece in stream:
        read += piece["text"]
        pieces += 1
    answer = await http.post(input["url"], body={"order": 1}, headers={"idempotency-key": "k1"})
    await state.set("key", [1])
    kept = await state.get("key")
    await state.delete("key")
    child = await agents.start("helper", 1)
    waited = await agents.wait([child], mode="any", timeout="5m")
    form = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    decision = await approvals.request("May I?", details="why", form=form, expires="1h")
    signal = await signals.wait("go", timeout="1h")
    before = time.time()
    await timers.sleep("20ms")
    try:
        late = await asyncio.wait_for(signals.wait("never"), 0.01)
    except TimeoutError:
        late = "late"
    return {
        "complete": complete["text"], "read": read, "streamed": pieces > 1, "whole": (await stream.result)["text"],
        "http": [answer.status, answer.json()], "kept": kept, "gone": await state.get("key"),
        "sum": await tools.call("math.add", a=1, b=2), "event": await events.emit("report.finished", {"n": 1}, topic="reports"),
        "called": await agents.call("helper", 2, timeout="5m"), "waited": waited["ended"][0]["output"],
        "decision": [decision["decision"], decision["answer"]], "signal": signal, "slept": time.time() - before >= 0.019,
        "late": late, "chance": random.random() < 1 and len(str(uuid.uuid4())),
    }
"#;

/// Answers each request with what arrived.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let Some((path, key, body)) = request(&mut socket) else { continue };
            let body = json!({ "path": path, "key": key, "body": body }).to_string();
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            // a caller that has gone hears nothing
            let _ = socket.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes());
        }
    });
    place
}

fn deploy(at: &Path, file: &str, source: &str, place: &str) {
    let helper = json!({ "name": "helper", "kind": "prompt", "model": "scripted", "script": [{ "text": "helped" }] });
    let every = json!({
        "name": "every", "kind": "code", "code": file, "model": "scripted", "hosts": [place], "agents": ["helper"],
        "tools": ["agents.call", "agents.start", "agents.wait", "approvals.request", "events.emit", "http.fetch", "math.add",
                  "signals.wait", "state.delete", "state.get", "state.set", "time.sleep"],
        "script": [{ "text": "Hello!" }, { "text": "one two three four five", "delay": "3s" }],
    });
    fs::write(at.join(file), source).unwrap();
    for agent in [helper, every] {
        let file = format!("{}.toml", agent["name"].as_str().unwrap());
        fs::write(at.join(&file), toml::to_string(&agent).unwrap()).unwrap();
        run(at, &["deploy", &file]).ok();
    }
}

fn every_capability_answers(file: &str, source: &str) {
    let place = echo();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &["--allow-local", &place]);
    deploy(at, file, source, &place);
    let input = json!({ "url": format!("http://{place}/orders") }).to_string();
    let started = run(at, &["run", "every", "--input", &input, "-o", "json"]).json();
    let id = started["execution_id"].as_str().unwrap();
    let state = || {
        let now = run(at, &["executions", "get", id, "-o", "json"]).json();
        assert!(!["failed", "paused"].contains(&now["state"].as_str().unwrap()), "{now}");
        now
    };
    let asked = until_within(PATIENCE, "it asks", || {
        state();
        let waiting = run(at, &["approvals", "list", "--execution", id, "-o", "json"]).json();
        Some(waiting[0].clone()).filter(Value::is_object)
    });
    run(at, &["approvals", "approve", asked["approval_id"].as_str().unwrap(), "--answer", r#"{"count": 3}"#]).ok();
    run(at, &["signal", id, "go", "--payload", "\"now\""]).ok();
    let ended = until_within(PATIENCE, "it ends", || Some(state()).filter(|now| now["state"] == "completed"));
    let (count, sum) = ("one two three four five", 3);
    let expected = json!({
        "complete": "Hello!", "read": count, "streamed": true, "whole": count,
        "http": [200, { "path": "/orders", "key": "k1", "body": { "order": 1 } }],
        "kept": [1], "gone": null, "sum": sum, "event": { "type": "report.finished", "published": true },
        "called": "helped", "waited": "helped", "decision": ["approved", { "count": 3 }], "signal": "now",
        "slept": true, "late": "late", "chance": 36,
    });
    assert_eq!(ended["output"], expected);
    assert!(run(at, &["executions", "events", id]).ok().contains("it begins"));
}

#[test]
fn every_capability_answers_javascript() {
    every_capability_answers("every.js", JAVASCRIPT);
}

#[test]
fn every_capability_answers_python() {
    every_capability_answers("every.py", PYTHON);
}
