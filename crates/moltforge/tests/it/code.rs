//! Code agents as a user meets them: the examples, deployed from source with the real CLI, run, their server killed twice in
//! the middle, finished with the same answer and each tool called once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Dev, run, until_within};

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

/// The weather, and how often each city was asked for.
#[derive(Clone, Default)]
struct Weather(Arc<Mutex<BTreeMap<String, u32>>>);

impl Weather {
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let weather = Self::default();
        let served = weather.clone();
        std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                served.serve(socket);
            }
        });
        (weather, place)
    }

    fn serve(&self, mut socket: TcpStream) {
        let mut head = [0; 4096];
        let read = socket.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let city =
            head.split(' ').nth(1).and_then(|path| path.strip_prefix("/weather/")).unwrap_or_default().to_owned();
        let celsius = city.len() * 4;
        let body = json!({ "city": city, "sky": "sunny", "celsius": celsius }).to_string();
        *self.0.lock().unwrap().entry(city).or_default() += 1;
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        // a caller that was killed meanwhile hears nothing
        let _ = socket.write_all(answer.as_bytes());
    }

    fn asked(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap().clone()
    }
}

/// Asks until there is an answer.
fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

/// An example in a folder of its own, which asks for the weather at `place`.
fn example(at: &Path, name: &str, place: &str) {
    fn copy(from: &Path, to: &Path, place: &str) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.file_name() == "target" {
                // whoever tried it by hand has built it
            } else if entry.path().is_dir() {
                copy(&entry.path(), &target, place);
            } else {
                let text = fs::read_to_string(entry.path()).unwrap();
                fs::write(target, text.replace("127.0.0.1:8099", place)).unwrap();
            }
        }
    }
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), &at.join(name), place);
    if name == "surveyor" {
        built(&at.join(name), "surveyor.wasm", include_bytes!("../components/surveyor.wasm"));
    }
}

/// What `cargo build --release` leaves there, where there is Rust for WebAssembly; `cargo xtask images components` builds it.
fn built(folder: &Path, name: &str, component: &[u8]) {
    let target = folder.join("target/wasm32-wasip2/release");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join(name), component).unwrap();
}

/// The component of the template: as it is kept, or compiled by the commands that its author is told when the nightly run asks
/// for that.
fn build_template(folder: &Path) {
    if std::env::var_os("MOLTFORGE_TEST_WASIP2").is_none() {
        return built(folder, "agent.wasm", include_bytes!("../components/template.wasm"));
    }
    let mut cargo = Command::new("cargo");
    // the folder itself says where its component goes
    cargo.args(["build", "--release"]).current_dir(folder).env_remove("CARGO_TARGET_DIR");
    assert!(cargo.status().unwrap().success());
}

fn execution(at: &Path, id: &str) -> Value {
    run(at, &["executions", "get", id, "-o", "json"]).json()
}

fn waits_for(at: &Path, id: &str, what: &str) {
    until(what, || {
        let now = execution(at, id);
        assert!(!["failed", "paused", "cancelled"].contains(&now["state"].as_str().unwrap()), "{now}");
        let waits = now["state"] == "suspended" && now["waiting_for"].to_string().contains(what);
        waits.then_some(())
    });
}

fn ended(at: &Path, id: &str) -> Value {
    until("it ends", || {
        let now = execution(at, id);
        ["completed", "failed", "paused"].contains(&now["state"].as_str().unwrap()).then_some(now)
    })
}

/// Runs an example through two kills of its server. Its output, without what it asked for.
fn lives_through_kills(name: &str, files: &[&str], input: &Value) -> Value {
    let (weather, place) = Weather::start();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    example(at, name, &place);
    let dev = Dev::start(at, &["--allow-local", &place]);
    let deployed = run(at, &["deploy", name, "-o", "json"]).json();
    assert_eq!(deployed[0]["files"], json!(files), "{deployed}");
    assert_eq!(run(at, &["deploy", name, "-o", "json"]).json()[0]["changed"], false);

    let started = run(at, &["run", name, "--input", &input.to_string(), "-o", "json"]).json();
    let id = started["execution_id"].as_str().unwrap().to_owned();
    // for the time, or on a slow machine for the signal already
    waits_for(at, &id, "the ");
    let once: BTreeMap<_, _> = ["Lisbon", "Oslo", "Rome"].map(|city| (city.to_owned(), 1)).into();
    assert_eq!(weather.asked(), once, "all of them, in parallel, before it sleeps");
    dev.kill();

    let dev = Dev::start(at, &["--allow-local", &place]);
    waits_for(at, &id, "the signal");
    dev.kill();

    let _dev = Dev::start(at, &["--allow-local", &place]);
    run(at, &["signal", &id, "decision", "--payload", "\"go\""]).ok();
    let ended = ended(at, &id);
    assert_eq!(ended["state"], "completed", "{ended}");
    assert_eq!(weather.asked(), once, "nobody was asked twice");
    let steps = run(at, &["executions", "steps", &id, "-o", "json"]).json();
    let names: Vec<_> = steps.as_array().unwrap().iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "weather.today").count(), 3, "{names:?}");
    assert_eq!(run(at, &["executions", "replay", &id, "-o", "json"]).json()["identical"], true);
    ended["output"].clone()
}

/// The examples that the tests below run.
const PROGRAMS: [&str; 3] = ["gardener", "surveyor", "traveller"];

#[test]
fn every_example_that_is_a_program_is_run() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let folders = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let is_program = |folder: &std::path::PathBuf| {
        fs::read_to_string(folder.join("agent.toml")).is_ok_and(|text| text.contains("\nkind = \"code\"\n"))
    };
    let mut programs: Vec<_> =
        folders.filter(is_program).map(|folder| folder.file_name().unwrap().to_owned()).collect();
    programs.sort();
    assert_eq!(programs, PROGRAMS);
}

#[test]
fn a_javascript_agent_lives_through_kills() {
    let files = ["agent.js", "defaults.json", "lib/compare.js"];
    let output = lives_through_kills("traveller", &files, &json!({ "pause": "4s" }));
    let expected = json!({ "city": "Lisbon", "celsius": 24, "compared": 3, "decision": "go", "trips": 1 });
    assert_eq!(output, expected);
}

#[test]
fn a_python_agent_lives_through_kills() {
    let output = lives_through_kills("gardener", &["agent.py", "soil.py"], &json!({ "pause": "4s" }));
    let expected = json!({ "water": ["Lisbon", "Oslo", "Rome"], "looked_at": 3, "decision": "go", "rounds": 1 });
    assert_eq!(output, expected);
}

#[test]
fn the_templates_of_programs_are_deployed_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    for language in ["javascript", "python"] {
        run(at, &["init", language, "--template", language]).ok();
        run(at, &["deploy", language]).ok();
        for greeted in 1..=2 {
            let started = run(at, &["run", language, "--input", r#"{"name": "Ada"}"#, "-o", "json"]).json();
            let ended = ended(at, started["execution_id"].as_str().unwrap());
            assert_eq!(ended["output"], json!({ "greeting": "Hello, Ada!", "greeted": greeted }), "{ended}");
        }
    }
}

#[test]
fn a_program_alone_is_deployed_and_what_cannot_be_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("greeter.js"), "export default (input) => `Hello, ${input.name}!`;\n").unwrap();
    let dev = Dev::start(at, &[]);
    run(at, &["deploy", "greeter.js"]).ok();
    let done = until("its engine is compiled", || {
        let done = run(at, &["run", "greeter", "--input", r#"{"name": "Ada"}"#, "--wait", "30"]);
        (done.code == 0).then_some(done)
    });
    assert_eq!(done.out.trim(), "Hello, Ada!");
    let shown = run(at, &["agents", "get", "greeter"]).ok();
    assert!(shown.contains("kind = \"code\"") && shown.contains("greeter.js"), "{shown}");

    fs::write(at.join("greeter.js"), "export default (input) => {\n  return = 1;\n}\n").unwrap();
    let refused = run(at, &["deploy", "greeter.js"]);
    assert!(refused.code != 0 && refused.err.contains("program_invalid"), "{}", refused.err);
    assert!(refused.err.contains("greeter.js:2"), "{}", refused.err);
    fs::write(at.join("greeter.js"), "import './gone.js';\n").unwrap();
    let refused = run(at, &["deploy", "greeter.js"]);
    assert!(refused.code == 2 && refused.err.contains("greeter.js:1:8"), "{}", refused.err);
    drop(dev);
}

#[test]
fn a_component_in_rust_lives_through_kills() {
    let files = ["target/wasm32-wasip2/release/surveyor.wasm"];
    let output = lives_through_kills("surveyor", &files, &json!({ "pause_seconds": 4 }));
    let expected = json!({ "coldest": "Oslo", "warmest": "Lisbon", "apart": 8, "decision": "go", "surveys": 1 });
    assert_eq!(output, expected);
}

#[test]
fn the_template_in_rust_is_deployed_and_what_is_no_agent_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    run(at, &["init", "greeter", "--template", "rust"]).ok();
    let unbuilt = run(at, &["deploy", "greeter"]);
    assert!(unbuilt.code != 0 && unbuilt.err.contains("cargo build --release"), "{}", unbuilt.err);
    build_template(&at.join("greeter"));
    run(at, &["deploy", "greeter"]).ok();
    for greeted in 1..=2 {
        let done = run(at, &["run", "greeter", "--input", r#"{"name": "Ada"}"#, "--wait", "60", "-o", "json"]).json();
        assert_eq!(done["output"], json!({ "greeting": "Hello, Ada!", "greeted": greeted }), "{done}");
    }

    let sockets: &[u8] = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a\x1b\x01\0\x16wasi:sockets/tcp@0.2.0\x05\0";
    for (bytes, code, said) in [
        (&b"\0asm\x01\0\0\0"[..], "component_invalid", "wasm-tools component new"),
        (sockets, "component_imports", "wasi:sockets/tcp@0.2.0"),
        (b"\0asm\x0d\0\x01\0", "component_exports", "`run`"),
    ] {
        fs::write(at.join("bad.wasm"), bytes).unwrap();
        let refused = run(at, &["deploy", "bad.wasm"]);
        assert!(refused.code != 0 && refused.err.contains(code) && refused.err.contains(said), "{}", refused.err);
    }
}
