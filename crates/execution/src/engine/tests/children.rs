//! Children: started once, awaited in every way, stopped with their parent.

use moltforge_types::ExecutionId;
use moltforge_types::execution::State;
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::{Value, json};

use super::harness::{Run, calls_model};
use crate::engine::{Action, ChildOutcome, Command, Message, Outcome};

fn started(outcome: &Outcome) -> Vec<(u32, ExecutionId)> {
    let each = |action: &Action| match action {
        Action::StartChild { step, child_id, .. } => Some((*step, *child_id)),
        _ => None,
    };
    outcome.actions.iter().filter_map(each).collect()
}

fn accept(run: &mut Run, step: u32) -> Outcome {
    run.apply(Command::ChildStarted { step, result: Ok(()) })
}

fn ends(run: &mut Run, child_id: ExecutionId, output: &str) -> Outcome {
    let output = Some(json!(output));
    run.apply(Command::ChildEnded(ChildOutcome { child_id, state: State::Completed, output, error: None }))
}

fn told(run: &Run) -> Value {
    let moltforge_types::conversation::Message::Tool { content, .. } = run.last_message() else { panic!("no answer") };
    serde_json::from_str(content).expect("json")
}

/// Two children, started and accepted.
fn two() -> (Run, ExecutionId, ExecutionId) {
    let mut run = Run::new();
    let outcome =
        run.reply("", &[("agents.start", json!({"agent": "helper"})), ("agents.start", json!({"agent": "helper"}))]);
    let [(2, one), (3, two)] = started(&outcome)[..] else { panic!("{outcome:?}") };
    assert_ne!(one, two);
    accept(&mut run, 2);
    assert!(calls_model(&accept(&mut run, 3)), "agents.start does not wait");
    (run, one, two)
}

#[test]
fn a_call_waits_for_its_child() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("agents.call", json!({"agent": "helper", "input": {"n": 1}}))]);
    let [(2, child)] = started(&outcome)[..] else { panic!("{outcome:?}") };
    accept(&mut run, 2);
    assert_eq!(run.execution.state, State::Suspended);
    assert!(run.execution.waiting_for().is_some_and(|text| text.contains(&child.to_string())));
    assert!(calls_model(&ends(&mut run, child, "done")));
    assert_eq!(told(&run), "done", "the output, and nothing around it");
    assert!(ends(&mut run, child, "twice").entries.is_empty(), "an end counts once");
}

#[test]
fn a_failed_child_is_an_error_of_the_call() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("agents.call", json!({"agent": "helper"}))]);
    let (_, child_id) = started(&outcome)[0];
    accept(&mut run, 2);
    let error = Some(ErrorInfo::new("turn_limit", "enough"));
    run.apply(Command::ChildEnded(ChildOutcome { child_id, state: State::Failed, output: None, error }));
    assert_eq!(told(&run)["error"]["code"], "child_failed");
}

#[test]
fn a_start_that_was_lost_is_made_again_with_the_same_id() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("agents.call", json!({"agent": "helper"}))]);
    let before = started(&outcome);
    assert_eq!(started(&run.crash()), before);
    accept(&mut run, 2);
    run.crash();
    assert_eq!(run.execution.state, State::Suspended, "an accepted child is waited for, not started again");
}

#[test]
fn all_waits_for_all_and_any_for_one() {
    let (mut run, one, other) = two();
    run.reply("", &[("agents.wait", json!({"executions": [one, other]}))]);
    assert_eq!(run.execution.state, State::Suspended);
    assert!(!calls_model(&ends(&mut run, other, "b")));
    assert!(calls_model(&ends(&mut run, one, "a")));
    let answer = told(&run);
    assert_eq!((answer["ended"][0]["output"].as_str(), answer["ended"][1]["output"].as_str()), (Some("a"), Some("b")));

    let (mut run, one, other) = two();
    run.reply("", &[("agents.wait", json!({"executions": [one, other], "mode": "any"}))]);
    assert!(calls_model(&ends(&mut run, other, "b")));
    assert_eq!(told(&run)["open"], json!([one]));
}

#[test]
fn an_end_before_the_wait_is_remembered() {
    let (mut run, one, other) = two();
    ends(&mut run, one, "a");
    ends(&mut run, other, "b");
    assert!(calls_model(&run.reply("", &[("agents.wait", json!({"executions": [one, other]}))])));
}

#[test]
fn a_wait_gives_up_and_strangers_are_refused() {
    let (mut run, one, _) = two();
    run.reply("", &[("agents.wait", json!({"executions": [one], "timeout": "10s"}))]);
    run.wait(11);
    assert!(calls_model(&run.apply(Command::Wake)));
    assert_eq!(told(&run)["error"]["code"], "children_timeout");
    run.reply("", &[("agents.wait", json!({"executions": ["exe_01h455vb4pex5vsknk084sn02q"]}))]);
    assert_eq!(told(&run)["error"]["code"], "child_unknown");
    run.reply("", &[("agents.call", json!({"agent": "stranger"}))]);
    assert_eq!(told(&run)["error"]["code"], "agent_not_granted");
}

#[test]
fn depth_and_number_are_capped() {
    let mut run = Run::with(|config| config["limits"] = json!({"children": 1}));
    let outcome =
        run.reply("", &[("agents.start", json!({"agent": "helper"})), ("agents.start", json!({"agent": "helper"}))]);
    assert_eq!(started(&outcome).len(), 1);
    accept(&mut run, 2);
    assert_eq!(told(&run)["error"]["code"], "child_limit");
}

#[test]
fn children_go_with_their_parent() {
    let (mut run, one, other) = two();
    ends(&mut run, one, "a");
    run.apply(Command::Stop { by: "me".to_owned(), note: None, kill: true });
    let outcome = run.apply(Command::CallGone { step: 4 });
    let Entry::Cancelled { children, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert_eq!(children, &[other]);
    let [sent] = &outcome.messages[..] else { panic!("{:?}", outcome.messages) };
    assert_eq!(sent.to, other);
    assert!(matches!(&sent.message, Message::Stop { kill: true, by, .. } if by == "me"));

    let (mut run, _, _) = two();
    let outcome = run.reply("done", &[]);
    assert_eq!(outcome.messages.len(), 2, "nobody outlives the parent that started it");
}
