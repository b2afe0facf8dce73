//! Any sequence of commands: the journal replays to the same state (checked by the harness at every command), numbers
//! are dense, what is terminal stays, what must not run twice is sent as often as somebody decided, what waits for a person
//! begins with a decision, and a fork at any place is a history of its own.

use std::collections::BTreeMap;

use moltforge_types::approval::Decision;
use moltforge_types::execution::{Effect, EffectDecision, HoldMode, ProbeOutcome, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ExecutionId, Id as _};
use proptest::prelude::*;
use serde_json::json;

use super::harness::{Run, called};
use crate::engine::fork::{Fork, Refused, folded, places};
use crate::engine::replay::{Journaled, Options, replay};
use crate::engine::{Answer, ChildOutcome, Command, Context, Hold, HoldOf, UnknownEffects, apply as engine, approval};

#[derive(Debug, Clone)]
pub(super) enum Op {
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
    /// Which of the requests that wait, approved or not, by whom, and whether they saw this very call.
    Decide(usize, bool, u8, bool),
    /// About one call.
    DecideEffect(u32, EffectDecision),
    /// An operator has the other side asked.
    Probe(u32),
    /// The other side answers.
    Probed(u32, ProbeOutcome),
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => prop::collection::vec(0_u8..16, 1..4).prop_map(Op::Reply),
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
        4 => (0_usize..3, prop::bool::weighted(0.7), 0_u8..3, prop::bool::weighted(0.9))
            .prop_map(|(which, approve, who, seen)| Op::Decide(which, approve, who, seen)),
        3 => (0_u32..12, effect_decision()).prop_map(|(step, decision)| Op::DecideEffect(step, decision)),
        2 => (0_u32..12).prop_map(Op::Probe),
        3 => (0_u32..12, probe_outcome()).prop_map(|(step, outcome)| Op::Probed(step, outcome)),
    ]
}

fn effect_decision() -> impl Strategy<Value = EffectDecision> {
    prop_oneof![Just(EffectDecision::Retry), Just(EffectDecision::Fail), Just(EffectDecision::Succeed)]
}

fn probe_outcome() -> impl Strategy<Value = ProbeOutcome> {
    prop_oneof![Just(ProbeOutcome::Done), Just(ProbeOutcome::NotDone), Just(ProbeOutcome::Unknown)]
}

pub(super) fn call(which: u8, children: &[ExecutionId]) -> (&'static str, serde_json::Value) {
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
        11 => ("ship", json!({})),
        // above 10 a person is asked, always
        12 => ("refund", json!({"n": 50})),
        13 => ("approvals.request", json!({"title": "May I?", "expires": "60s"})),
        14 => ("pay", json!({"n": 2})),
        _ => ("math.add", json!("not json")),
    }
}

pub(super) fn apply(run: &mut Run, op: Op) {
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
        Op::Decide(which, approve, who, seen) => {
            let ask = approval::waiting(&run.execution).nth(which).map(|(_, ask)| ask.clone());
            let Some(ask) = ask else { return };
            let who = ["finance", "board", "intern"][usize::from(who)];
            let answer = Answer {
                approval_id: ask.approval_id,
                call_sha256: if seen { ask.call_sha256 } else { "another".to_owned() },
                approve,
                arguments: None,
                form: None,
                note: None,
                names: vec![who.to_owned()],
                by: who.to_owned(),
            };
            drop(run.try_apply(Command::Decide(Box::new(answer))));
        }
        Op::DecideEffect(step, decision) => {
            let output = (decision == EffectDecision::Succeed).then(|| json!("by hand"));
            drop(run.try_apply(Command::DecideEffect { step, decision, output, note: None, by }));
        }
        Op::Probe(step) => drop(run.try_apply(Command::Probe { step, by })),
        Op::Probed(step, outcome) => drop(run.probed(step, outcome)),
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
        sent_as_decided(&run);
        begins_with_a_decision(&run);
    }
}

/// What must not run twice was sent once, and once more for each decision and each probe that said so of this very call.
fn sent_as_decided(run: &Run) {
    // how often a call may have been sent, and whether it has an answer
    let mut calls: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
    for recorded in &run.journal {
        match &recorded.entry {
            Entry::ToolInvoked { step, effect: Effect::AtMostOnce | Effect::Reconcile, .. } => {
                calls.insert(*step, (1, false));
            }
            Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } => {
                calls.entry(*step).and_modify(|call| call.1 = true);
            }
            Entry::Resumed { unknown_effects: Some(decision), .. } if decision == "retry" => {
                calls.values_mut().filter(|call| !call.1).for_each(|call| call.0 += 1);
            }
            Entry::EffectDecided { step, decision: EffectDecision::Retry, .. }
            | Entry::EffectProbed { step, outcome: ProbeOutcome::NotDone, .. } => {
                calls.entry(*step).and_modify(|call| call.0 += 1);
            }
            _ => {}
        }
    }
    for (step, (may, _)) in calls {
        let sent = run.sent.get(&step).copied().unwrap_or(0);
        assert!(sent <= may, "step {step} was sent {sent} times and {may} were allowed");
    }
}

/// A call that waits for a person begins with an approval, and each is decided once.
fn begins_with_a_decision(run: &Run) {
    let mut decided = BTreeMap::new();
    for recorded in &run.journal {
        match &recorded.entry {
            Entry::ApprovalDecided { approval_id, decision, .. } => {
                assert!(decided.insert(*approval_id, *decision).is_none(), "{approval_id} is decided twice");
            }
            Entry::ToolInvoked { tool, approval_id, .. } if tool == "refund" => {
                let approved = approval_id.and_then(|id| decided.get(&id).copied());
                assert_eq!(approved, Some(Decision::Approved), "it begins without an approval");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_fork_at_any_place_is_a_history_of_its_own(ops in prop::collection::vec(op(), 1..60)) {
        let mut run = Run::new();
        for op in ops {
            apply(&mut run, op);
        }
        let (journal, spec) = (run.journaled(), run.execution.spec.clone());
        let context = Context { now: run.now, random: 0, slot: true, hold: None, handed_over: false };
        for place in places(run.execution.id, &spec, &journal) {
            let id = ExecutionId::from_u128(5);
            let fork = Fork {
                from: run.execution.id,
                id,
                spec: spec.clone(),
                other_version: false,
                step: place.step,
                input: None,
                by: "me".into(),
                note: None,
            };
            let mut all = match fork.entries(&journal, context) {
                Ok(copied) => copied,
                Err(Refused::Differs(difference)) => panic!("step {}: {difference:#?}", place.step),
                Err(_) => continue,
            };
            let mut forked = folded(id, spec.clone(), &all);
            let outcome = engine(&mut forked, Command::Claim { recovered: false }, context).expect("claimed");
            prop_assert_eq!(called(&outcome), Vec::<u32>::new(), "nothing that was called is called again");
            all.extend(outcome.entries);
            let stored: Vec<_> = all.into_iter().map(|recorded| Journaled { recorded, bytes: 1 }).collect();
            let replayed = replay(id, &spec, &stored, Options::default());
            let replayed = replayed.unwrap_or_else(|difference| panic!("step {}: {difference:#?}", place.step));
            prop_assert_eq!((replayed.seq, replayed.state), (forked.seq, forked.state));
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
