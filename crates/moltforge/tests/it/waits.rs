//! Programs that wait are not in memory, whatever they wait for, and come back for the answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;
use crate::process::{Dev, kill_workers, run, until_within};

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

/// What waits, more of its agent file, what it does, and its state meanwhile. Who waits for a model is at work.
const WAITS: [(&str, &str, &str, &str); 5] = [
    (
        "thinker",
        "model = \"scripted\"\n[[script]]\ntext = \"42\"\ndelay = \"25s\"",
        "llm.complete('how many?')",
        "running",
    ),
    ("sleeper", "tools = [\"time.sleep\"]", "timers.sleep('25s')", "suspended"),
    ("signalled", "tools = [\"signals.wait\"]", "signals.wait('go')", "suspended"),
    ("asker", "tools = [\"approvals.request\"]", "approvals.request('May I?')", "suspended"),
    ("parent", "tools = [\"agents.call\"]\nagents = [\"sleeper\"]", "agents.call('sleeper')", "suspended"),
];

fn write(at: &Path, name: &str, more: &str, call: &str) {
    let folder = at.join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = format!("name = \"{name}\"\nkind = \"code\"\ncode = \"agent.js\"\n{more}\n");
    fs::write(folder.join("agent.toml"), file).unwrap();
    let source = format!(
        "import {{ agents, approvals, llm, signals, timers }} from \"moltforge\";\n\
         export default async function run() {{\n  return {{ answer: await {call} }};\n}}\n"
    );
    fs::write(folder.join("agent.js"), source).unwrap();
}

fn deployed(at: &Path, name: &str, more: &str, call: &str) {
    write(at, name, more, call);
    run(at, &["deploy", name]).ok();
}

fn started(at: &Path, agent: &str) -> String {
    let started = run(at, &["run", agent, "--input", "null", "-o", "json"]).json();
    started["execution_id"].as_str().unwrap().to_owned()
}

fn get(at: &Path, id: &str) -> Value {
    run(at, &["executions", "get", id, "-o", "json"]).json()
}

fn ended(at: &Path, id: &str) -> Value {
    until_within(PATIENCE, "it ends", || {
        let now = get(at, id);
        ["completed", "failed", "paused"].contains(&now["state"].as_str().unwrap()).then_some(now)
    })
}

/// Runs a program to its end: from here on the engine is there.
fn prepared(at: &Path) {
    deployed(at, "ready", "", "1");
    let id = started(at, "ready");
    assert_eq!(ended(at, &id)["state"], "completed");
}

/// How many programs are in memory.
fn in_memory(dev: &Dev) -> String {
    let metrics = http::read(&dev.url, dev.document["key"].as_str(), "/v1/metrics");
    let line = metrics.lines().find(|line| line.starts_with("node_programs_count"));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or_else(|| panic!("{metrics}")).to_owned()
}

#[test]
fn who_waits_is_not_in_memory_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let log = "MOLTFORGE_LOG=info,moltforge_execution::guests::replay=debug".to_owned();
    let dev = Dev::start_in(at, &["env".to_owned(), log], &[]);
    prepared(at);
    for (name, more, call, _) in WAITS {
        deployed(at, name, more, call);
    }
    let all = WAITS.map(|(name, .., state)| (started(at, name), state));
    until_within(PATIENCE, "all wait and none is in memory", || {
        let wait = all.iter().all(|(id, state)| get(at, id)["state"] == *state);
        // one that is replayed at once is in memory for a moment
        (wait && in_memory(&dev) == "0").then_some(())
    });
    assert!(all.iter().all(|(id, state)| get(at, id)["state"] == *state), "they still wait");

    run(at, &["signal", &all[2].0, "go", "--payload", "\"gone\""]).ok();
    let asked = run(at, &["approvals", "list", "--execution", &all[3].0, "-o", "json"]).json();
    run(at, &["approvals", "approve", asked[0]["approval_id"].as_str().unwrap()]).ok();
    let mut left: Vec<_> = all.iter().map(|(id, _)| id.as_str()).collect();
    for id in &left {
        let now = ended(at, id);
        assert_eq!(now["state"], "completed", "{now}");
    }
    assert_eq!(get(at, &all[0].0)["output"]["answer"]["text"], "42");
    assert_eq!(get(at, &all[2].0)["output"], json!({ "answer": "gone" }));
    assert_eq!(get(at, &all[3].0)["output"]["answer"]["decision"], "approved");
    // and each was run once more and did the same, or the tests of programs would show less than they say
    while !left.is_empty() {
        let line = dev.line("a replay was identical");
        left.retain(|id| !line.contains(id));
    }
}

#[test]
fn who_waits_does_not_mind_that_its_process_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    prepared(at);
    // a single attempt: whatever counts as one of its own would be too much
    let more = "model = \"scripted\"\n[limits]\nattempts = 1\n[[script]]\ntext = \"42\"\ndelay = \"4s\"";
    deployed(at, "thinker", more, "llm.complete('how many?')");
    let id = started(at, "thinker");
    until_within(PATIENCE, "it asks", || {
        let steps = run(at, &["executions", "steps", &id, "-o", "json"]).json();
        steps.as_array().is_some_and(|steps| !steps.is_empty()).then_some(())
    });
    assert_eq!(in_memory(&dev), "1");
    kill_workers(dev.id());
    let now = ended(at, &id);
    assert_eq!((&now["state"], &now["output"]["answer"]["text"]), (&json!("completed"), &json!("42")), "{now}");
}
