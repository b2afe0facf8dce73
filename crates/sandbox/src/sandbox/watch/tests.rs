use std::time::Duration;

use super::*;
use crate::protocol::{FailureKind, Log};

fn limits() -> Limits {
    Limits { calls: 2, call: 100, logs: 10, output: 10, ..Limits::default() }
}

fn call(id: u32, after: u32) -> Call {
    Call { id, name: "a.b".into(), args: "{}".into(), after }
}

fn waits(calls: &[Call], consumed: u32) -> Asked {
    Asked { calls: calls.to_vec(), consumed, blocked: true, ..Asked::default() }
}

fn refused(asked: &Asked) -> bool {
    Watch::new(limits()).asked(asked, Usage::default()).is_err()
}

#[test]
fn what_a_worker_of_ours_says_is_accepted() {
    let mut watch = Watch::new(limits());
    watch.asked(&waits(&[call(1, 0), call(2, 0)], 0), Usage::default()).unwrap();
    watch.deliver(2);
    watch.deliver(1);
    let asked = Asked { cancelled: vec![Cancelled { id: 3, after: 2 }], ..waits(&[call(3, 1), call(4, 2)], 2) };
    watch.asked(&asked, Usage::default()).unwrap();
    watch.deliver(4);
    let last = Asked { logs: vec![Log { level: 1, message: "x".into(), after: 3 }], consumed: 3, ..Asked::default() };
    watch.ended(&End { output: "1".into(), last }, Usage::default()).unwrap();
}

#[test]
fn calls_that_cannot_be_are_refused() {
    assert!(!refused(&waits(&[call(1, 0)], 0)));
    assert!(refused(&waits(&[call(2, 0)], 0)), "a gap");
    assert!(refused(&waits(&[call(1, 0), call(1, 0)], 0)), "twice");
    assert!(refused(&waits(&[call(1, 1)], 1)), "after what was not delivered");
    assert!(refused(&waits(&[call(1, 0), call(2, 0), call(3, 0)], 0)), "too many");
    assert!(refused(&waits(&[Call { name: "../a".into(), ..call(1, 0) }], 0)), "the name");
    assert!(refused(&waits(&[Call { args: "{".into(), ..call(1, 0) }], 0)), "the arguments");
    let large = format!("\"{}\"", "x".repeat(100));
    assert!(refused(&waits(&[Call { args: large, ..call(1, 0) }], 0)), "its size");
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    assert!(!refused(&waits(&[Call { args: deep, ..call(1, 0) }], 0)));
}

#[test]
fn cancels_and_logs_that_cannot_be_are_refused() {
    let cancels = |id, after| Asked { cancelled: vec![Cancelled { id, after }], ..waits(&[call(1, 0)], 0) };
    assert!(!refused(&cancels(1, 0)));
    assert!(refused(&cancels(2, 0)));
    assert!(refused(&cancels(1, 1)));
    let logs = |level, message: &str, after| {
        let logs = vec![Log { level, message: message.into(), after }];
        Asked { logs, ..waits(&[], 0) }
    };
    assert!(!refused(&logs(3, "123456789", 0)));
    assert!(refused(&logs(3, "1234567890", 0)), "too long");
    assert!(refused(&logs(4, "1", 0)));
    assert!(refused(&logs(1, "1", 1)));
}

#[test]
fn time_does_not_go_back() {
    let mut watch = Watch::new(limits());
    watch.asked(&waits(&[call(1, 0), call(2, 0)], 0), Usage::default()).unwrap();
    watch.deliver(1);
    watch.asked(&waits(&[call(3, 1)], 1), Usage::default()).unwrap();
    watch.deliver(2);
    assert!(watch.asked(&waits(&[call(4, 0)], 2), Usage::default()).is_err());
}

#[test]
fn who_waits_is_silent() {
    let mut watch = Watch::new(limits());
    watch.asked(&waits(&[], 0), Usage::default()).unwrap();
    assert!(watch.asked(&waits(&[], 0), Usage::default()).is_err());
    watch.deliver(1);
    watch.asked(&waits(&[], 1), Usage::default()).unwrap();
}

#[test]
fn small_parts_and_stale_usage_are_refused() {
    assert!(refused(&Asked::default()));
    let used = |cpu| Usage { cpu: Duration::from_millis(cpu), memory: 1 };
    let mut watch = Watch::new(limits());
    watch.used(used(250)).unwrap();
    assert!(watch.used(used(251)).is_err());
    watch.used(used(500)).unwrap();
    assert!(watch.asked(&waits(&[], 0), used(499)).is_err());
    assert!(watch.asked(&waits(&[], 0), Usage { memory: u64::MAX, ..used(600) }).is_err());
}

#[test]
fn who_computes_for_long_may_say_a_little_now_and_then() {
    let little = Asked { blocked: false, ..waits(&[call(1, 0)], 0) };
    let after = |ms| Usage { memory: 0, cpu: Duration::from_millis(ms) };
    let mut watch = Watch::new(limits());
    watch.asked(&little, after(250)).unwrap();
    let more = Asked { blocked: false, ..waits(&[call(2, 0)], 0) };
    assert!(watch.asked(&more, after(300)).is_err(), "too soon");
    watch.asked(&more, after(500)).unwrap();
}

#[test]
fn ends_that_cannot_be_are_refused() {
    let ends = |output: &str| {
        let end = End { output: output.into(), last: Asked::default() };
        Watch::new(limits()).ended(&end, Usage::default())
    };
    assert_eq!(ends("null"), Ok(()));
    assert!(ends("nul").is_err());
    assert!(ends("12345678901").is_err());
    let fails = |message: &str| {
        let failure = Failure { kind: FailureKind::Exception, message: message.into(), stack: String::new() };
        Watch::new(limits()).failed(&failure, &Asked::default(), Usage::default())
    };
    assert_eq!(fails("x"), Ok(()));
    assert!(fails(&"x".repeat(20_000)).is_err());
}
