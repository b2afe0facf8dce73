//! Calls that change something, of tools that take few at a time.

use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::harness::{Run, called};
use crate::engine::{Action, Command};

fn limited(config: &mut Value) {
    for tool in config["tool"].as_array_mut().expect("tools") {
        tool["concurrency"] = json!(1);
    }
}

fn pause() -> Command {
    Command::Pause { by: "me".to_owned(), note: None }
}

fn resume() -> Command {
    Command::Resume { by: "me".to_owned(), unknown_effects: None }
}

fn in_line(actions: &[Action]) -> Vec<u32> {
    let step = |action: &Action| match action {
        Action::TakeSlot { step, .. } => Some(*step),
        _ => None,
    };
    actions.iter().filter_map(step).collect()
}

#[test]
fn an_intent_is_written_when_its_call_leaves() {
    let mut run = Run::with(limited);
    let outcome = run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    assert_eq!((in_line(&outcome.actions), called(&outcome)), (vec![2], vec![3]), "a read has nothing to write down");
    assert!(!run.kinds().contains(&"tool.invoked"));
    let outcome = run.apply(Command::SlotTaken { step: 2 });
    assert_eq!(called(&outcome), [2]);
    assert!(matches!(run.last(), Entry::ToolInvoked { step: 2, .. }));
    run.tool_answers(2, json!("paid"));
    run.tool_answers(3, json!("seen"));
    assert_eq!(run.execution.turns, 1);
}

#[test]
fn what_waits_in_line_leaves_no_trace_when_it_is_stopped() {
    for kill in [false, true] {
        let mut run = Run::with(limited);
        run.reply("", &[("pay", json!({}))]);
        let outcome = run.apply(Command::Stop { by: "me".to_owned(), note: None, kill });
        assert!(outcome.actions.contains(&Action::Abort { steps: vec![2] }));
        assert!(called(&run.apply(Command::SlotTaken { step: 2 })).is_empty());
        run.apply(Command::CallGone { step: 2 });
        let Entry::Cancelled { unknown_steps, calls, .. } = run.last() else { panic!("{:?}", run.last()) };
        assert!(unknown_steps.is_empty() && calls.is_empty(), "it never left");
    }
}

#[test]
fn what_waits_in_line_is_called_back_by_a_pause() {
    let mut run = Run::with(limited);
    run.reply("", &[("book", json!({}))]);
    let outcome = run.apply(pause());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![2] }));
    assert!(run.apply(Command::SlotTaken { step: 2 }).entries.is_empty());
    let outcome = run.apply(resume());
    assert_eq!(in_line(&outcome.actions), [2]);
    run.apply(Command::SlotTaken { step: 2 });
    let outcome = run.apply(pause());
    assert!(outcome.actions.is_empty(), "what has left may end");
    run.tool_answers(2, json!("booked"));
    assert_eq!(run.execution.state, State::Paused);
}

#[test]
fn what_is_sent_again_waits_in_line_too() {
    let mut run = Run::with(limited);
    run.reply("", &[("book", json!({}))]);
    run.apply(Command::SlotTaken { step: 2 });
    let outcome = run.crash();
    assert_eq!((in_line(&outcome.actions), called(&outcome)), (vec![2], vec![]));
    let outcome = run.apply(pause());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![2] }), "it has not left again");
    run.apply(resume());
    let outcome = run.apply(Command::SlotTaken { step: 2 });
    assert_eq!((called(&outcome), outcome.entries.len()), (vec![2], 0), "with the intent that stands");
    run.tool_answers(2, json!("booked"));
}

#[test]
fn an_approved_call_waits_in_line_and_is_asked_for_anew_when_that_takes_too_long() {
    let limited_refund = |config: &mut Value| limited(config);
    let mut run = Run::with(limited_refund);
    run.reply("", &[("refund", json!({"n": 11}))]);
    let outcome = run.decide(2, "finance", |_| {}).expect("decided");
    assert_eq!(in_line(&outcome.actions), [2]);
    run.wait(899);
    let outcome = run.apply(Command::SlotTaken { step: 2 });
    assert_eq!(called(&outcome), [2]);

    let mut run = Run::with(limited_refund);
    run.reply("", &[("refund", json!({"n": 11}))]);
    run.decide(2, "finance", |_| {}).expect("decided");
    run.wait(901);
    let outcome = run.apply(Command::SlotTaken { step: 2 });
    assert!(called(&outcome).is_empty());
    assert!(run.kinds().contains(&"approval.reopened"), "{:?}", run.kinds());
    run.decide(2, "finance", |_| {}).expect("it waits for a person again");
}
