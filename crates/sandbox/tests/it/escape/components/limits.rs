//! Components that take too much while they run.

use moltforge_sandbox::{FailureKind, Limit};

use super::wat::{Parts, made};
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const CALLS: Ends = Ends::Limit(Limit::Calls);

/// What it does so often, how that ends, too often, often enough, and the lines.
const LOOPS: [(&str, Ends, &str, &str, &str); 8] = [
    ("a loop", Ends::Limit(Limit::Cpu), "4294967295", "1000", ""),
    ("calls that are not waited for", CALLS, "5000", "10", "(drop (call $ask))"),
    ("calls that are made and dropped", CALLS, "50000", "10", "(call $drop (call $ask))"),
    ("memory that grows", Ends::Limit(Limit::Memory), "2000", "2", "(drop (memory.grow (i32.const 1)))"),
    (
        "a table that grows",
        Ends::Limit(Limit::Memory),
        "2000",
        "2",
        "(drop (table.grow $t (ref.null func) (i32.const 100)))",
    ),
    ("handles of streams", Ends::Limit(Limit::Memory), "50000", "10", "(drop (call $stdout))"),
    ("logs", Ends::Limit(Limit::Logs), "100000", "10", "(call $log (i32.const 1) (i32.const 32) (i32.const 6))"),
    (
        "lines on the standard output",
        Ends::Limit(Limit::Logs),
        "100000",
        "10",
        "(drop (call $write (local.get $out) (i32.const 512) (i32.const 512)))",
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    let mut pairs: Vec<_> =
        LOOPS.map(|(name, ends, much, little, lines)| often(name, ends, much, little, lines)).into();
    let deep = |depth: &str| {
        Parts {
        items: "(func $deep (param $n i32) (result i32)
            (if (result i32) (local.get $n) (then (i32.add (call $deep (i32.sub (local.get $n) (i32.const 1))) (i32.const 1)))
              (else (i32.const 0))))",
        ..Parts::run(made(format!("(drop (call $deep (i32.const {depth}))) (call $mine)")))
    }
    };
    let (name, ends) = ("calls in calls", Ends::Limit(Limit::Stack));
    let tried = "ten million calls in calls";
    let (bad, good) = (deep("10000000"), deep("10"));
    pairs.push(Pair { name, category: "limits", tried, ends, bad, control_is: "ten", good });
    let (name, ends) = ("a wait for no call", Ends::Fails(FailureKind::Deadlock));
    let bad = Parts::run("(drop (call $wait (i32.const 3072) (i32.const 0))) (call $mine)");
    let good = Parts::default();
    pairs.push(Pair { name, category: "limits", tried: name, ends, bad, control_is: "a wait for one", good });
    attempts(&pairs)
}

fn often(name: &'static str, ends: Ends, much: &'static str, little: &'static str, lines: &'static str) -> Pair {
    let parts = |times: &str| Parts {
        items: "(table $t 1 funcref)",
        run: made(format!(
            "(local $n i32) (local $out i32) (local.set $n (i32.const {times})) (local.set $out (call $stdout))
             (loop {lines} (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (call $mine)"
        )),
        ..Parts::default()
    };
    let (tried, control_is) = (made(format!("{name}: {much} times")), made(format!("{little} times")));
    Pair { name, category: "limits", tried, ends, bad: parts(much), control_is, good: parts(little) }
}
