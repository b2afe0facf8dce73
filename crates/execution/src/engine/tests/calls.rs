use moltforge_types::conversation::Message;
use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::Entry;
use serde_json::json;

use super::harness::{Run, called, calls_model};
use crate::engine::{Action, Command, UnknownEffects};

#[test]
fn workload_w_is_three_commits() {
    let mut run = Run::new();
    assert_eq!(run.kinds(), ["execution.scheduled", "execution.running"]);
    let second = run.reply("", &[("math.add", json!({"a": 2, "b": 3}))]);
    // the pure tool rides along, and the next model call waits for this one commit
    assert_eq!(second.entries.len(), 2);
    assert!(calls_model(&second));
    let third = run.reply("the sum is 5", &[]);
    assert_eq!(third.entries.len(), 2);
    assert_eq!(run.execution.state, State::Completed);
    assert_eq!(run.execution.output, Some(json!("the sum is 5")));
}

#[test]
fn several_calls_run_in_parallel_and_their_results_keep_the_order_of_the_calls() {
    let mut run = Run::new();
    let outcome =
        run.reply("", &[("look", json!({"n": 1})), ("look", json!({"n": 2})), ("math.add", json!({"a": 1, "b": 1}))]);
    assert_eq!(called(&outcome), [2, 3]);
    assert!(!calls_model(&outcome));
    assert!(run.tool_answers(3, json!("second")).actions.is_empty());
    let done = run.tool_answers(2, json!("first"));
    assert!(calls_model(&done));
    let contents: Vec<_> = run.execution.messages[2..]
        .iter()
        .map(|message| match &**message {
            Message::Tool { content, .. } => content.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(contents, ["\"first\"", "\"second\"", "2"]);
}

#[test]
fn reads_write_no_intent_and_effects_do() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("look", json!({})), ("book", json!({})), ("pay", json!({}))]);
    let intents: Vec<_> = outcome
        .entries
        .iter()
        .filter_map(|recorded| match &recorded.entry {
            Entry::ToolInvoked { step, idempotency_key, .. } => Some((*step, idempotency_key.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(intents.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [3, 4]);
    assert_ne!(intents[0].1, intents[1].1);
    for action in &outcome.actions {
        let Action::CallTool { step, idempotency_key, .. } = action else { continue };
        let intent = intents.iter().find(|(known, _)| known == step).map(|(_, key)| key.clone());
        assert_eq!(*idempotency_key, intent, "the key that is sent is the key that is durable");
    }
}

#[test]
fn a_call_that_does_not_fit_goes_back_to_the_model_once() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("math.add", json!("{\"a\": 2")), ("nothing", json!({}))]);
    assert!(calls_model(&outcome));
    assert!(matches!(run.last_message(), Message::Tool { content, .. } if content.contains("error")));
    // a good turn in between forgives
    run.reply("", &[("math.add", json!({"a": 2, "b": 3}))]);
    run.reply("", &[("math.add", json!({"a": "x"}))]);
    run.reply("", &[("math.add", json!({"a": "x"}))]);
    assert_eq!(run.execution.state, State::Failed);
    assert_eq!(run.execution.error.as_ref().unwrap().code, "tool_arguments_invalid");
}

#[test]
fn a_call_that_does_not_fit_counts_beside_one_that_does() {
    let mut run = Run::new();
    for turn in 0..2 {
        let outcome = run.reply("", &[("math.add", json!({"a": "x"})), ("look", json!({}))]);
        assert_eq!(called(&outcome).len(), 1, "turn {turn}");
        let look = called(&outcome)[0];
        let outcome = run.tool_answers(look, json!(1));
        assert_eq!(calls_model(&outcome), turn == 0);
    }
    assert_eq!(run.execution.error.as_ref().unwrap().code, "tool_arguments_invalid");
}

#[test]
fn a_tool_that_fails_is_the_models_business() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    let outcome = run.tool_fails(2, false);
    assert!(calls_model(&outcome));
    assert_eq!(run.execution.state, State::Running);
}

#[test]
fn after_a_crash_reads_and_keyed_calls_run_again_with_the_same_key() {
    let mut run = Run::new();
    let before = run.reply("", &[("look", json!({})), ("book", json!({}))]);
    let after = run.crash();
    assert_eq!(called(&after), [2, 3]);
    let key = |outcome: &crate::engine::Outcome| {
        outcome.actions.iter().find_map(|action| match action {
            Action::CallTool { step: 3, idempotency_key, .. } => idempotency_key.clone(),
            _ => None,
        })
    };
    assert!(key(&before).is_some());
    assert_eq!(key(&before), key(&after));
    assert_eq!(run.execution.attempt, 2);
}

#[test]
fn after_a_crash_a_call_that_must_not_run_twice_is_held_for_a_decision() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    let outcome = run.crash();
    assert!(called(&outcome).is_empty(), "nothing is sent");
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::EffectUnknown)));
    let resume = |unknown_effects| Command::Resume { by: "me".to_owned(), unknown_effects };
    assert!(run.try_apply(resume(None)).is_err());
    let again = run.apply(resume(Some(UnknownEffects::Retry)));
    assert_eq!(called(&again), [2, 3]);
    // the decision covered one try
    run.crash();
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));
    let failed = run.apply(resume(Some(UnknownEffects::Fail)));
    assert_eq!(called(&failed), [3]);
    assert!(calls_model(&run.tool_answers(3, json!(1))));
}

#[test]
fn a_lost_answer_is_unknown_for_one_class_and_retried_for_the_other() {
    let mut run = Run::new();
    run.reply("", &[("pay", json!({}))]);
    run.tool_fails(2, true);
    assert_eq!(run.execution.reason, Some(Reason::EffectUnknown));

    let mut run = Run::new();
    run.reply("", &[("book", json!({}))]);
    run.tool_fails(2, true);
    assert_eq!(run.execution.state, State::BackingOff);
    run.wait(61);
    assert_eq!(called(&run.apply(Command::Wake)), [2]);
}

#[test]
fn state_writes_commit_with_their_entry() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("state.set", json!({"key": "k", "value": 7}))]);
    let writes: Vec<_> = outcome
        .entries
        .iter()
        .filter_map(|recorded| match &recorded.entry {
            Entry::ToolSucceeded { writes, .. } => Some(writes.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(writes.len(), 1);
    assert_eq!((writes[0].key.as_str(), writes[0].value.clone()), ("k", Some(json!(7))));
}
