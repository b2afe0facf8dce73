//! What a hold of the agent or the project does to an execution.

use moltforge_types::Timestamp;
use moltforge_types::execution::{EffectDecision, HoldMode, Reason, State};
use moltforge_types::journal::Entry;
use serde_json::json;

use super::harness::{Run, called, calls_model};
use crate::engine::{Action, Command, Hold, HoldOf, Refusal};

const PAUSED: Hold = Hold { of: HoldOf::Agent, mode: HoldMode::Pause, since: Timestamp::from_micros(0) };
const KILLED: Hold = Hold { of: HoldOf::Project, mode: HoldMode::Kill, since: Timestamp::from_micros(0) };

fn resume() -> Command {
    Command::Resume { by: "me".to_owned(), unknown_effects: None }
}

fn release() -> Command {
    Command::Release { by: "me".to_owned() }
}

#[test]
fn nothing_but_its_end_lets_a_held_execution_go_on() {
    let mut run = Run::new();
    run.hold = Some(PAUSED);
    let outcome = run.apply(Command::Hold);
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![1] }));
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::Held)));
    assert!(run.apply(Command::Hold).entries.is_empty(), "once is enough");
    assert_eq!(run.try_apply(resume()), Err(Refusal::Held));
    for command in [Command::Wake, Command::Claim { recovered: false }, release()] {
        assert!(run.apply(command.clone()).entries.is_empty(), "{command:?}");
    }
    run.crash();
    assert_eq!(run.execution.state, State::Paused);
    run.hold = None;
    assert!(calls_model(&run.apply(release())));
}

#[test]
fn a_wait_that_ends_under_a_hold_waits_for_it() {
    let mut run = Run::new();
    run.reply("", &[("signals.wait", json!({"name": "go"}))]);
    assert_eq!(run.execution.state, State::Suspended);
    run.hold = Some(PAUSED);
    let signal = Command::Signal { name: "go".to_owned(), payload: json!(1), dedupe_key: None };
    run.apply(signal);
    assert_eq!(run.execution.reason, Some(Reason::Held));
    run.hold = None;
    assert!(calls_model(&run.apply(release())), "the signal was kept");
}

#[test]
fn an_answer_that_comes_under_a_hold_leads_nowhere() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.hold = Some(PAUSED);
    let outcome = run.tool_answers(2, json!("paid"));
    assert!(!calls_model(&outcome));
    assert_eq!(run.execution.reason, Some(Reason::Held));
}

#[test]
fn another_reason_to_be_paused_stays() {
    let mut run = Run::new();
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.hold = Some(PAUSED);
    run.apply(Command::Hold);
    run.hold = None;
    run.apply(release());
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::Operator)));
}

#[test]
fn a_kill_switch_kills_in_every_state() {
    for prepare in [
        |_: &mut Run| {},
        |run: &mut Run| drop(run.reply("", &[("pay", json!({}))])),
        |run: &mut Run| drop(run.model_fails(true)),
        |run: &mut Run| drop(run.reply("", &[("time.sleep", json!({"duration": "60s"}))])),
        |run: &mut Run| drop(run.apply(Command::Pause { by: "me".to_owned(), note: None })),
    ] {
        let mut run = Run::new();
        prepare(&mut run);
        run.hold = Some(KILLED);
        run.apply(Command::Hold);
        for step in [1, 2] {
            run.apply(Command::CallGone { step });
        }
        assert!(matches!(run.last(), Entry::Cancelled { kill: true, .. }), "{:?}", run.last());
    }
}

#[test]
fn a_lost_execution_is_held_by_whoever_takes_over() {
    let mut run = Run::new();
    run.hold = Some(PAUSED);
    run.crash();
    assert_eq!(run.execution.reason, Some(Reason::Held));
    let mut run = Run::new();
    run.hold = Some(KILLED);
    run.crash();
    assert_eq!(run.execution.state, State::Cancelled);
}

#[test]
fn what_a_person_paused_is_restarted_by_no_end_of_a_hold() {
    let mut run = Run::new();
    run.hold = Some(PAUSED);
    run.apply(Command::Hold);
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    assert_eq!(run.execution.reason, Some(Reason::Operator));
    run.hold = None;
    assert!(run.apply(release()).entries.is_empty());
    assert_eq!(run.execution.state, State::Paused);
    assert!(calls_model(&run.apply(resume())));
}

#[test]
fn a_lost_answer_changes_nothing_about_a_pause() {
    for hold in [None, Some(PAUSED)] {
        let mut run = Run::new();
        run.reply("", &[("pay", json!({}))]);
        run.hold = hold;
        let (command, reason, lifted) = match hold {
            None => (Command::Pause { by: "me".to_owned(), note: None }, Reason::Operator, resume()),
            Some(_) => (Command::Hold, Reason::Held, release()),
        };
        run.apply(command);
        run.tool_fails(2, true);
        assert_eq!(run.execution.reason, Some(reason));
        run.hold = None;
        run.apply(lifted);
        assert_eq!(run.execution.reason, Some(Reason::EffectUnknown), "now it is asked");
        assert_eq!(run.execution.state, State::Paused);
    }
}

#[test]
fn a_kill_switch_shortens_a_cancel() {
    let mut run = Run::new();
    run.reply("", &[("look", json!({})), ("pay", json!({}))]);
    run.apply(Command::Stop { by: "me".to_owned(), note: None, kill: false });
    assert!(run.execution.is_in_flight(3), "it may end");
    run.hold = Some(KILLED);
    let outcome = run.apply(Command::Hold);
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![3] }), "{outcome:?}");
    for step in [2, 3] {
        run.apply(Command::CallGone { step });
    }
    let Entry::Cancelled { kill: true, calls, .. } = run.last() else { panic!("{:?}", run.last()) };
    let steps: Vec<_> = calls.iter().map(|call| call.step).collect();
    assert_eq!(steps, [2, 3], "what the cancel aborted is named as well");
}

#[test]
fn what_is_decided_while_a_hold_stands_goes_on_when_it_is_lifted() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.crash();
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
    run.hold = Some(PAUSED);
    let decide = Command::DecideEffect {
        step: 2,
        decision: EffectDecision::Retry,
        output: None,
        note: None,
        by: "me".to_owned(),
    };
    let outcome = run.apply(decide);
    assert!(called(&outcome).is_empty());
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::Held)));
    run.hold = None;
    let outcome = run.apply(Command::Release { by: "me".to_owned() });
    assert_eq!(called(&outcome), [2]);
}
