//! Programs of code agents as their authors meet them: TypeScript, what is refused and how that is said, another program
//! under a running execution, damaged files, and engines that are not compiled yet.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use moltforge_store::{Location, Store};
use moltforge_types::Ambient;
use serde_json::{Value, json};

use crate::process::{Dev, run, until_within};

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

/// Asks until there is an answer.
fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

fn write(at: &Path, name: &str, text: &str) {
    let path = at.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn get(at: &Path, id: &str) -> Value {
    run(at, &["executions", "get", id, "-o", "json"]).json()
}

/// Starts one and waits until it is in one of these states.
fn started(at: &Path, agent: &str, input: &str, states: &[&str]) -> Value {
    let started = run(at, &["run", agent, "--input", input, "-o", "json"]).json();
    in_state(at, started["execution_id"].as_str().unwrap(), states)
}

fn in_state(at: &Path, id: &str, states: &[&str]) -> Value {
    until(&states.join(" or "), || {
        let now = get(at, id);
        states.contains(&now["state"].as_str().unwrap()).then_some(now)
    })
}

/// Changes the database of a server that does not run.
fn sql(at: &Path, statement: &'static str, parameters: &[&str]) {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let store = Store::open(Location::Sqlite(at.join(".moltforge")), Ambient::system()).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let query = parameters.iter().fold(tx.query(statement), |query, parameter| query.bind(*parameter));
        assert!(query.execute().await.unwrap() > 0, "{statement}");
        tx.commit().await.unwrap();
        store.close().await;
    });
}

const TYPED: &str = "import { greet, type Greeting } from \"./lib/greet.ts\";\n\n\
    interface Input { name: string }\n\n\
    export default async function run(input: Input): Promise<Greeting> {\n  \
    return greet(input.name as string);\n}\n";
const GREET: &str = "export type Greeting = { text: string };\n\n\
    export async function greet<T extends string>(name: T): Promise<Greeting> {\n  await null;\n  \
    if (name === \"nobody\") throw new Error(`no ${name satisfies string}`);\n  return { text: `Hello, ${name}!` };\n}\n";

#[test]
fn typescript_runs_and_names_the_lines_of_its_author() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    write(at, "typed/agent.ts", TYPED);
    write(at, "typed/lib/greet.ts", GREET);
    let deployed = run(at, &["deploy", "typed", "-o", "json"]).json();
    assert_eq!(deployed[0]["files"], json!(["agent.ts", "lib/greet.ts"]));
    let ended = started(at, "typed", r#"{"name": "Ada"}"#, &["completed", "failed", "paused"]);
    assert_eq!(ended["output"], json!({ "text": "Hello, Ada!" }), "{ended}");
    let failed = started(at, "typed", r#"{"name": "nobody"}"#, &["completed", "failed", "paused"]);
    assert_eq!(failed["error"]["code"], "guest_exception", "{failed}");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains("no nobody") && message.contains("lib/greet.ts:5:"), "{message}");

    // the engine is there by now, so these are seen at deploy
    for (source, said) in [
        ("export default () => {\n  enum Colour { Red }\n};\n", "agent.ts:2:"),
        ("export default (x: ) => 1;\n", "agent.ts:1:20"),
        ("import { Greeting } from \"./lib/greet.ts\";\nexport default (g: Greeting) => g;\n", "`import type`"),
    ] {
        write(at, "typed/agent.ts", source);
        let refused = run(at, &["deploy", "typed"]);
        assert!(refused.code != 0 && refused.err.contains("program_invalid"), "{}", refused.err);
        assert!(refused.err.contains(said), "{}", refused.err);
    }
}

#[test]
fn what_cannot_run_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    write(at, "ready.js", "export default () => 1;\n");
    run(at, &["deploy", "ready.js"]).ok();
    started(at, "ready", "null", &["completed"]);
    for (source, said) in [
        ("", "exports no run"),
        ("export const run = 5;\n", "exports no run"),
        ("const fs = require(\"fs\");\nexport default () => fs;\n", "write `import` and `export`"),
        ("export const a = 1;\nthrow new Error(\"at once\");\n", "wrong.js:2"),
        ("import fs from \"fs\";\n", "the modules of Node"),
        ("import x from \"lodash\";\n", "npx esbuild lodash"),
        ("import x from \"./gone.js\";\n", "there is no file"),
        ("export default () => {\r\n  return = 1;\r\n}\r\n", "wrong.js:2:10"),
    ] {
        write(at, "wrong.js", source);
        let refused = run(at, &["deploy", "wrong.js"]);
        assert!(refused.code != 0 && refused.err.contains("program_invalid"), "{source}: {}", refused.err);
        assert!(refused.err.contains(said), "{source}: {}", refused.err);
    }
    // one that only dislikes the input of the check is taken
    write(at, "picky.js", "\u{feff}export default ({ name }) => name.length;\r\n");
    run(at, &["deploy", "picky.js"]).ok();
    assert_eq!(started(at, "picky", r#"{"name": "Ada"}"#, &["completed", "failed"])["output"], 3);

    for (source, code, said) in [
        ("() => () => 1", "guest_exception", "run returned a function"),
        ("() => 10n", "guest_exception", "BigInt"),
        ("() => { const a = {}; a.a = a; return a; }", "guest_exception", "circular"),
        ("() => \"\\ud800\"", "guest_misuse", "a lone surrogate"),
        ("async () => { await null; null.x; }", "guest_exception", "output.js:1:"),
    ] {
        write(at, "output.js", &format!("export default {source};\n"));
        run(at, &["deploy", "output.js"]).ok();
        let failed = started(at, "output", "null", &["completed", "failed"]);
        assert_eq!(failed["error"]["code"], code, "{failed}");
        assert!(failed["error"]["message"].as_str().unwrap().contains(said), "{failed}");
    }
}

const KEEPS: &str = "import { signals, state } from \"moltforge\";\n\
    export default async function run() {\n  await state.set(\"kept\", 1);\n  await signals.wait(\"go\");\n  \
    return [await state.get(\"kept\"), await state.get(\"other\")];\n}\n";

/// A program that waits for a signal, and the same with another call in front of that.
fn waiting(at: &Path) -> String {
    write(at, "keeper.js", KEEPS);
    run(at, &["deploy", "keeper.js"]).ok();
    let suspended = started(at, "keeper", "null", &["suspended", "failed", "paused"]);
    assert_eq!(suspended["state"], "suspended", "{suspended}");
    suspended["execution_id"].as_str().unwrap().to_owned()
}

#[test]
fn another_program_is_seen_by_a_replay_and_held_where_it_would_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    let id = waiting(at);
    assert_eq!(run(at, &["executions", "replay", &id, "-o", "json"]).json()["identical"], true);
    let bundle = || moltforge::agent_files::read(&at.join("keeper.js")).unwrap().program.unwrap().sha256;
    let right = bundle();
    write(at, "keeper.js", &KEEPS.replace("state.set(\"kept\", 1)", "state.set(\"other\", 2)"));
    run(at, &["deploy", "keeper.js"]).ok();
    let wrong = bundle();
    assert_ne!(right, wrong);
    let other = run(at, &["executions", "replay", &id, "--version", "2"]);
    assert!(other.code != 0 && other.out.contains("differs"), "{}", other.out);
    assert!(other.out.contains("kept") && other.out.contains("other"), "both sides: {}", other.out);
    dev.kill();

    let swap = |from: &str, to: &str| {
        sql(at, "UPDATE agent_version SET config = replace(config, $1, $2) WHERE version = 1", &[from, to]);
    };
    swap(&right, &wrong);
    let dev = Dev::start(at, &[]);
    assert_ne!(run(at, &["executions", "replay", &id, "-o", "json"]).code, 0);
    run(at, &["signal", &id, "go"]).ok();
    let paused = in_state(at, &id, &["paused", "completed", "failed"]);
    assert_eq!((&paused["state"], &paused["reason"]), (&json!("paused"), &json!("diverged")), "{paused}");
    let shown = run(at, &["executions", "get", &id]).ok();
    for detail in [paused["error"]["message"].as_str().unwrap(), &shown] {
        assert!(detail.contains("before: call 1 of state.set"), "{detail}");
        assert!(detail.contains("now: call 1 of state.set"), "{detail}");
        assert!(detail.contains(r#"{"key":"other","value":2}"#), "{detail}");
    }
    dev.kill();

    swap(&wrong, &right);
    let _dev = Dev::start(at, &[]);
    run(at, &["resume", &id]).ok();
    let ended = in_state(at, &id, &["completed", "failed", "paused"]);
    assert_eq!(ended["output"], json!([1, null]), "nothing of the other program was done: {ended}");
    assert_eq!(run(at, &["executions", "replay", &id, "-o", "json"]).json()["identical"], true);
}

#[test]
fn damaged_files_hold_an_execution_until_they_are_deployed_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    let id = waiting(at);
    dev.kill();
    sql(at, "UPDATE bundle SET body = substr(body, 1, length(body) - 3)", &[]);
    let _dev = Dev::start(at, &[]);
    run(at, &["signal", &id, "go"]).ok();
    let paused = in_state(at, &id, &["paused", "completed", "failed"]);
    assert_eq!((&paused["state"], &paused["reason"]), (&json!("paused"), &json!("version_missing")), "{paused}");
    assert!(paused.to_string().contains("bundle_damaged"), "{paused}");
    assert_eq!(run(at, &["deploy", "keeper.js", "-o", "json"]).json()[0]["changed"], false);
    run(at, &["resume", &id]).ok();
    assert_eq!(in_state(at, &id, &["completed", "failed", "paused"])["output"], json!([1, null]));
}

/// The engines that a server has compiled.
fn compiled(at: &Path) -> Vec<PathBuf> {
    let engines = fs::read_dir(at.join("images/engines")).into_iter().flatten();
    let tags =
        engines.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "tag"));
    tags.map(|tag| tag.with_extension("image")).collect()
}

#[test]
fn engines_are_compiled_after_the_first_start_and_found_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cache = format!("MOLTFORGE_SANDBOX__CACHE_DIR={}", at.join("images").display());
    let prepares = ["env".to_owned(), cache, "MOLTFORGE_SANDBOX__PREPARE=true".to_owned()];
    let start = || Dev::start_in(at, &prepares, &[]);
    let says = |dev: &Dev, what: &str| until(what, || crate::http::ready(&dev.url).contains(what).then_some(()));
    // killed in the middle, it begins again
    let dev = start();
    says(&dev, "preparing JavaScript");
    dev.kill();
    let dev = start();
    says(&dev, "preparing TypeScript");
    dev.kill();
    // what is there is found, what is damaged is made anew
    let first = compiled(at);
    let files = |paths: &[PathBuf]| paths.iter().map(|path| fs::metadata(path).unwrap().ino()).collect::<Vec<_>>();
    let before = files(&first);
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    let engine = first.iter().max_by_key(|path| bytes(path)).unwrap();
    let whole = bytes(engine);
    let dev = start();
    says(&dev, "preparing Python");
    dev.kill();
    assert_eq!(files(&first), before);
    fs::write(engine, b"damaged").unwrap();
    let dev = start();
    says(&dev, "preparing Python");
    drop(dev);
    assert_eq!(bytes(engine), whole);
}

#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let starter = ["env".to_owned(), "MOLTFORGE_SANDBOX__CACHE_DIR=/proc/images".to_owned()];
    let dev = Dev::start_in(at, &starter, &[]);
    let ready = crate::http::ready(&dev.url);
    assert!(ready.contains("cannot run here: the cache of compiled images at /proc/images"), "{ready}");
    // the execution waits, and says for what
    write(at, "waits.js", "export default () => 1;\n");
    run(at, &["deploy", "waits.js"]).ok();
    let waits = started(at, "waits", "null", &["backing_off", "failed", "paused"]);
    assert!(waits["state"] == "backing_off" && waits.to_string().contains("/proc/images"), "{waits}");
}
