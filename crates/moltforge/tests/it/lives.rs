//! The commands about stops, holds, trees, copies and proofs, against a development server.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Dev, run};

const PARENT: &str = "name = \"boss\"\nkind = \"prompt\"\nmodel = \"scripted\"\nagents = [\"decider\"]\n\
    tools = [\"agents.call\"]\n[[script]]\ncalls = [{ tool = \"agents.call\", arguments = { agent = \"decider\", \
    input = { topic = \"tea\" } } }]\n[[script]]\ntext = \"done\"\n";

fn set_up(at: &Path) {
    run(at, &["init", "decider", "--template", "waiter"]).ok();
    fs::write(at.join("boss.toml"), PARENT).unwrap();
    run(at, &["deploy", "decider"]).ok();
    run(at, &["deploy", "boss.toml"]).ok();
}

/// Starts one that waits, and gives its id.
fn waiting(at: &Path, agent: &str) -> String {
    let done = run(at, &["run", agent, "-i", r#"{"topic":"tea"}"#, "--wait", "20", "-o", "json"]);
    let execution: Value = serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.err));
    assert_eq!((done.code, execution["state"].as_str()), (4, Some("suspended")), "{}", done.err);
    execution["execution_id"].as_str().unwrap().to_owned()
}

fn state(at: &Path, id: &str) -> String {
    run(at, &["executions", "get", id, "-o", "json"]).json()["state"].as_str().unwrap().to_owned()
}

/// Follows it to its end; the exit code says how that was.
fn ended(at: &Path, id: &str) -> i32 {
    run(at, &["executions", "events", id, "--follow"]).code
}

#[test]
fn a_kill_takes_the_tree_and_tells_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    set_up(at);
    let boss = waiting(at, "boss");
    let tree = run(at, &["executions", "tree", &boss, "-o", "json"]).json();
    let nodes = tree.as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{tree}");
    assert_eq!(nodes[1]["parent_id"], boss.as_str());
    let child = nodes[1]["execution_id"].as_str().unwrap();
    let shown = run(at, &["executions", "tree", &boss]).ok();
    assert!(shown.contains(&boss) && shown.contains(child) && shown.contains("decider"), "{shown}");
    let killed = run(at, &["kill", &boss, "--note", "enough", "-o", "json"]).json();
    assert_eq!(
        (killed["state"].as_str(), killed["receipt"]["stopped"]["kill"].as_bool()),
        (Some("cancelled"), Some(true))
    );
    assert_eq!(ended(at, child), 3);
    let receipt = run(at, &["executions", "receipt", &boss, "-o", "json"]).json();
    assert_eq!(
        (receipt["stopped"]["state"].as_str(), receipt["below"][0]["state"].as_str()),
        (Some("cancelled"), Some("cancelled")),
        "{receipt}"
    );
    assert!(run(at, &["executions", "receipt", &boss]).ok().contains(child));
    assert_eq!(run(at, &["kill", &boss, "-o", "json"]).json()["state"], "cancelled", "once more changes nothing");
    let none = run(at, &["executions", "tree", "exe_01h455vb4pex5vsknk084sn02q"]);
    assert!(none.code == 1 && none.err.contains("execution_not_found"), "{}", none.err);
}

#[test]
fn an_agent_is_paused_resumed_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    set_up(at);
    assert!(run(at, &["holds"]).ok().contains("nothing is held"));
    let one = waiting(at, "decider");
    assert!(run(at, &["pause", "--agent", "decider", "--note", "look"]).ok().contains("the agent decider is paused"));
    // its wait ends, and it does not go on
    run(at, &["signal", &one, "decision", "--payload", "\"yes\""]).ok();
    assert_ne!(state(at, &one), "completed");
    let holds = run(at, &["holds", "-o", "json"]).json();
    assert_eq!((holds[0]["agent"].as_str(), holds[0]["mode"].as_str()), (Some("decider"), Some("pause")), "{holds}");
    let shown = run(at, &["holds"]).ok();
    assert!(shown.contains("decider") && shown.contains("look"), "{shown}");
    // one more is accepted, and waits
    let two = run(at, &["run", "decider", "-i", r#"{"topic":"tea"}"#, "-o", "json"]).json();
    assert_ne!(two["state"], "completed");
    assert!(run(at, &["resume", "--agent", "decider"]).ok().contains("goes on"));
    assert_eq!(run(at, &["holds", "-o", "json"]).json(), serde_json::json!([]));
    assert_eq!(ended(at, &one), 0);
    assert!(run(at, &["kill", "--agent", "decider"]).ok().contains("is killed"));
    assert_eq!(ended(at, two["execution_id"].as_str().unwrap()), 3);
    let refused = run(at, &["run", "decider", "-i", r#"{"topic":"tea"}"#]);
    assert!(refused.code == 1 && refused.err.contains("kill_switch_on"), "{}", refused.err);
    run(at, &["resume", "--agent", "decider"]).ok();
    waiting(at, "decider");
    let neither = run(at, &["pause"]);
    assert_eq!(neither.code, 2, "{}", neither.err);
}

#[test]
fn copies_go_their_own_way_and_a_replay_is_identical() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    set_up(at);
    let one = waiting(at, "decider");
    run(at, &["signal", &one, "decision", "--payload", "\"yes\""]).ok();
    assert_eq!(ended(at, &one), 0);
    let shown = run(at, &["executions", "replay", &one]);
    assert!(shown.code == 0 && shown.out.contains("identical"), "{} {}", shown.out, shown.err);
    assert_eq!(run(at, &["executions", "replay", &one, "-o", "json"]).json()["identical"], true);
    let fork =
        |key: &str| run(at, &["executions", "fork", &one, "--at", "1", "--idempotency-key", key, "-o", "json"]).json();
    let (first, second, third) = (fork("a"), fork("a"), fork("b"));
    assert_eq!(first["execution_id"], second["execution_id"]);
    assert_ne!(first["execution_id"], third["execution_id"]);
    assert_eq!(first["forked_from"], one.as_str());
    let forked = first["execution_id"].as_str().unwrap();
    let restarted = run(at, &["executions", "restart", forked, "--from", "1", "-o", "json"]).json();
    assert_eq!(restarted["forked_from"], forked);
    assert_eq!(ended(at, forked), 3, "the restart takes its place");
    // a repeat, as after an answer that was lost, is no third one
    let again = run(at, &["executions", "restart", forked, "--from", "1", "-o", "json"]).json();
    assert_eq!(again["execution_id"], restarted["execution_id"]);
    let another = ["executions", "restart", forked, "--from", "1", "--idempotency-key", "again", "-o", "json"];
    assert_ne!(run(at, &another).json()["execution_id"], restarted["execution_id"]);
    // one that is refused leaves what runs as it was
    let runs = waiting(at, "decider");
    let refused = run(at, &["executions", "restart", &runs, "--from", "99"]);
    assert!(refused.code == 1 && refused.err.contains("fork_step_invalid"), "{}", refused.err);
    run(at, &["signal", &runs, "decision", "--payload", "\"yes\""]).ok();
    assert_eq!(ended(at, &runs), 0, "it was resumed");
    // the original stands still before its copy is made
    let entries = run(at, &["executions", "events", forked, "-o", "json"]).ok();
    assert!(entries.contains("execution.paused"), "{entries}");
    let refused = run(at, &["executions", "fork", &one, "--at", "99"]);
    assert!(refused.code == 1 && refused.err.contains("fork_step_invalid"), "{}", refused.err);
    assert_eq!(run(at, &["executions", "fork", &one, "--at", "1", "--input", "{"]).code, 2);
}
