//! Without a running slot nothing begins: what could go on becomes scheduled, and is claimed when its turn comes.

use moltforge_types::Origin;
use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use serde_json::json;

use super::harness::{Run, called, calls_model};
use crate::engine::{Command, Context, Start, UnknownEffects};

const CLAIM: Command = Command::Claim { recovered: false };

/// Claims it without a slot, which does nothing, and then with one.
fn claim(run: &mut Run) -> crate::engine::Outcome {
    run.slot = false;
    assert!(run.apply(CLAIM).entries.is_empty(), "no slot, no attempt");
    run.slot = true;
    run.apply(CLAIM)
}

#[test]
fn a_wait_that_is_over_waits_for_a_slot() {
    let mut run = Run::new();
    run.reply("", &[("time.sleep", json!({"duration": "60s"}))]);
    run.wait(60);
    run.slot = false;
    let outcome = run.apply(Command::Wake);
    assert!(matches!(run.last(), Entry::Resumed { from: State::Suspended, .. }) && outcome.actions.is_empty());
    assert_eq!((run.execution.state, run.execution.attempt), (State::Scheduled, 1), "the attempt is not counted yet");
    assert_eq!(run.execution.wake_at(), run.execution.deadline, "nothing is due about it any more");
    assert!(run.apply(Command::Wake).entries.is_empty());
    assert!(calls_model(&claim(&mut run)));
    assert_eq!(run.execution.attempt, 2);
}

#[test]
fn a_signal_is_kept_for_whoever_waits_for_a_slot() {
    let mut run = Run::new();
    run.reply("", &[("signals.wait", json!({"name": "go"}))]);
    run.slot = false;
    for key in ["a", "b"] {
        let (name, payload, dedupe_key) = ("go".to_owned(), json!(key), Some(key.to_owned()));
        assert!(run.apply(Command::Signal { name, payload, dedupe_key }).actions.is_empty());
    }
    assert_eq!(run.execution.state, State::Scheduled);
    assert!(calls_model(&claim(&mut run)));
    assert_eq!(run.execution.signals.len(), 1, "the second one is still there");
}

#[test]
fn a_back_off_that_is_over_is_scheduled_and_keeps_its_count() {
    let mut run = Run::new();
    run.model_fails(true);
    run.wait(60);
    run.slot = false;
    run.apply(Command::Wake);
    assert!(matches!(run.last(), Entry::Resumed { from: State::BackingOff, .. }));
    assert_eq!((run.execution.state, run.execution.failures), (State::Scheduled, 1));
    assert_eq!(run.execution.wake_at(), run.execution.deadline, "no hot loop of wake-ups");
    assert!(calls_model(&claim(&mut run)));
    run.model_fails(true);
    assert_eq!(run.execution.failures, 2, "failures before the slot count");
}

#[test]
fn a_decision_outlives_the_wait_for_a_slot() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.tool_fails(2, true);
    assert_eq!(run.execution.state, State::Paused);
    run.slot = false;
    let unknown_effects = Some(UnknownEffects::Retry);
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects });
    assert_eq!((run.execution.state, run.execution.reason), (State::Scheduled, None));
    assert_eq!(called(&claim(&mut run)), [2]);
}

#[test]
fn what_waits_for_a_slot_can_be_stopped_and_runs_out_of_time() {
    let mut run = Run::new();
    run.reply("", &[("time.sleep", json!({"duration": "60s"}))]);
    run.wait(60);
    run.slot = false;
    run.apply(Command::Wake);
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(run.execution.state, State::Scheduled);
    run.wait(24 * 3600);
    run.apply(Command::Wake);
    assert_eq!(run.execution.state, State::Failed);
}

#[test]
fn a_start_without_a_priority_has_that_of_its_agent_for_good() {
    let priority = |agent: Option<u8>, start: Option<u8>| {
        let run = Run::with(|config| config["priority"] = json!(agent));
        let origin = Origin { priority: start, ..Origin::default() };
        let start = Start {
            id: run.execution.id,
            spec: run.execution.spec.clone(),
            environment: None,
            input: json!("hi"),
            trigger: "api",
            origin,
            request_hash: None,
            copied: None,
        };
        let context = Context { now: run.now, random: 0, slot: false, hold: None, handed_over: false };
        let (execution, outcome) = start.accept(context);
        let Entry::Scheduled { origin, .. } = &outcome.entries[0].entry else { panic!("{:?}", outcome.entries) };
        assert_eq!(origin.priority, execution.origin.priority, "it stands in the journal");
        execution.origin.effective_priority()
    };
    assert_eq!(priority(None, None), 5);
    assert_eq!(priority(Some(8), None), 8);
    assert_eq!(priority(Some(8), Some(0)), 0);
}
