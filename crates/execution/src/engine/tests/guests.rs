//! Code agents: what their guests ask for and hear.

use moltforge_types::approval::Decision;
use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo, GuestCall, GuestCancel, GuestLog, GuestLogLevel};
use moltforge_types::{ExecutionId, Id as _};
use serde_json::{Value, json};

use super::harness::{Run, called};
use crate::engine::{Action, Command, GuestEvent, Outcome};

fn code(config: &mut Value) {
    config["kind"] = json!("code");
    config["script"] = json!([]);
}

impl Run {
    fn asks(&mut self, first: u32, calls: &[(&str, Value)], heard: u32) -> Outcome {
        let calls = calls.iter().zip(first..).map(|((name, arguments), id)| GuestCall {
            id,
            name: (*name).to_owned(),
            arguments: arguments.to_string(),
            after: heard,
        });
        let event = GuestEvent::Asked { calls: calls.collect(), cancelled: Vec::new(), heard: Some(heard) };
        self.apply(Command::Guest(event))
    }

    fn returns(&mut self, output: Value) -> Outcome {
        self.apply(Command::Guest(GuestEvent::Ended(output)))
    }

    /// The ids of the answers that the guest has heard or will.
    fn heard(&self) -> Vec<(u32, bool, &str)> {
        self.execution.guest.heard.iter().map(|heard| (heard.id, heard.ok, heard.content.as_str())).collect()
    }
}

fn runs_guest(outcome: &Outcome) -> bool {
    outcome.actions.contains(&Action::RunGuest)
}

#[test]
fn answers_come_in_the_order_of_the_journal() {
    let mut run = Run::with(code);
    let outcome =
        run.asks(1, &[("look", json!({"n": 1})), ("book", json!({})), ("math.add", json!({"a": 1, "b": 2}))], 0);
    assert_eq!(called(&outcome), [1, 2]);
    assert_eq!(run.heard(), [(3, true, "3")], "what needs nobody is answered at once");
    run.tool_answers(2, json!("booked"));
    run.asks(4, &[], 1);
    run.asks(4, &[("look", json!({"n": 2}))], 2);
    run.tool_fails(1, false);
    assert_eq!(
        run.heard()[1..],
        [(2, true, "\"booked\""), (1, false, r#"{"code":"connection_lost","message":"gone"}"#)]
    );
    run.tool_answers(3, json!("seen"));
    run.returns(json!({"ok": true}));
    assert_eq!(run.execution.output, Some(json!({"ok": true})));
}

#[test]
fn a_guest_that_waits_for_time_and_others_is_dropped_and_comes_back() {
    let mut run = Run::with(code);
    let outcome = run.asks(1, &[("timer", json!({"ms": 60_000})), ("signals.wait", json!({"name": "go"}))], 0);
    assert_eq!(run.execution.state, State::Suspended);
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![0] }), "{:?}", outcome.actions);
    run.wait(60);
    let outcome = run.apply(Command::Wake);
    assert!(runs_guest(&outcome));
    assert_eq!(run.heard().len(), 1);
    run.asks(3, &[], 1);
    assert_eq!(run.execution.state, State::Suspended);
    let signal = Command::Signal { name: "go".to_owned(), payload: json!(7), dedupe_key: None };
    assert!(runs_guest(&run.apply(signal)));
    assert_eq!(run.heard()[1], (2, true, "7"));
    run.returns(json!("done"));
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn a_crash_rebuilds_the_guest_with_what_it_has_heard() {
    let mut run = Run::with(code);
    run.asks(1, &[("look", json!({})), ("book", json!({}))], 0);
    run.tool_answers(1, json!("seen"));
    let outcome = run.crash();
    assert!(runs_guest(&outcome));
    assert_eq!(called(&outcome), [2], "the effect is sent again with its key");
    assert_eq!((run.heard().len(), run.execution.guest.calls.len()), (1, 2));
    run.tool_answers(2, json!("booked"));
    run.asks(3, &[], 2);
    assert_eq!(run.execution.state, State::Failed, "it waits for nothing");
}

#[test]
fn what_it_gives_up_is_called_back_unless_it_is_an_effect() {
    let mut run = Run::with(code);
    run.asks(1, &[("look", json!({})), ("book", json!({})), ("timer", json!({"ms": 50}))], 0);
    let cancelled = [1, 2, 3].map(|id| GuestCancel { id, after: 0 }).to_vec();
    let event = GuestEvent::Asked { calls: Vec::new(), cancelled, heard: Some(0) };
    let outcome = run.apply(Command::Guest(event));
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![1] }), "{:?}", outcome.actions);
    let outcome = run.returns(json!(null));
    assert_eq!(run.execution.state, State::Running, "the effect is seen through: {outcome:?}");
    run.tool_answers(2, json!("booked"));
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn a_pause_drops_it_and_a_kill_ends_it() {
    let mut run = Run::with(code);
    run.asks(1, &[("book", json!({}))], 0);
    let outcome = run.apply(Command::Pause { by: "me".to_owned(), note: None });
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![0] }));
    run.tool_answers(1, json!("booked"));
    assert!(!runs_guest(&run.apply(Command::Wake)));
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert!(runs_guest(&outcome));
    let outcome = run.apply(Command::Stop { by: "me".to_owned(), note: None, kill: true });
    assert!(outcome.actions.contains(&Action::Abort { steps: vec![0] }));
    run.apply(Command::CallGone { step: 0 });
    assert_eq!(run.execution.state, State::Cancelled);
}

#[test]
fn its_end_is_typed_whatever_it_is() {
    let error = |code: &str| ErrorInfo::new(code, "agent.js:3: no");
    let mut run = Run::with(code);
    run.apply(Command::Guest(GuestEvent::Failed(error("memory_limit"))));
    assert!(matches!(run.last(), Entry::Failed { error, .. } if error.code == "memory_limit"));

    let mut run = Run::with(code);
    run.asks(1, &[("look", json!({}))], 0);
    run.apply(Command::Guest(GuestEvent::Diverged("before: look; now: book".to_owned())));
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::Diverged)));

    let mut run = Run::with(code);
    run.apply(Command::Guest(GuestEvent::Missing(error("bundle_damaged"))));
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::VersionMissing)));
    assert!(runs_guest(&run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None })));

    let mut run = Run::with(code);
    run.apply(Command::Guest(GuestEvent::Lost(error("worker_lost"))));
    assert_eq!(run.execution.state, State::BackingOff);
    run.wait(60);
    assert!(runs_guest(&run.apply(Command::Wake)));

    let mut run = Run::with(|config| {
        code(config);
        config["output_schema"] = json!({"type": "integer"});
    });
    run.returns(json!("text"));
    assert!(matches!(run.last(), Entry::Failed { error, .. } if error.code == "output_invalid"));
}

#[test]
fn what_the_server_lacks_is_waited_for() {
    let mut run = Run::with(|config| {
        code(config);
        config["limits"] = json!({ "attempts": 2 });
    });
    for _ in 0..9 {
        run.apply(Command::Guest(GuestEvent::Lost(ErrorInfo::new("sandbox_unavailable", "no engine yet"))));
        assert_eq!(run.execution.state, State::BackingOff);
        run.wait(60);
        assert!(runs_guest(&run.apply(Command::Wake)));
    }
}

#[test]
fn a_guest_that_is_lost_again_and_again_is_held() {
    let mut run = Run::with(|config| {
        code(config);
        config["limits"] = json!({ "attempts": 3 });
    });
    for _ in 0..2 {
        run.apply(Command::Guest(GuestEvent::Lost(ErrorInfo::new("worker_lost", "gone"))));
        run.wait(60);
        run.apply(Command::Wake);
    }
    run.apply(Command::Guest(GuestEvent::Lost(ErrorInfo::new("worker_lost", "gone"))));
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::RetriesExhausted)));
}

#[test]
fn a_request_whose_call_is_given_up_is_closed() {
    let mut run = Run::with(code);
    run.asks(1, &[("refund", json!({"n": 50})), ("timer", json!({"ms": 50}))], 0);
    run.wait(1);
    run.apply(Command::Wake);
    assert_eq!(run.heard().len(), 1);
    let cancelled = vec![GuestCancel { id: 1, after: 1 }];
    run.apply(Command::Guest(GuestEvent::Asked { calls: Vec::new(), cancelled, heard: None }));
    assert!(matches!(run.last(), Entry::ApprovalDecided { step: 1, decision: Decision::Expired, .. }));
    run.returns(json!(1));
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn chance_and_time_of_a_guest_are_those_of_its_beginning() {
    let mut run = Run::with(code);
    let (id, then) = (run.execution.id, run.now);
    let first = run.execution.guest_start();
    run.wait(5);
    run.asks(1, &[("timer", json!({"ms": 50}))], 0);
    let later = run.execution.guest_start();
    assert_eq!((later.seed, later.now), (first.seed, then));
    run.forge(Entry::Forked {
        execution_id: id,
        written_by: None,
        seq: 4,
        step: 2,
        by: "me".to_owned(),
        note: None,
        deadline: None,
    });
    run.execution.id = ExecutionId::from_u128(9);
    let fork = run.execution.guest_start();
    assert_eq!((fork.seed, fork.now, fork.execution_id), (first.seed, then, ExecutionId::from_u128(9)));
    run.execution.guest.began = None;
    assert_ne!(run.execution.guest_start().seed, first.seed);
}

#[test]
fn a_guest_that_waits_for_a_moment_stays() {
    let mut run = Run::with(code);
    run.asks(1, &[("timer", json!({"ms": 900})), ("signals.wait", json!({"name": "go"}))], 0);
    assert_eq!(run.execution.state, State::Running);
    run.wait(1);
    let outcome = run.apply(Command::Wake);
    assert_eq!(run.heard(), [(1, true, "null")]);
    assert!(!runs_guest(&outcome), "it is there");
    run.asks(3, &[], 1);
    assert_eq!(run.execution.state, State::Suspended);
}

#[test]
fn a_guest_that_is_parked_comes_back_with_an_answer() {
    let mut run = Run::with(code);
    run.asks(1, &[("look", json!({})), ("book", json!({}))], 0);
    assert!(!runs_guest(&run.apply(Command::Guest(GuestEvent::Parked))));
    assert!(!runs_guest(&run.apply(Command::Wake)));
    assert!(runs_guest(&run.tool_answers(1, json!("seen"))));
    // an answer that came while it was on its way out
    run.asks(3, &[], 1);
    run.tool_answers(2, json!("booked"));
    assert!(runs_guest(&run.apply(Command::Guest(GuestEvent::Parked))));
    run.returns(json!(1));
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn a_guest_that_had_to_leave_while_it_computes_is_built_again() {
    let mut run = Run::with(code);
    for _ in 0..100 {
        assert!(runs_guest(&run.apply(Command::Guest(GuestEvent::Parked))));
    }
    assert_eq!((run.execution.failures, run.execution.state), (0, State::Running), "it is no failure of its own");
    run.returns(json!(1));
    assert_eq!(run.execution.state, State::Completed);
}

#[test]
fn what_it_logs_is_written_once() {
    let mut run = Run::with(code);
    let line = |message: &str| GuestLog { level: GuestLogLevel::Info, message: message.to_owned(), after: 0 };
    run.apply(Command::Guest(GuestEvent::Logged(vec![line("a"), line("b")])));
    run.asks(1, &[("look", json!({}))], 0);
    run.crash();
    assert_eq!(run.execution.guest.logged, 2);
    run.apply(Command::Guest(GuestEvent::Logged(vec![line("c")])));
    assert_eq!(run.kinds().iter().filter(|kind| **kind == "guest.logged").count(), 2);
}
