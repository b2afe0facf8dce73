//! Calls that wait for a person.

use moltforge_types::approval::Decision;
use moltforge_types::conversation::Message;
use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::harness::{Run, called};
use crate::engine::{Action, Command, Outcome, PendingState, Refusal};

/// A run whose model asked for a refund of 50, which waits at step 2.
fn asked() -> Run {
    let mut run = Run::new();
    let outcome = run.reply("", &[("refund", json!({ "n": 50 }))]);
    assert_eq!(called(&outcome), Vec::<u32>::new());
    assert_eq!(run.execution.state, State::Suspended);
    run
}

fn arguments(outcome: &Outcome) -> Option<&Value> {
    outcome.actions.iter().find_map(|action| match action {
        Action::CallTool { arguments, .. } => Some(arguments),
        _ => None,
    })
}

fn told(run: &Run) -> Value {
    match run.last_message() {
        Message::Tool { content, .. } => serde_json::from_str(content).expect("json"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_waits_and_begins_with_its_decision() {
    let mut run = asked();
    let ask = run.ask(2);
    assert_eq!(ask.approvers, ["finance"]);
    let waits_for = run.execution.waiting_for().expect("it waits");
    assert!(waits_for.contains(&format!("the approval {} of refund until", ask.approval_id)), "{waits_for}");
    assert_eq!(run.execution.wake_at(), ask.escalate_at);
    let before = run.journal.len();
    let outcome = run.decide(2, "finance", |_| {}).expect("decided");
    // one outcome, and so one commit: the decision, the resumption and the intent
    let kinds: Vec<_> = run.journal[before..].iter().map(|recorded| recorded.entry.event_type()).collect();
    assert_eq!(kinds, ["approval.decided", "execution.resumed", "execution.running", "tool.invoked"]);
    assert_eq!(arguments(&outcome), Some(&json!({ "n": 50 })));
    let Entry::ToolInvoked { approval_id, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert_eq!(*approval_id, Some(ask.approval_id));
    // the intent is durable: after a crash the call goes out again without another decision
    assert_eq!(called(&run.crash()), [2]);
    run.tool_answers(2, json!("refunded"));
    assert_eq!(told(&run), json!("refunded"));
}

#[test]
fn a_condition_lets_small_calls_through() {
    let mut run = Run::new();
    assert_eq!(called(&run.reply("", &[("refund", json!({ "n": 10 }))])), [2]);
    let Entry::ToolInvoked { approval_id: None, .. } = run.last() else { panic!("{:?}", run.last()) };
}

#[test]
fn a_decision_counts_once() {
    let mut run = asked();
    let ask = run.ask(2);
    run.decide(2, "finance", |_| {}).expect("decided");
    assert_eq!(run.decide_with(ask, "finance"), Err(Refusal::ApprovalClosed));
}

#[test]
fn only_approvers_decide_and_only_about_what_they_saw() {
    let mut run = asked();
    assert_eq!(run.decide(2, "intern", |_| {}), Err(Refusal::ApproverRequired));
    assert_eq!(run.decide(2, "board", |_| {}), Err(Refusal::ApproverRequired));
    let other = |answer: &mut crate::engine::Answer| answer.call_sha256 = "0".repeat(64);
    assert_eq!(run.decide(2, "finance", other), Err(Refusal::ApprovalChanged));
    assert_eq!(run.execution.state, State::Suspended);
}

#[test]
fn a_rejection_is_told_and_the_call_never_begins() {
    let mut run = asked();
    let reject = |answer: &mut crate::engine::Answer| {
        answer.approve = false;
        answer.note = Some("too much".to_owned());
    };
    let outcome = run.decide(2, "finance", reject).expect("decided");
    assert_eq!(called(&outcome), Vec::<u32>::new());
    assert_eq!(told(&run)["error"]["code"], "approval_rejected");
    assert!(told(&run)["error"]["message"].as_str().unwrap().contains("finance: too much"));
    // a decision is no bad turn of the model
    assert_eq!(run.execution.rejected_turns, 0);
}

#[test]
fn an_edit_begins_with_the_edited_arguments_and_says_so() {
    let mut run = asked();
    let bad = |answer: &mut crate::engine::Answer| answer.arguments = Some(json!({ "n": "many" }));
    let refused = run.decide(2, "finance", bad).expect_err("it does not fit");
    assert!(matches!(refused, Refusal::AnswerInvalid { field: "/arguments", .. }), "{refused:?}");
    let edit = |answer: &mut crate::engine::Answer| answer.arguments = Some(json!({ "n": 20 }));
    let outcome = run.decide(2, "finance", edit).expect("decided");
    assert_eq!(arguments(&outcome), Some(&json!({ "n": 20 })));
    let crashed = run.crash();
    assert_eq!(arguments(&crashed), Some(&json!({ "n": 20 })));
    run.tool_answers(2, json!("refunded"));
    let expected = json!({ "note": "an approver changed the arguments of this call", "arguments": { "n": 20 },
                           "result": "refunded" });
    assert_eq!(told(&run), expected);
}

#[test]
fn it_escalates_and_expires_by_itself() {
    let mut run = asked();
    run.wait(5 * 60);
    run.apply(Command::Wake);
    assert!(matches!(run.last(), Entry::ApprovalEscalated { to, .. } if to == &["board".to_owned()]));
    assert_eq!(run.execution.state, State::Suspended);
    let length = run.journal.len();
    run.apply(Command::Wake);
    assert_eq!(run.journal.len(), length, "once");
    assert_eq!(run.ask(2).approvers, ["finance", "board"]);
    assert_eq!(run.execution.wake_at(), Some(run.ask(2).due));
    run.wait(5 * 60);
    // the time is over, also before the timer says so
    assert_eq!(run.decide(2, "board", |_| {}), Err(Refusal::ApprovalExpired));
    run.apply(Command::Wake);
    assert_eq!(told(&run)["error"]["code"], "approval_expired");
    assert_eq!(run.execution.state, State::Running);
}

#[test]
fn what_is_not_said_expires_before_the_execution_ends() {
    for (wall, hours) in [("30d", 12), ("24h", 12), ("2h", 1)] {
        let mut run = Run::with(|config| {
            config["limits"] = json!({ "wall": wall });
            config["approvals"][0] = json!({ "tools": ["refund"], "on_expiry": "pause" });
        });
        run.reply("", &[("refund", json!({ "n": 50 }))]);
        assert_eq!(run.ask(2).due, run.now.plus(std::time::Duration::from_hours(hours)), "{wall}");
        run.wait(hours * 3_600);
        run.apply(Command::Wake);
        assert_eq!(run.execution.state, State::Paused, "{wall}: as `on_expiry` says");
    }
}

#[test]
fn an_expiry_that_pauses_asks_anew_after_a_resume() {
    let mut run = Run::with(|config| config["approvals"][0]["on_expiry"] = json!("pause"));
    run.reply("", &[("refund", json!({ "n": 50 }))]);
    let first = run.ask(2).approval_id;
    run.wait(10 * 60);
    run.apply(Command::Wake);
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::ApprovalExpired)));
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(run.execution.state, State::Suspended);
    let second = run.ask(2);
    assert_ne!(second.approval_id, first);
    assert!(second.due > run.now);
    assert_eq!(called(&run.decide(2, "finance", |_| {}).expect("decided")), [2]);
}

#[test]
fn a_held_execution_keeps_its_decision_for_the_resume() {
    let mut run = asked();
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    let outcome = run.decide(2, "finance", |_| {}).expect("decided");
    assert_eq!(called(&outcome), Vec::<u32>::new());
    assert_eq!(run.execution.state, State::Paused);
    assert!(matches!(&run.execution.pending[0].state, PendingState::Decided(verdict) if verdict.by == "finance"));
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(called(&outcome), [2]);
}

#[test]
fn a_decision_about_another_call_is_not_carried_out() {
    // what a bug, or a journal that was tampered with, would say
    let mut run = asked();
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    let ask = run.ask(2);
    let entry = Entry::ApprovalDecided {
        approval_id: ask.approval_id,
        step: 2,
        decision: Decision::Approved,
        by: "finance".to_owned(),
        note: None,
        arguments: Some(json!({ "n": 1_000_000 })),
        answer: None,
        call_sha256: ask.call_sha256,
    };
    run.forge(entry);
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(called(&outcome), Vec::<u32>::new());
    assert!(run.kinds().contains(&"approval.reopened"));
    assert_eq!(run.execution.state, State::Suspended);
    let second = run.ask(2);
    assert_ne!(second.approval_id, ask.approval_id);
    assert_eq!(second.approvers, ["finance"]);
}

#[test]
fn several_requests_of_one_reply_are_independent() {
    let mut run = Run::new();
    let outcome = run.reply("", &[("refund", json!({ "n": 50 })), ("refund", json!({ "n": 60 })), ("look", json!({}))]);
    assert_eq!(called(&outcome), [4]);
    assert_ne!(run.ask(2).approval_id, run.ask(3).approval_id);
    assert_ne!(run.ask(2).call_sha256, run.ask(3).call_sha256);
    // the second is decided while a call is on its way
    assert_eq!(called(&run.decide(3, "finance", |_| {}).expect("decided")), [3]);
    run.tool_answers(4, json!("seen"));
    run.tool_answers(3, json!("second"));
    assert_eq!(run.execution.state, State::Suspended);
    assert_eq!(called(&run.decide(2, "finance", |_| {}).expect("decided")), [2]);
}

#[test]
fn a_question_is_answered_with_its_form() {
    let form =
        json!({ "type": "object", "properties": { "when": { "enum": ["today", "later"] } }, "required": ["when"] });
    let mut run = Run::new();
    run.reply("", &[("approvals.request", json!({ "title": "Ship it?", "form": form, "expires": "3m" }))]);
    assert_eq!(run.ask(2).due, run.now.plus(std::time::Duration::from_mins(3)));
    let refused = run.decide(2, "anybody", |_| {}).expect_err("a form is asked for");
    assert!(matches!(refused, Refusal::AnswerInvalid { field: "/answer", .. }));
    let bad = |answer: &mut crate::engine::Answer| answer.form = Some(json!({ "when": "never" }));
    assert!(matches!(run.decide(2, "anybody", bad), Err(Refusal::AnswerInvalid { field: "/answer", .. })));
    run.decide(2, "anybody", |answer| answer.form = Some(json!({ "when": "today" }))).expect("decided");
    let expected = json!({ "decision": "approved", "by": "anybody", "note": null, "answer": { "when": "today" } });
    assert_eq!(told(&run), expected);
}

#[test]
fn a_read_that_was_approved_has_an_intent_and_is_repeated() {
    let mut run = Run::with(|config| config["approvals"] = json!([{ "tools": ["look", "math.add"] }]));
    run.reply("", &[("look", json!({}))]);
    assert_eq!(called(&run.decide(2, "anybody", |_| {}).expect("decided")), [2]);
    assert!(matches!(run.last(), Entry::ToolInvoked { approval_id: Some(_), .. }));
    assert_eq!(called(&run.crash()), [2]);
    run.tool_answers(2, json!("seen"));
    run.reply("", &[("math.add", json!({ "a": 1, "b": 2 }))]);
    run.decide(4, "anybody", |_| {}).expect("decided");
    assert_eq!(told(&run), json!(3));
}

#[test]
fn nobody_is_asked_about_what_does_not_fit() {
    let mut run = Run::new();
    run.reply("", &[("refund", json!({ "n": "many" }))]);
    assert_eq!(run.execution.state, State::Running);
    assert_eq!(told(&run)["error"]["code"], "tool_arguments_invalid");
}

#[test]
fn a_cancelled_execution_takes_no_decision() {
    let mut run = asked();
    let ask = run.ask(2);
    run.apply(Command::Stop { by: "me".to_owned(), note: None, kill: false });
    assert_eq!(run.decide_with(ask, "finance"), Err(Refusal::Ended));
}

#[test]
fn a_stop_takes_no_decision_and_sends_nothing_again() {
    let mut run = Run::new();
    run.reply("", &[("refund", json!({ "n": 50 })), ("ship", json!({})), ("pay", json!({}))]);
    let ask = run.ask(2);
    run.apply(Command::Stop { by: "me".to_owned(), note: None, kill: false });
    assert_eq!(run.decide_with(ask, "finance"), Err(Refusal::Stopping));
    assert_eq!(run.try_apply(Command::Probe { step: 3, by: "me".to_owned() }), Err(Refusal::Stopping));
    for step in [3, 4] {
        let outcome = run.tool_fails(step, true);
        assert_eq!(outcome.actions, [], "step {step}");
    }
    let Entry::Cancelled { unknown_steps, .. } = run.last() else { panic!("{:?}", run.last()) };
    assert_eq!(*unknown_steps, [3, 4]);
}

#[test]
fn nobody_decides_about_what_cannot_be_read() {
    let mut run = asked();
    run.execution.damaged = Some("entry 3 cannot be read".to_owned());
    let before = run.execution.seq;
    assert_eq!(run.decide(2, "finance", |_| {}), Err(Refusal::Damaged));
    assert_eq!(run.try_apply(Command::Probe { step: 2, by: "ops".to_owned() }), Err(Refusal::Damaged));
    assert_eq!((run.execution.seq, run.execution.state), (before, State::Suspended), "nothing is written");
}
