use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::Entry;
use serde_json::json;

use super::harness::{Run, called, calls_model};
use crate::engine::{Action, Command, Refusal};

fn pause() -> Command {
    Command::Pause { by: "me".to_owned(), note: Some("stop".to_owned()) }
}

fn resume() -> Command {
    Command::Resume { by: "me".to_owned(), unknown_effects: None }
}

fn cancel() -> Command {
    Command::Stop { by: "me".to_owned(), note: None, kill: false }
}

fn kill() -> Command {
    Command::Stop { by: "me".to_owned(), note: None, kill: true }
}

fn gone(step: u32) -> Command {
    Command::CallGone { step }
}

#[test]
fn a_cancel_lets_an_effect_end_and_nothing_new_begins() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    let outcome = run.apply(cancel());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![3] }), "only the read is aborted");
    for command in [pause(), resume()] {
        assert_eq!(run.try_apply(command), Err(Refusal::Stopping));
    }
    run.apply(gone(3));
    assert_eq!(run.execution.state, State::Running, "pay may still end");
    let outcome = run.tool_answers(2, json!("paid"));
    assert!(!calls_model(&outcome) && called(&outcome).is_empty());
    let Entry::Cancelled { unknown_steps, calls, requested_at, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert!(unknown_steps.is_empty(), "its outcome is known");
    assert_eq!(calls.iter().map(|call| call.step).collect::<Vec<_>>(), [3]);
    assert!(requested_at.is_some());
}

#[test]
fn a_cancel_gives_up_after_its_time_and_a_kill_cuts_it_short() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.apply(cancel());
    run.wait(31);
    let outcome = run.apply(Command::Wake);
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![2] }));
    run.apply(gone(2));
    assert!(matches!(run.last(), Entry::Cancelled { unknown_steps, .. } if *unknown_steps == [2]));

    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.apply(cancel());
    assert!(run.apply(kill()).actions.contains(&Action::Abort { steps: vec![2] }));
    run.wait(6);
    run.apply(Command::Wake);
    assert!(matches!(run.last(), Entry::Cancelled { kill: true, .. }), "a call that does not go away holds nothing up");
}

#[test]
fn a_stop_survives_the_loss_of_its_owner() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.apply(cancel());
    run.crash();
    let Entry::Cancelled { unknown_steps, calls, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert_eq!((unknown_steps.as_slice(), calls.len()), ([2].as_slice(), 1));
}

#[test]
fn a_killed_model_call_is_booked_at_its_worst() {
    let mut run = Run::with(|config| config["parameters"] = json!({ "max_output_tokens": 100 }));
    run.apply(kill());
    run.apply(gone(1));
    let Entry::Cancelled { calls, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert!(calls[0].model && calls[0].booked_tokens > Some(100));
    assert_eq!(Some(run.execution.booked_tokens), calls[0].booked_tokens);
}

#[test]
fn pause_aborts_the_model_and_resume_calls_it_again() {
    let mut run = Run::new();
    let outcome = run.apply(pause());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![1] }));
    assert!(run.apply(pause()).entries.is_empty(), "the first hold stays");
    // the aborted call's answer comes too late
    assert!(run.reply("late", &[]).entries.is_empty());
    assert!(calls_model(&run.apply(resume())));
    assert_eq!(run.try_apply(resume()), Err(Refusal::NotPaused));
}

#[test]
fn a_call_with_a_durable_intent_may_end_while_paused() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    let outcome = run.apply(pause());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![3] }), "only the read is aborted");
    let kept = run.tool_answers(2, json!("paid"));
    assert_eq!(kept.entries.len(), 1);
    assert_eq!(run.execution.state, State::Paused);
    assert_eq!(called(&run.apply(resume())), [3], "paid once, read again");
}

#[test]
fn cancel_ends_every_state_and_says_what_is_unknown() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    let outcome = run.apply(kill());
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![2, 3] }));
    assert!(matches!(run.last(), Entry::Stopping { kill: true, .. }));
    run.apply(gone(2));
    run.apply(gone(3));
    let Entry::Cancelled { unknown_steps, kill: true, calls, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert_eq!((unknown_steps.as_slice(), calls.len()), ([2].as_slice(), 2));
    assert!(run.apply(cancel()).entries.is_empty(), "twice is the same");
    for command in [pause(), resume()] {
        assert_eq!(run.try_apply(command), Err(Refusal::Ended));
    }
    assert!(run.tool_answers(2, json!("late")).entries.is_empty());
    assert!(run.apply(Command::Wake).entries.is_empty());

    for prepare in [
        |run: &mut Run| drop(run.apply(pause())),
        |run: &mut Run| drop(run.model_fails(true)),
        |run: &mut Run| drop(run.reply("", &[("time.sleep", json!({"duration": "60s"}))])),
    ] {
        let mut run = Run::new();
        prepare(&mut run);
        run.apply(cancel());
        run.apply(gone(1));
        assert_eq!(run.execution.state, State::Cancelled);
    }
    let mut run = Run::new();
    run.reply("done", &[]);
    assert_eq!(run.try_apply(cancel()), Err(Refusal::Ended));
}

#[test]
fn a_transient_error_backs_off_and_is_tried_again() {
    let mut run = Run::new();
    run.model_fails(true);
    assert_eq!(run.execution.state, State::BackingOff);
    assert!(run.apply(Command::Claim { recovered: true }).entries.is_empty(), "a restart does not shorten it");
    run.wait(1);
    assert!(calls_model(&run.apply(Command::Wake)));
    run.reply("done", &[]);
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn exhausted_attempts_hold_and_can_be_redriven() {
    let mut run = Run::with(|config| config["limits"] = json!({"attempts": 3}));
    for _ in 0..3 {
        run.model_fails(true);
        run.wait(61);
        run.apply(Command::Wake);
    }
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::RetriesExhausted)));
    assert!(calls_model(&run.apply(resume())));
    assert_eq!(run.execution.failures, 0);
}

#[test]
fn a_permanent_error_fails() {
    let mut run = Run::new();
    run.model_fails(false);
    assert_eq!(run.execution.state, State::Failed);
}

#[test]
fn crashes_without_progress_end_in_a_hold() {
    let mut run = Run::new();
    for _ in 0..10 {
        assert!(calls_model(&run.crash()));
    }
    assert!(run.crash().actions.is_empty());
    assert_eq!(run.execution.reason, Some(Reason::CrashLoop));

    let mut run = Run::new();
    for _ in 0..30 {
        run.crash();
        run.reply("", &[("math.add", json!({"a": 1, "b": 1}))]);
    }
    assert_eq!(run.execution.state, State::Running, "progress in between forgives");
}

#[test]
fn an_orderly_stop_of_the_server_is_no_crash() {
    let mut run = Run::new();
    for _ in 0..30 {
        assert!(calls_model(&run.restart()));
    }
    assert_eq!((run.execution.state, run.execution.crashes), (State::Running, 0));
    for crashes in 1..=10 {
        assert!(calls_model(&run.restart()) && calls_model(&run.crash()));
        assert_eq!(run.execution.crashes, crashes, "nor does it forgive one");
    }
    assert!(calls_model(&run.restart()), "what was enough stays so");
    run.crash();
    assert_eq!(run.execution.reason, Some(Reason::CrashLoop));
}

#[test]
fn a_hold_says_why_and_lets_effects_end() {
    let mut run = Run::with(|config| config["limits"] = json!({"attempts": 1}));
    run.model_fails(true);
    let error = run.execution.error.as_ref().expect("an error");
    assert_eq!((run.execution.state, error.code.as_str()), (State::Paused, "retries_exhausted"));
    assert!(error.message.contains("model_overloaded: try later"), "{}", error.message);
    run.apply(resume());
    assert!(run.execution.error.is_none(), "a resume begins anew");

    let mut run = Run::with(|config| config["limits"] = json!({"attempts": 1}));
    run.reply("", &[("pay", json!({})), ("book", json!({})), ("look", json!({}))]);
    let outcome = run.tool_fails(3, true);
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![4] }), "only the read is aborted: {outcome:?}");
    assert_eq!(run.tool_answers(2, json!("paid")).entries.len(), 1, "the answer of an effect is kept");
}
