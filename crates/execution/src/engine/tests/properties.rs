//! Any sequence of commands: the journal replays to the same state (checked by the harness at every command), numbers
//! are dense, and what is terminal stays.

use moltforge_types::ExecutionId;
use moltforge_types::execution::{HoldMode, Reason, State};
use moltforge_types::journal::ErrorInfo;
use proptest::prelude::*;
use serde_json::json;

use super::harness::Run;
use crate::engine::{ChildOutcome, Command, Hold, HoldOf, UnknownEffects};

#[derive(Debug, Clone)]
enum Op {
    Reply(Vec<u8>),
    Final,
    ModelFails(bool),
    Answer(u32),
    AnswerLost(u32),
    Signal(u8),
    Wait(u16),
    Pause,
    Resume(Option<bool>),
    Crash,
    Stop(bool),
    Gone(u32),
    Child(u32, bool),
    ChildEnds(usize, bool),
    Slot(bool),
    /// Held, by a kill switch or not; or lifted.
    Hold(Option<bool>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => prop::collection::vec(0_u8..12, 1..4).prop_map(Op::Reply),
        1 => Just(Op::Final),
        2 => any::<bool>().prop_map(Op::ModelFails),
        5 => (0_u32..12).prop_map(Op::Answer),
        2 => (0_u32..12).prop_map(Op::AnswerLost),
        3 => (0_u8..3).prop_map(Op::Signal),
        4 => (0_u16..200).prop_map(Op::Wait),
        2 => Just(Op::Pause),
        3 => any::<Option<bool>>().prop_map(Op::Resume),
        2 => Just(Op::Crash),
        1 => any::<bool>().prop_map(Op::Stop),
        3 => (0_u32..12).prop_map(Op::Gone),
        4 => (0_u32..12, any::<bool>()).prop_map(|(step, accepted)| Op::Child(step, accepted)),
        3 => (0_usize..4, any::<bool>()).prop_map(|(child, completed)| Op::ChildEnds(child, completed)),
        3 => any::<bool>().prop_map(Op::Slot),
        2 => prop_oneof![3 => Just(None), 3 => Just(Some(false)), 1 => Just(Some(true))].prop_map(Op::Hold),
    ]
}

fn call(which: u8, children: &[ExecutionId]) -> (&'static str, serde_json::Value) {
    match which {
        0 => ("math.add", json!({"a": 1, "b": 2})),
        1 => ("look", json!({})),
        2 => ("book", json!({})),
        3 => ("pay", json!({})),
        4 => ("time.sleep", json!({"duration": "30s"})),
        5 => ("signals.wait", json!({"name": "s0", "timeout": "90s"})),
        6 => ("state.set", json!({"key": "k", "value": 1})),
        7 => ("agents.start", json!({"agent": "helper", "input": 1})),
        8 => ("agents.call", json!({"agent": "helper", "timeout": "60s"})),
        9 => ("agents.wait", json!({"executions": children, "timeout": "60s"})),
        10 => ("agents.wait", json!({"executions": children, "mode": "any"})),
        _ => ("math.add", json!("not json")),
    }
}

fn apply(run: &mut Run, op: Op) {
    let by = "me".to_owned();
    match op {
        Op::Reply(calls) => {
            let children: Vec<_> = run.execution.children.keys().copied().collect();
            let calls: Vec<_> = calls.into_iter().map(|which| call(which, &children)).collect();
            run.reply("", &calls);
        }
        Op::Final => drop(run.reply("done", &[])),
        Op::ModelFails(transient) => drop(run.model_fails(transient)),
        Op::Answer(step) => drop(run.tool_answers(step, json!(step))),
        Op::AnswerLost(step) => drop(run.tool_fails(step, true)),
        Op::Signal(which) => {
            let (name, dedupe_key) = (format!("s{which}"), Some(which.to_string()));
            let _ = run.try_apply(Command::Signal { name, payload: json!(which), dedupe_key });
        }
        Op::Wait(seconds) => {
            run.wait(u64::from(seconds));
            run.apply(Command::Wake);
        }
        Op::Pause => drop(run.try_apply(Command::Pause { by, note: None })),
        Op::Resume(decision) => {
            let unknown_effects =
                decision.map(|retry| if retry { UnknownEffects::Retry } else { UnknownEffects::Fail });
            drop(run.try_apply(Command::Resume { by, unknown_effects }));
        }
        Op::Crash if run.execution.state.is_terminal() => {}
        Op::Stop(kill) => drop(run.try_apply(Command::Stop { by, note: None, kill })),
        Op::Gone(step) => drop(run.apply(Command::CallGone { step })),
        Op::Child(step, accepted) => {
            let result = if accepted { Ok(()) } else { Err(ErrorInfo::new("agent_not_deployed", "no")) };
            run.apply(Command::ChildStarted { step, result });
        }
        Op::ChildEnds(at, completed) => {
            let Some(child_id) = run.execution.children.keys().nth(at).copied() else { return };
            let state = if completed { State::Completed } else { State::Failed };
            let error = (!completed).then(|| ErrorInfo::new("turn_limit", "it had enough"));
            let output = completed.then(|| json!("done"));
            run.apply(Command::ChildEnded(ChildOutcome { child_id, state, output, error }));
        }
        Op::Crash => {
            // what ran keeps its slot
            run.slot |= run.execution.state == State::Running;
            run.crash();
        }
        Op::Hold(None) => {
            run.hold = None;
            run.apply(Command::Release { by });
        }
        Op::Hold(Some(kill)) => {
            let mode = if kill { HoldMode::Kill } else { HoldMode::Pause };
            run.hold = Some(Hold { of: HoldOf::Agent, mode, since: run.now });
            run.apply(Command::Hold);
        }
        Op::Slot(free) => {
            run.slot = free;
            if free {
                run.apply(Command::Claim { recovered: false });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_replays(ops in prop::collection::vec(op(), 1..60)) {
        let mut run = Run::new();
        for op in ops {
            let (before, was_terminal) = (run.journal.len(), run.execution.state.is_terminal());
            let by_a_person = run.execution.reason == Some(Reason::Operator);
            let may_restart = matches!(op, Op::Resume(_) | Op::Stop(_) | Op::Hold(Some(true)));
            apply(&mut run, op);
            prop_assert!(
                !by_a_person || may_restart || run.execution.state == State::Paused,
                "what a person paused goes on by a resume, or ends"
            );
            let stops = run.execution.stopping.is_some();
            prop_assert!(run.hold.is_none() || stops || run.execution.state != State::Running, "a hold holds");
            prop_assert!(!was_terminal || run.journal.len() == before, "a terminal execution never changes");
            // no stuck state: whoever is live has a call on its way, a time to wake, or a reason to be held
            let execution = &run.execution;
            match execution.state {
                State::Running if execution.stopping.is_some() => prop_assert!(execution.wake_at().is_some()),
                State::Running => prop_assert!(execution.has_calls_in_flight()),
                State::Suspended | State::BackingOff => prop_assert!(execution.wake_at().is_some()),
                State::Paused => prop_assert!(execution.reason.is_some()),
                State::Scheduled => prop_assert!(!run.slot, "a claimed execution is not left scheduled"),
                _ => prop_assert!(execution.finished_at.is_some() && !execution.has_calls_in_flight()),
            }
        }
        for (index, recorded) in run.journal.iter().enumerate() {
            prop_assert_eq!(recorded.seq, index as u64 + 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_at_any_entry_and_the_rest_are_the_whole(ops in prop::collection::vec(op(), 1..60)) {
        let mut run = Run::new();
        for op in ops {
            apply(&mut run, op);
        }
        run.assert_snapshots();
    }
}
