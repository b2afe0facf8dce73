use moltforge_types::conversation::Message;
use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use serde_json::json;

use super::harness::{Run, calls_model};
use crate::engine::{Command, Refusal};

fn signal(name: &str, key: Option<&str>) -> Command {
    Command::Signal { name: name.to_owned(), payload: json!({"n": 1}), dedupe_key: key.map(str::to_owned) }
}

#[test]
fn a_timer_suspends_and_wakes() {
    let mut run = Run::new();
    run.reply("", &[("time.sleep", json!({"duration": "60s"}))]);
    assert_eq!(run.execution.state, State::Suspended);
    let due = run.execution.wake_at().unwrap();
    assert_eq!(due.since(run.now).as_secs(), 60);
    // an early or stale wake changes nothing
    run.wait(59);
    assert!(run.apply(Command::Wake).entries.is_empty());
    run.wait(1);
    assert!(calls_model(&run.apply(Command::Wake)));
    assert!(run.apply(Command::Wake).entries.is_empty());
    assert_eq!(run.execution.attempt, 2);
}

#[test]
fn a_signal_wakes_whoever_waits_for_it() {
    let mut run = Run::new();
    run.reply("", &[("signals.wait", json!({"name": "go"}))]);
    assert_eq!(run.execution.state, State::Suspended);
    assert!(run.execution.waiting_for().unwrap().contains("go"));
    assert!(run.apply(signal("other", None)).actions.is_empty());
    assert!(calls_model(&run.apply(signal("go", None))));
    assert!(matches!(run.last_message(), Message::Tool { content, .. } if content == "{\"n\":1}"));
    assert_eq!(run.execution.signals.len(), 1, "the other one is still there");
}

#[test]
fn a_signal_that_comes_first_is_kept() {
    let mut run = Run::new();
    run.apply(signal("go", Some("k1")));
    assert!(run.apply(signal("go", Some("k1"))).entries.is_empty(), "the same key changes nothing");
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.apply(signal("go", Some("k2")));
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    let outcome = run.reply("", &[("signals.wait", json!({"name": "go"})), ("signals.wait", json!({"name": "go"}))]);
    assert!(calls_model(&outcome), "two waits took the two signals");
    assert!(run.execution.signals.is_empty());
    assert_eq!(run.execution.signal_bytes, 0);
}

#[test]
fn a_wait_for_a_signal_can_give_up() {
    let mut run = Run::new();
    run.reply("", &[("signals.wait", json!({"name": "go", "timeout": "10s"}))]);
    run.wait(10);
    assert!(calls_model(&run.apply(Command::Wake)));
    assert!(matches!(run.last_message(), Message::Tool { content, .. } if content.contains("signal_timeout")));
    // one that comes late waits for the next one who asks
    run.apply(signal("go", None));
    assert_eq!(run.execution.signals.len(), 1);
}

#[test]
fn the_buffer_of_signals_is_bounded() {
    let mut run = Run::new();
    for _ in 0..1_000 {
        run.apply(signal("x", None));
    }
    assert_eq!(run.try_apply(signal("x", None)), Err(Refusal::SignalBufferFull));
}

#[test]
fn a_wait_survives_a_crash_and_a_pause() {
    let mut run = Run::new();
    run.reply("", &[("time.sleep", json!({"duration": "60s"}))]);
    run.execution = run.replayed();
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.wait(120);
    assert!(run.apply(Command::Wake).entries.is_empty(), "a hold holds");
    let outcome = run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert!(calls_model(&outcome), "the time has come meanwhile");
    assert!(run.journal.iter().any(|recorded| matches!(recorded.entry, Entry::Suspended { .. })));
}

#[test]
fn a_pause_before_the_time_goes_back_to_waiting() {
    let mut run = Run::new();
    run.reply("", &[("time.sleep", json!({"duration": "60s"}))]);
    run.apply(Command::Pause { by: "me".to_owned(), note: None });
    run.apply(Command::Resume { by: "me".to_owned(), unknown_effects: None });
    assert_eq!(run.execution.state, State::Suspended);
}
