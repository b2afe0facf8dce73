//! Calls whose outcome is not known: probes, and an operator's decision about each.

use moltforge_types::conversation::Message;
use moltforge_types::execution::{EffectDecision, ProbeOutcome, Reason, State};
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::harness::{Run, called, probes};
use crate::engine::{Command, Refusal};

fn told(run: &Run) -> Value {
    match run.last_message() {
        Message::Tool { content, .. } => serde_json::from_str(content).expect("json"),
        other => panic!("{other:?}"),
    }
}

/// A run whose `ship` was sent and whose answer was lost.
fn lost() -> Run {
    let mut run = Run::new();
    assert_eq!(called(&run.reply("", &[("ship", json!({}))])), [2]);
    assert_eq!(probes(&run.tool_fails(2, true)), [2]);
    run
}

fn decide(run: &mut Run, step: u32, decision: EffectDecision) -> Result<Vec<u32>, Refusal> {
    let (output, note, by) = (Some(json!("by hand")), Some("looked".to_owned()), "me".to_owned());
    run.try_apply(Command::DecideEffect { step, decision, output, note, by }).map(|outcome| called(&outcome))
}

#[test]
fn what_the_probe_saw_is_the_answer() {
    let mut run = lost();
    run.probed(2, ProbeOutcome::Done);
    assert_eq!(told(&run), json!("probed"));
    assert!(run.kinds().contains(&"effect.probed"));
}

#[test]
fn after_a_crash_the_probe_comes_first() {
    let mut run = Run::new();
    run.reply("", &[("ship", json!({}))]);
    let outcome = run.crash();
    assert_eq!((called(&outcome), probes(&outcome)), (vec![], vec![2]));
    // the same key, and not before the first call can no longer arrive
    run.wait(20);
    assert_eq!(called(&run.probed(2, ProbeOutcome::NotDone)), [2]);
    // sent again, and then the server dies once more: nobody knows whether the second one went out
    let outcome = run.crash();
    assert_eq!((called(&outcome), probes(&outcome)), (vec![], vec![2]));
}

#[test]
fn not_done_counts_only_when_it_can_no_longer_arrive() {
    let mut run = lost();
    run.probed(2, ProbeOutcome::NotDone);
    let Entry::RetryScheduled { run_at, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert!(*run_at >= run.now.plus(std::time::Duration::from_secs(20)), "{run_at}");
    run.wait(25);
    assert_eq!(probes(&run.apply(Command::Wake)), [2]);
    assert_eq!(called(&run.probed(2, ProbeOutcome::NotDone)), [2]);
}

#[test]
fn probes_that_cannot_say_end_in_a_hold() {
    let mut run = Run::with(|config| config["limits"] = json!({ "attempts": 3 }));
    run.reply("", &[("ship", json!({}))]);
    run.tool_fails(2, true);
    for _ in 0..2 {
        run.probed(2, ProbeOutcome::Unknown);
        run.wait(120);
        run.apply(Command::Wake);
    }
    run.probed(2, ProbeOutcome::Unknown);
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::EffectUnknown)));
    // a resume asks again; a decision is not needed for that
    assert_eq!(probes(&run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None })), [2]);
}

#[test]
fn what_never_arrives_is_not_sent_for_ever() {
    let mut run = Run::with(|config| config["limits"] = json!({ "attempts": 3 }));
    run.reply("", &[("ship", json!({}))]);
    let mut sent = 1;
    while run.execution.state == State::Running {
        run.tool_fails(2, true);
        run.wait(60);
        sent += called(&run.probed(2, ProbeOutcome::NotDone)).len();
    }
    assert_eq!((sent, run.execution.reason), (3, Some(Reason::EffectUnknown)));
}

#[test]
fn an_operator_decides_call_by_call() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({ "n": 1 })), ("pay", json!({ "n": 2 })), ("pay", json!({ "n": 3 }))]);
    run.crash();
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
    assert_eq!(decide(&mut run, 2, EffectDecision::Succeed), Ok(vec![]));
    assert_eq!(decide(&mut run, 3, EffectDecision::Fail), Ok(vec![]));
    assert_eq!(run.execution.state, State::Paused, "one is left");
    assert_eq!(decide(&mut run, 9, EffectDecision::Fail), Err(Refusal::EffectNotUnknown));
    // the last decision lets it go on
    assert_eq!(decide(&mut run, 4, EffectDecision::Retry), Ok(vec![4]));
    assert_eq!(run.execution.state, State::Running);
    assert_eq!(decide(&mut run, 4, EffectDecision::Fail), Err(Refusal::EffectNotUnknown), "it is on its way");
    run.tool_answers(4, json!("paid"));
    let texts: Vec<_> = run.execution.messages.iter().rev().take(3).collect();
    let text = |at: usize| match &**texts[at] {
        Message::Tool { content, .. } => content.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(2), "\"by hand\"");
    assert!(text(1).contains("outcome_unknown"));
    assert_eq!(text(0), "\"paid\"");
}

#[test]
fn a_decision_to_send_again_covers_one_try() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.crash();
    assert_eq!(decide(&mut run, 2, EffectDecision::Retry), Ok(vec![2]));
    assert_eq!(called(&run.crash()), Vec::<u32>::new());
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
    let resumed = run.try_apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(resumed, Err(Refusal::DecisionNeeded));
}

#[test]
fn an_operators_hold_is_lifted_by_a_resume_alone() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.execution = run.replayed();
    assert_eq!(decide(&mut run, 2, EffectDecision::Retry), Ok(vec![]));
    assert_eq!(run.execution.state, State::Paused);
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(called(&outcome), [2]);
}

#[test]
fn a_probe_that_an_operator_asks_for_settles_a_held_effect() {
    let mut run = Run::with(|config| config["limits"] = json!({ "attempts": 1 }));
    run.reply("", &[("ship", json!({}))]);
    run.tool_fails(2, true);
    run.probed(2, ProbeOutcome::Unknown);
    assert_eq!(run.execution.state, State::Paused);
    let outcome = run.apply(Command::Probe { step: 2, by: "me".to_owned() });
    assert_eq!(probes(&outcome), [2]);
    assert_eq!(run.try_apply(Command::Probe { step: 1, by: "me".to_owned() }), Err(Refusal::NotProbed));
    run.probed(2, ProbeOutcome::Done);
    assert_eq!(run.execution.state, State::Running);
    assert_eq!(told(&run), json!("probed"));
}

#[test]
fn keys_are_those_of_the_intent() {
    let mut run = Run::new();
    run.reply("", &[("book", json!({}))]);
    let Entry::ToolInvoked { idempotency_key, .. } = run.last().clone() else { panic!("{:?}", run.last()) };
    assert!(idempotency_key.starts_with("mf2_"), "{idempotency_key}");
    let outcome = run.crash();
    let sent = outcome.actions.iter().find_map(|action| match action {
        crate::engine::Action::CallTool { idempotency_key, .. } => idempotency_key.clone(),
        _ => None,
    });
    assert_eq!(sent, Some(idempotency_key));
}

#[test]
fn a_try_that_a_hold_or_a_back_off_hides_is_used_up_too() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.crash();
    decide(&mut run, 2, EffectDecision::Retry).expect("decided");
    // it is out when somebody holds the execution and the server dies: nobody knows whether it arrived
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.crash();
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(called(&outcome), Vec::<u32>::new());
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));

    let mut run = Run::new();
    run.reply("", &[("pay", json!({})), ("book", json!({}))]);
    run.crash();
    let retry = Some(crate::engine::UnknownEffects::Retry);
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: retry });
    run.tool_fails(3, true);
    assert_eq!(run.execution.state, State::BackingOff);
    run.wait(60);
    assert_eq!(called(&run.crash()), Vec::<u32>::new());
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
}
