//! Replay finds what it must, and nothing else.

use std::sync::Arc;

use moltforge_types::Id as _;
use moltforge_types::execution::Reason;
use moltforge_types::journal::Entry;
use moltforge_types::{AgentId, ProjectId, VersionId};
use serde_json::{Value, json};

use super::harness::{Run, config};
use crate::engine::replay::{Difference, Journaled, Options, replay};
use crate::engine::{Command, EffectKeys, Execution, Spec, UnknownEffects};

fn spec(change: impl FnOnce(&mut Value)) -> Arc<Spec> {
    let (project, agent, version) = (ProjectId::from_u128(1), AgentId::from_u128(2), VersionId::from_u128(3));
    Arc::new(Spec::compile(project, agent, version, 1, config(change), EffectKeys::new([7; 32])).expect("compiles"))
}

fn replayed(run: &Run, change: impl FnOnce(&mut Value)) -> Result<Execution, Box<Difference>> {
    replay(run.execution.id, &spec(change), &run.journaled(), Options::default())
}

/// Every class of effect, a wait, a retry, a hold, an unknown outcome and a crash.
fn long() -> Run {
    let mut run = Run::new();
    run.model_fails(true);
    run.wait(61);
    run.apply(Command::Wake);
    run.reply("", &[("look", json!({})), ("book", json!({})), ("math.add", json!({"a": 1, "b": 2}))]);
    run.tool_answers(3, json!("booked"));
    run.apply(Command::Pause { by: "me".into(), note: Some("lunch".into()) });
    run.apply(Command::Resume { by: "me".into(), unknown_effects: None });
    run.tool_answers(2, json!("seen"));
    run.reply("", &[("time.sleep", json!({"duration": "30s"})), ("signals.wait", json!({"name": "s"}))]);
    run.apply(Command::Signal { name: "s".into(), payload: json!(7), dedupe_key: Some("k".into()) });
    run.wait(31);
    run.apply(Command::Wake);
    run.reply("", &[("pay", json!({})), ("state.set", json!({"key": "k", "value": 1}))]);
    run.crash();
    assert!(matches!(run.last(), Entry::Paused { reason: Reason::EffectUnknown, .. }), "{:?}", run.kinds());
    run.apply(Command::Resume { by: "me".into(), unknown_effects: Some(UnknownEffects::Retry) });
    let step = run.execution.pending.iter().find(|call| call.tool == "pay").expect("pending").step;
    run.tool_answers(step, json!("paid"));
    run.reply("done", &[]);
    run
}

#[test]
fn a_long_history_is_identical() {
    let run = long();
    let state = replayed(&run, |_| {}).unwrap_or_else(|difference| panic!("{difference:#?}"));
    assert_eq!((state.seq, state.state), (run.execution.seq, run.execution.state));
    assert_eq!(serde_json::to_value(&state.messages).ok(), serde_json::to_value(&run.execution.messages).ok());
}

/// Any entry, changed or left out or twice, is found at its place or behind it; never overlooked. What was told from
/// outside cannot be checked for truth: there a change is found when something follows from it.
#[test]
fn damage_is_found() {
    let run = long();
    let journal = run.journaled();
    let spec = spec(|_| {});
    let differs = |journal: &[Journaled]| {
        replay(run.execution.id, &spec, journal, Options::default()).err().map(|difference| difference.seq)
    };
    assert_eq!(differs(&journal), None);
    for at in 1..journal.len() - 1 {
        let mut without = journal.clone();
        without.remove(at);
        assert!(differs(&without).is_some(), "entry {} left out", at + 1);
        for (seq, journaled) in (1..).zip(&mut without) {
            journaled.recorded.seq = seq;
        }
        let found = differs(&without);
        let kind = journal[at].recorded.entry.event_type();
        assert!(found.is_some_and(|seq| seq + 2 >= at as u64), "entry {} ({kind}) left out: {found:?}", at + 1);
    }
    // one command has one time
    let at = journal.iter().position(|journaled| matches!(journaled.recorded.entry, Entry::ToolInvoked { .. }));
    let at = at.expect("there is one");
    let mut late = journal.clone();
    late[at].recorded.at = late[at].recorded.at.plus(std::time::Duration::from_micros(1));
    assert_eq!(differs(&late), Some(at as u64 + 1));
}

#[test]
fn damage_of_every_kind_is_found_where_it_is() {
    let run = long();
    let spec = spec(|_| {});
    // changes one field of the first entry of a kind that has it and is about this tool
    let damage = |kind: &str, tool: &str, pointer: &str, to: Value| {
        let mut journal = run.journaled();
        let at = journal.iter_mut().position(|journaled| {
            let mut entry = serde_json::to_value(&journaled.recorded.entry).expect("json");
            if journaled.recorded.entry.event_type() != kind || (!tool.is_empty() && entry["tool"] != tool) {
                return false;
            }
            let Some(field) = entry.pointer_mut(pointer) else { return false };
            *field = to.clone();
            journaled.recorded.entry = serde_json::from_value(entry).expect("an entry");
            true
        });
        let at = at.unwrap_or_else(|| panic!("{kind} {tool} {pointer}"));
        let difference = replay(run.execution.id, &spec, &journal, Options::default()).expect_err("it differs");
        assert_eq!(at as u64 + 1, difference.seq, "{kind} {tool} {pointer}: {}", difference.message);
        difference.message
    };
    damage("execution.running", "", "/attempt", json!(7));
    damage("tool.invoked", "book", "/idempotency_key", json!("another"));
    damage("tool.invoked", "book", "/tool", json!("pay"));
    damage("tool.succeeded", "math.add", "/output", json!(4));
    damage("tool.succeeded", "state.set", "/writes", json!([]));
    damage("timer.set", "", "/due", json!("2030-01-01T00:00:00Z"));
    damage("execution.suspended", "", "/signals", json!([]));
    damage("execution.retry_scheduled", "", "/failures", json!(3));
    damage("model.completed", "", "/duration_us", json!(3));
    let message = damage("execution.completed", "", "/output", json!("other"));
    assert_eq!(message, "execution.completed says something else: /output");
}

#[test]
fn another_version_differs_where_it_matters() {
    let run = long();
    let message = |change: fn(&mut Value)| replayed(&run, change).expect_err("it differs").message;
    // what was never reached makes no difference
    replayed(&run, |config| config["instructions"] = json!("other words")).expect("identical");
    replayed(&run, |config| config["limits"] = json!({"turns": 20})).expect("identical");
    let gone = message(|config| {
        let tools = config["tools"].as_array_mut().expect("tools");
        tools.retain(|tool| tool != "book");
    });
    assert!(gone.contains("tool.invoked is recorded, and the engine writes tool.failed"), "{gone}");
    let class = message(|config| config["tool"][1]["effect"] = json!("at_most_once"));
    assert!(class.contains("/effect"), "{class}");
    let turns = message(|config| config["limits"] = json!({"turns": 2}));
    assert!(turns.contains("the engine writes execution.failed"), "{turns}");
    let wall = message(|config| config["limits"] = json!({"wall": "3h"}));
    assert!(wall.contains("/deadline"), "{wall}");
    let schema = message(|config| config["input_schema"] = json!({"type": "object"}));
    assert!(schema.contains("input_schema"), "{schema}");
    let output = message(|config| config["output_schema"] = json!({"type": "object"}));
    assert!(output.contains("execution.completed is recorded, and the engine writes execution.failed"), "{output}");
}

#[test]
fn a_journal_that_is_cut_says_so() {
    let run = long();
    let mut journal = run.journaled();
    journal.truncate(2);
    replay(run.execution.id, &spec(|_| {}), &journal, Options::default()).expect("a running one is identical so far");
    let mut journal = run.journaled();
    journal.pop();
    let difference =
        replay(run.execution.id, &spec(|_| {}), &journal, Options::default()).expect_err("its end is missing");
    assert_eq!((difference.seq, difference.recorded), (run.execution.seq, None));
}
