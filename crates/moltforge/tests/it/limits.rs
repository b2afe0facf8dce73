//! The limits of code agents, one after another: each ends its execution with an error that names it. And what an execution
//! waits for before its program runs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Dev, computes, kill_workers, run};

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

struct Case {
    /// Of the agent file, below `[limits]`.
    limits: &'static str,
    /// The body of `run`.
    body: &'static str,
    code: &'static str,
    words: &'static str,
}

const CASES: [Case; 11] = [
    Case {
        limits: "memory = \"16MiB\"",
        body: "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1))",
        code: "memory_limit",
        words: "limits.memory",
    },
    Case { limits: "cpu = \"1s\"", body: "for (;;) {}", code: "cpu_limit", words: "limits.cpu" },
    Case {
        limits: "wall = \"2s\"",
        body: "await new Promise(done => setTimeout(done, 3600e3))",
        code: "wall_limit",
        words: "limits.wall = 2s",
    },
    Case { limits: "wall = \"2s\"\ncpu = \"1m\"", body: "for (;;) {}", code: "wall_limit", words: "limits.wall = 2s" },
    Case {
        limits: "tool_calls = 3",
        body: "for (;;) await state.get('a')",
        code: "tool_call_limit",
        words: "limits.tool_calls = 3",
    },
    Case {
        limits: "turns = 2",
        body: "for (;;) await llm.complete('hello')",
        code: "turn_limit",
        words: "limits.turns = 2",
    },
    Case { limits: "output = \"1KiB\"", body: "return 'x'.repeat(2000)", code: "output_limit", words: "limits.output" },
    Case { limits: "", body: "return 'x'.repeat(100e6)", code: "memory_limit", words: "limits.memory" },
    Case { limits: "", body: "for (;;) console.log('hello')", code: "log_limit", words: "bytes logged" },
    Case {
        limits: "",
        body: "for (;;) tools.call('state.get', { key: 'a' })",
        code: "open_call_limit",
        words: "calls",
    },
    Case { limits: "", body: "await state.set('a', 'x'.repeat(2e6))", code: "call_size_limit", words: "a call of" },
];

fn write(at: &Path, name: &str, limits: &str, body: &str) {
    let folder = at.join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = format!(
        "name = \"{name}\"\nkind = \"code\"\ncode = \"agent.js\"\nmodel = \"scripted\"\n\
         tools = [\"state.get\", \"state.set\"]\n[limits]\n{limits}\n\
         [[script]]\ntext = \"one\"\n[[script]]\ntext = \"two\"\n[[script]]\ntext = \"three\"\n"
    );
    fs::write(folder.join("agent.toml"), file).unwrap();
    let source = format!(
        "import {{ llm, state, tools }} from 'moltforge';\nexport default async function run() {{\n  {body}\n}}\n"
    );
    fs::write(folder.join("agent.js"), source).unwrap();
}

fn start(at: &Path, agent: &str) -> String {
    let started = run(at, &["run", agent, "--input", "null", "-o", "json"]).json();
    started["execution_id"].as_str().unwrap().to_owned()
}

fn get(at: &Path, id: &str) -> Value {
    run(at, &["executions", "get", id, "-o", "json"]).json()
}

/// Looks at an execution until it is as it should be.
fn until(at: &Path, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let now = get(at, id);
        if is_so(&now) {
            return now;
        }
        assert!(began.elapsed() < PATIENCE, "{now}");
        // a real wait: the real program works meanwhile
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn each_limit_ends_an_execution_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    let started = CASES.iter().enumerate().map(|(n, case)| {
        let name = format!("limited-{n}");
        write(at, &name, case.limits, case.body);
        run(at, &["deploy", &name]).ok();
        (case, start(at, &name))
    });
    let started: Vec<_> = started.collect();
    for (case, id) in started {
        let ended = until(at, &id, |now| ["failed", "paused", "completed"].contains(&now["state"].as_str().unwrap()));
        let said = (ended["state"].as_str(), ended["error"]["code"].as_str());
        assert_eq!(said, (Some("failed"), Some(case.code)), "{}: {ended}", case.body);
        let message = ended["error"]["message"].as_str().unwrap();
        assert!(message.contains(case.words), "{}: {message}", case.body);
    }
}

#[test]
fn an_execution_says_that_it_waits_for_its_engine_or_for_room() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("moltforge.toml"), "[sandbox]\nguests = 1\n").unwrap();
    let fresh = format!("MOLTFORGE_SANDBOX__CACHE_DIR={}", at.join("images").display());
    let _dev = Dev::start_in(at, &["env".to_owned(), fresh], &[]);
    fs::write(at.join("slow.py"), "async def run(input):\n    return 1\n").unwrap();
    run(at, &["deploy", "slow.py"]).ok();
    let id = start(at, "slow");
    let says = |now: &Value, words: &str| now["waiting_for"].as_str().is_some_and(|text| text.contains(words));
    let now = until(at, &id, |now| says(now, "the Python engine, which is compiled") || now["state"] == "completed");
    assert_eq!(now["state"], "running", "{now}");

    fs::write(at.join("typed.ts"), "export default (input: number): number => input;\n").unwrap();
    run(at, &["deploy", "typed.ts"]).ok();
    let typed = start(at, "typed");
    let now =
        until(at, &typed, |now| says(now, "the TypeScript compiler, which is compiled") || now["state"] == "completed");
    assert_eq!(now["state"], "running", "{now}");

    // its compilation comes after the others'
    write(at, "busy", "cpu = \"10m\"", "for (;;) {}");
    run(at, &["deploy", "busy"]).ok();
    let ids = [start(at, "busy"), start(at, "busy")];
    let words = "room for its program on this node: 1 of 1 programs are in memory";
    let began = Instant::now();
    while !ids.iter().any(|id| says(&get(at, id), words)) {
        assert!(began.elapsed() < PATIENCE, "{} {}", get(at, &ids[0]), get(at, &ids[1]));
        // a real wait: an engine is compiled
        std::thread::sleep(Duration::from_millis(100));
    }
    let shown = run(at, &["executions", "list"]).ok();
    assert!(shown.contains("room for its program"), "{shown}");
}

#[test]
fn a_program_whose_process_dies_again_and_again_fails_by_that() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    write(at, "busy", "cpu = \"10m\"", "for (;;) {}");
    write(at, "small", "", "return 1");
    run(at, &["deploy", "busy"]).ok();
    run(at, &["deploy", "small"]).ok();
    let small = || until(at, &start(at, "small"), |now| now["state"] == "completed");
    small();
    let id = start(at, "busy");
    let began = Instant::now();
    let ended = loop {
        let now = get(at, &id);
        if now["state"] == "failed" || now["state"] == "paused" {
            break now;
        }
        assert!(began.elapsed() < PATIENCE, "{now}");
        // a real wait: for an attempt that computes; one that was not ready yet counts for nobody
        std::thread::sleep(Duration::from_millis(200));
        if computes(dev.id(), Duration::from_millis(500)) {
            kill_workers(dev.id());
        }
    };
    assert_eq!((ended["state"].as_str(), ended["error"]["code"].as_str()), (Some("failed"), Some("guest_crash")));
    small();
}
