//! A kernel that cannot confine a process: no program runs half confined unless the operator says why it may.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Dev, run, until_within};

/// The first guest of a language waits for its engine to be compiled.
const PATIENCE: Duration = Duration::from_secs(400);

/// The tests' own reason, which these tests do without.
const OVERRIDE: &str = "MOLTFORGE_SANDBOX__BEST_EFFORT_BECAUSE";

/// Starts a command in a user namespace that has no groups: the kernel lets nobody there make another namespace.
const REFUSING: [&str; 3] = ["unshare", "--user", "--map-user=1000"];

/// A server whose kernel refuses namespaces.
fn refused(at: &Path, because: Option<&str>) -> Dev {
    let settings = because.map_or_else(
        || vec!["env".to_owned(), "-u".to_owned(), OVERRIDE.to_owned()],
        |reason| vec!["env".to_owned(), format!("{OVERRIDE}={reason}")],
    );
    let starter = [REFUSING.map(str::to_owned).to_vec(), settings].concat();
    Dev::start_in(at, &starter, &[])
}

fn ended(at: &Path, id: &str) -> Value {
    until_within(PATIENCE, "it ends", || {
        let now = run(at, &["executions", "get", id, "-o", "json"]).json();
        ["completed", "failed", "paused"].contains(&now["state"].as_str().unwrap()).then_some(now)
    })
}

fn started(at: &Path, agent: &str) -> String {
    let started = run(at, &["run", agent, "--input", r#"{"name": "Ada"}"#, "-o", "json"]).json();
    started["execution_id"].as_str().unwrap().to_owned()
}

#[test]
fn programs_wait_until_they_can_be_confined_or_need_not_be() {
    let refuses = Command::new(REFUSING[0]).args(&REFUSING[1..]).arg("true").status();
    if !refuses.is_ok_and(|status| status.success()) {
        return println!("NOT TRIED: {REFUSING:?} is not possible here");
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    fs::write(at.join("one.js"), "export default () => 1;\n").unwrap();
    run(at, &["deploy", "one.js"]).ok();
    run(at, &["init", "greeter"]).ok();
    run(at, &["deploy", "greeter"]).ok();
    // the engine is compiled by then: nothing but the process of the program is in the way
    assert_eq!(ended(at, &started(at, "one"))["state"], "completed");
    dev.kill();

    let dev = refused(at, None);
    let ready = until_within(PATIENCE, "it is said", || {
        Some(crate::http::ready(&dev.url)).filter(|said| said.contains("cannot run here"))
    });
    for words in ["the process cannot be confined: the namespace of process ids", "allow unprivileged user namespaces"]
    {
        assert!(ready.contains(words), "{ready}");
    }
    assert_eq!(ended(at, &started(at, "greeter"))["state"], "completed", "it needs no process");
    let waits = started(at, "one");
    // longer than a program may crash
    until_within(PATIENCE, "it is tried again and again", || {
        let events = run(at, &["executions", "events", &waits, "-o", "json"]).ok();
        assert!(!events.contains("worker_lost") && !events.contains("guest_crash"), "{events}");
        (events.matches("sandbox_unavailable").count() > 6).then_some(())
    });
    dev.kill();

    let dev = refused(at, Some("a test of this very thing"));
    assert!(dev.line("less confined than they should").contains("a test of this very thing"));
    until_within(PATIENCE, "it is said", || {
        Some(()).filter(|()| crate::http::ready(&dev.url).contains("should: a test of this very thing"))
    });
    let now = ended(at, &waits);
    assert_eq!((now["state"].as_str(), &now["output"]), (Some("completed"), &Value::from(1)), "{now}");
}
