//! Any history with people, crashes and lost answers in it: nothing that needs an approval begins without one for exactly
//! this call, a decision counts once, and a call goes out again only when it may.

use std::collections::{BTreeMap, BTreeSet};

use moltforge_types::approval::Decision;
use moltforge_types::execution::{EffectDecision, ProbeOutcome, State};
use moltforge_types::journal::Entry;
use proptest::prelude::*;
use serde_json::json;

use super::harness::Run;
use crate::engine::approval::{call_hash, waiting};
use crate::engine::{Action, Command, Outcome, Refusal, UnknownEffects};

#[derive(Debug, Clone)]
enum Op {
    Reply(Vec<u8>),
    Answer(u32),
    Lost(u32),
    Probed(u32, u8),
    Decide { which: u8, board: bool, approve: bool, edit: Option<u8>, stale: bool },
    DecideEffect(u32, u8),
    Probe(u32),
    Signal,
    Wait(u16),
    Pause,
    Resume(Option<bool>),
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let decide = (0_u8..3, any::<bool>(), any::<bool>(), prop::option::of(0_u8..60), prop::bool::weighted(0.1))
        .prop_map(|(which, board, approve, edit, stale)| Op::Decide { which, board, approve, edit, stale });
    prop_oneof![
        6 => prop::collection::vec(0_u8..6, 1..4).prop_map(Op::Reply),
        5 => (0_u32..12).prop_map(Op::Answer),
        3 => (0_u32..12).prop_map(Op::Lost),
        4 => ((0_u32..12), 0_u8..3).prop_map(|(step, outcome)| Op::Probed(step, outcome)),
        6 => decide,
        2 => ((0_u32..12), 0_u8..3).prop_map(|(step, decision)| Op::DecideEffect(step, decision)),
        1 => (0_u32..12).prop_map(Op::Probe),
        1 => Just(Op::Signal),
        4 => (0_u16..400).prop_map(Op::Wait),
        2 => Just(Op::Pause),
        3 => any::<Option<bool>>().prop_map(Op::Resume),
        3 => Just(Op::Crash),
    ]
}

fn call(which: u8) -> (&'static str, serde_json::Value) {
    match which {
        0 | 1 => ("refund", json!({ "n": 50 })),
        2 => ("refund", json!({ "n": 5 })),
        3 => ("ship", json!({})),
        4 => ("pay", json!({})),
        _ => ("approvals.request", json!({ "title": "May I?" })),
    }
}

fn apply(run: &mut Run, op: Op) -> Result<Outcome, Refusal> {
    let by = "me".to_owned();
    match op {
        Op::Reply(calls) => Ok(run.reply("", &calls.into_iter().map(call).collect::<Vec<_>>())),
        Op::Answer(step) => Ok(run.tool_answers(step, json!(step))),
        Op::Lost(step) => Ok(run.tool_fails(step, true)),
        Op::Probed(step, outcome) => Ok(run.probed(step, ProbeOutcome::ALL[usize::from(outcome)])),
        Op::Decide { which, board, approve, edit, stale } => {
            let Some(step) = waiting(&run.execution).nth(usize::from(which)).map(|(call, _)| call.step) else {
                return Ok(Outcome::default());
            };
            let is_refund = run.execution.pending.iter().any(|call| call.step == step && call.tool == "refund");
            run.decide(step, if board { "board" } else { "finance" }, |answer| {
                answer.approve = approve;
                answer.arguments = edit.filter(|_| approve && is_refund).map(|n| json!({ "n": n }));
                if stale {
                    answer.call_sha256 = "0".repeat(64);
                }
            })
        }
        Op::DecideEffect(step, decision) => {
            let decision = EffectDecision::ALL[usize::from(decision)];
            run.try_apply(Command::DecideEffect { step, decision, output: None, note: None, by })
        }
        Op::Probe(step) => run.try_apply(Command::Probe { step, by }),
        Op::Signal => run.try_apply(Command::Signal { name: "s".to_owned(), payload: json!(1), dedupe_key: None }),
        Op::Wait(seconds) => {
            run.wait(u64::from(seconds));
            Ok(run.apply(Command::Wake))
        }
        Op::Pause => run.try_apply(Command::Pause { by, note: None }),
        Op::Resume(decision) => {
            let unknown_effects =
                decision.map(|retry| if retry { UnknownEffects::Retry } else { UnknownEffects::Fail });
            run.try_apply(Command::Resume { by, unknown_effects })
        }
        Op::Crash if run.execution.state.is_terminal() => Ok(Outcome::default()),
        Op::Crash => Ok(run.crash()),
    }
}

/// The hashes of calls that were approved, and how often each request was decided.
fn decisions(run: &Run) -> (BTreeSet<&str>, BTreeMap<String, u32>) {
    let (mut approved, mut counts) = (BTreeSet::new(), BTreeMap::new());
    for recorded in &run.journal {
        if let Entry::ApprovalDecided { approval_id, decision, call_sha256, .. } = &recorded.entry {
            *counts.entry(approval_id.to_string()).or_insert(0) += 1;
            if *decision == Decision::Approved {
                approved.insert(call_sha256.as_str());
            }
        }
    }
    (approved, counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_begins_without_its_decision(ops in prop::collection::vec(op(), 1..50)) {
        let mut run = Run::new();
        // calls of `pay` that are out: it goes out again only after somebody said so
        let mut paid = BTreeMap::<u32, usize>::new();
        for op in ops {
            let Ok(outcome) = apply(&mut run, op) else { continue };
            let (approved, counts) = decisions(&run);
            prop_assert!(counts.values().all(|count| *count == 1), "decided twice: {counts:?}");
            for action in &outcome.actions {
                let Action::CallTool { step, tool, arguments, .. } = action else { continue };
                if tool == "refund" && arguments["n"] != json!(5) {
                    let hash = call_hash(run.execution.id, *step, tool, arguments);
                    prop_assert!(approved.contains(hash.as_str()), "{arguments} of step {step} was not approved");
                }
                if tool == "pay" {
                    *paid.entry(*step).or_default() += 1;
                }
            }
            let execution = &run.execution;
            match execution.state {
                State::Running => prop_assert!(execution.has_calls_in_flight()),
                State::Suspended | State::BackingOff => prop_assert!(execution.wake_at().is_some()),
                State::Paused => prop_assert!(execution.reason.is_some()),
                State::Scheduled => prop_assert!(false, "a claimed execution is not left scheduled"),
                _ => prop_assert!(execution.finished_at.is_some()),
            }
        }
        for (step, sent) in paid {
            let retries = run.journal.iter().filter(|recorded| match &recorded.entry {
                Entry::EffectDecided { step: decided, decision, .. } => {
                    *decided == step && *decision == EffectDecision::Retry
                }
                Entry::Resumed { unknown_effects, .. } => unknown_effects.as_deref() == Some("retry"),
                _ => false,
            });
            prop_assert!(sent <= 1 + retries.count(), "step {step} was sent {sent} times");
        }
    }
}
