use std::time::Duration;

use moltforge_types::execution::{HoldMode, Reason, State};
use moltforge_types::journal::Entry;
use proptest::prelude::*;
use serde_json::json;

use super::harness::Run;
use crate::engine::model_answered::backoff;
use crate::engine::{Command, Hold, HoldOf};

fn error_code(run: &Run) -> &str {
    assert_eq!(run.execution.state, State::Failed);
    &run.execution.error.as_ref().expect("an error").code
}

#[test]
fn turns_tool_calls_tokens_and_time_are_limited() {
    let add = ("math.add", json!({"a": 1, "b": 1}));
    let mut run = Run::with(|config| config["limits"] = json!({"turns": 2}));
    run.reply("", std::slice::from_ref(&add));
    run.reply("", std::slice::from_ref(&add));
    assert_eq!(error_code(&run), "turn_limit");

    let mut run = Run::with(|config| config["limits"] = json!({"tool_calls": 3}));
    run.reply("", &[add.clone(), add.clone()]);
    run.reply("", &[add.clone(), add.clone()]);
    assert_eq!(error_code(&run), "tool_call_limit");

    let mut run = Run::with(|config| config["limits"] = json!({"tokens": 20}));
    run.reply("", std::slice::from_ref(&add));
    run.reply("", &[add]);
    assert_eq!(error_code(&run), "token_limit");

    let mut run = Run::with(|config| config["limits"] = json!({"wall": "10m"}));
    run.wait(600);
    run.apply(Command::Wake);
    assert_eq!(error_code(&run), "wall_limit");
}

#[test]
fn time_on_hold_does_not_count() {
    let mut run = Run::with(|config| config["limits"] = json!({"wall": "10m"}));
    run.wait(300);
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.wait(86_400);
    run.apply(Command::Wake);
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(run.execution.state, State::Running);
    run.wait(299);
    run.apply(Command::Wake);
    assert_eq!(run.execution.state, State::Running);
    run.wait(1);
    run.apply(Command::Wake);
    assert_eq!(error_code(&run), "wall_limit");
}

#[test]
fn what_waits_while_its_agent_is_held_does_not_run_out_of_time() {
    let mut run = Run::with(|config| config["limits"] = json!({"wall": "10m"}));
    run.reply("", &[("signals.wait", json!({"name": "go"}))]);
    run.wait(300);
    run.hold = Some(Hold { of: HoldOf::Agent, mode: HoldMode::Pause, since: run.now });
    run.wait(300);
    run.apply(Command::Wake);
    assert_eq!((run.execution.state, run.execution.reason), (State::Paused, Some(Reason::Held)));
    run.wait(86_400);
    run.hold = None;
    run.apply(Command::Release { by: "me".to_owned() });
    assert_eq!(run.execution.state, State::Suspended);
    run.wait(299);
    run.apply(Command::Wake);
    assert_eq!(run.execution.state, State::Suspended);
    run.wait(1);
    run.apply(Command::Wake);
    assert_eq!(error_code(&run), "wall_limit");
}

#[test]
fn an_end_by_a_limit_names_the_effects_on_their_way() {
    let mut run = Run::with(|config| config["limits"] = json!({"wall": "10m"}));
    run.reply("", &[("pay", json!({})), ("look", json!({}))]);
    run.wait(600);
    run.apply(Command::Wake);
    assert!(matches!(run.last(), Entry::Failed { unknown_steps, .. } if *unknown_steps == [2]), "{:?}", run.last());
}

#[test]
fn the_output_fits_its_schema_or_the_execution_fails() {
    let schema = json!({"type": "object", "required": ["sum"], "properties": {"sum": {"type": "integer"}}});
    for (text, fits) in [(" {\"sum\": 5} ", true), ("{\"sum\": \"5\"}", false), ("five", false)] {
        let mut run = Run::with(|config| config["output_schema"] = schema.clone());
        run.reply(text, &[]);
        if fits {
            assert_eq!(run.execution.output, Some(json!({"sum": 5})));
        } else {
            assert_eq!(error_code(&run), "output_invalid");
        }
    }
}

#[test]
fn back_off_never_overflows_and_never_is_zero() {
    for failures in [0, 1, 2, 34, 35, 36, 1_000_000, u32::MAX] {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            let delay = backoff(failures, random);
            assert!(delay.as_micros() >= 1 && delay.as_secs() <= 60, "{failures} {random} {delay:?}");
        }
    }
}

proptest! {
    #[test]
    fn back_off_stays_between_zero_and_its_doubled_base(failures in 0_u32..=1_000_000, random: u64) {
        let millis = 250.0 * f64::from(failures.max(1) - 1).exp2();
        let ceiling = Duration::from_secs_f64((millis / 1000.0).min(60.0));
        let delay = backoff(failures, random);
        prop_assert!(!delay.is_zero() && delay <= ceiling, "{failures} {random} {delay:?} {ceiling:?}");
    }
}

#[test]
fn a_thousand_calls_grow_the_journal_by_the_same_each() {
    let mut run = Run::with(|config| config["limits"] = json!({"turns": 2000, "tool_calls": 2000}));
    let bytes = |run: &Run, from: usize| -> usize {
        run.journal[from..].iter().map(|recorded| serde_json::to_vec(&recorded.entry).unwrap().len()).sum()
    };
    let mut per_turn = Vec::new();
    for _ in 0..1_000 {
        let from = run.journal.len();
        run.reply("", &[("math.add", json!({"a": 1, "b": 1}))]);
        per_turn.push(bytes(&run, from));
    }
    // only the digits of counters grow
    assert!(per_turn[999] - per_turn[9] <= 16, "{} then {}", per_turn[9], per_turn[999]);
}
