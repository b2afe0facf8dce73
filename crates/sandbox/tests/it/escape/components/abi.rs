//! Lies about memory: texts and lists that are not where they are said to be, or are not what they should.

use moltforge_sandbox::{FailureKind, Limit};

use super::wat::{Parts, made};
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const ENGINE: Ends = Ends::Fails(FailureKind::Engine);
const MISUSE: Ends = Ends::Fails(FailureKind::Misuse);

/// What is done, how it ends, the lines; what is done in its place, and those lines. All of them but results then return.
const CALLS: [(&str, Ends, &str, &str, &str); 10] = [
    (
        "to log a text beyond its memory",
        ENGINE,
        "(call $log (i32.const 1) (i32.const 0x70000000) (i32.const 16))",
        "a text of its memory",
        "(call $log (i32.const 1) (i32.const 32) (i32.const 6))",
    ),
    (
        "to log a text of 4 GiB",
        ENGINE,
        "(call $log (i32.const 1) (i32.const 32) (i32.const -1))",
        "a text of 6 bytes",
        "(call $log (i32.const 1) (i32.const 32) (i32.const 6))",
    ),
    (
        "to log what is no UTF-8",
        MISUSE,
        "(call $log (i32.const 1) (i32.const 80) (i32.const 2))",
        "UTF-8",
        "(call $log (i32.const 1) (i32.const 32) (i32.const 6))",
    ),
    (
        "a level of the log that there is not",
        ENGINE,
        "(call $log (i32.const 4) (i32.const 32) (i32.const 6))",
        "the last one",
        "(call $log (i32.const 3) (i32.const 32) (i32.const 6))",
    ),
    (
        "a list of calls beyond its memory",
        ENGINE,
        "(drop (call $wait (i32.const 0x7ffffff0) (i32.const 4)))",
        "a list of one call",
        "(i32.store (i32.const 3072) (call $ask)) (drop (call $wait (i32.const 3072) (i32.const 1)))",
    ),
    (
        "a list whose bytes are more than a number holds",
        ENGINE,
        "(drop (call $wait (i32.const 3072) (i32.const 0x40000001)))",
        "a list of one call",
        "(i32.store (i32.const 3072) (call $ask)) (drop (call $wait (i32.const 3072) (i32.const 1)))",
    ),
    (
        "a list at an odd place",
        ENGINE,
        "(i32.store (i32.const 3073) (call $ask)) (drop (call $wait (i32.const 3073) (i32.const 1)))",
        "at an even one",
        "(i32.store (i32.const 3072) (call $ask)) (drop (call $wait (i32.const 3072) (i32.const 1)))",
    ),
    (
        "an answer that is put beyond its memory",
        ENGINE,
        "(call $take (call $ask) (i32.const 0x7ffffff0))",
        "into its memory",
        "(call $take (call $ask) (i32.const 2048))",
    ),
    (
        "two GiB of random bytes",
        MISUSE,
        "(call $random (i32.const 0x7fffffff) (i32.const 2048))",
        "16 of them",
        "(call $random (i32.const 16) (i32.const 2048))",
    ),
    (
        "a tool whose name is a program",
        MISUSE,
        "(drop (call $call (i32.const 32) (i32.const 6) (i32.const 64) (i32.const 2)))",
        "a name",
        "(drop (call $call (i32.const 48) (i32.const 4) (i32.const 64) (i32.const 2)))",
    ),
];

/// Results of `run`.
const RESULTS: [(&str, Ends, &str, &str); 6] = [
    ("a result beyond its memory", ENGINE, "(drop (call $mine)) (i32.const 0x7ffffff0)", "in its memory"),
    ("a result at an odd place", ENGINE, "(drop (call $mine)) (i32.const 1025)", "at an even one"),
    (
        "a result that is neither good nor bad",
        ENGINE,
        "(drop (call $mine)) (i32.store8 (i32.const 1024) (i32.const 2)) (i32.const 1024)",
        "a good one",
    ),
    ("an output of 2 GiB", ENGINE, "(call $result (i32.const 32) (i32.const 0x7fffffff))", "of 6 bytes"),
    ("an output that is no UTF-8", MISUSE, "(call $result (i32.const 80) (i32.const 2))", "UTF-8"),
    ("an output that is no JSON", MISUSE, "(call $result (i32.const 48) (i32.const 4))", "JSON"),
];

/// An output of `$n` bytes, or arguments.
macro_rules! long {
    ($n:literal, $then:literal) => {
        concat!(
            "(local $n i32) (local.set $n (i32.const ",
            $n,
            ")) (drop (memory.grow (i32.const 64)))
             (memory.fill (i32.const 0x40000) (i32.const 32) (local.get $n))
             (i64.store (i32.const 0x40000) (i64.const 0x2022656e696d2220)) ",
            $then
        )
    };
}

/// An output of `$n` bytes, in so many pages more.
macro_rules! much {
    ($pages:literal, $n:literal) => {
        concat!(
            "(drop (memory.grow (i32.const ",
            $pages,
            ")))
             (memory.fill (i32.const 0x40000) (i32.const 32) (i32.const ",
            $n,
            "))
             (i64.store (i32.const 0x40000) (i64.const 0x2022656e696d2220))
             (call $result (i32.const 0x40000) (i32.const ",
            $n,
            "))"
        )
    };
}

/// A header's value of 64 KiB, `$n` times.
macro_rules! headers {
    ($n:literal) => {
        concat!(
            "(local $n i32) (local.set $n (i32.const ",
            $n,
            ")) (drop (memory.grow (i32.const 64)))
             (memory.fill (i32.const 0x20000) (i32.const 120) (i32.const 0x10000))
             (loop
               (local.set $n (i32.sub (local.get $n) (i32.const 1)))
               (i32.store (i32.add (i32.const 0x40000) (i32.mul (local.get $n) (i32.const 16))) (i32.const 48))
               (i32.store (i32.add (i32.const 0x40004) (i32.mul (local.get $n) (i32.const 16))) (i32.const 4))
               (i32.store (i32.add (i32.const 0x40008) (i32.mul (local.get $n) (i32.const 16))) (i32.const 0x20000))
               (i32.store (i32.add (i32.const 0x4000c) (i32.mul (local.get $n) (i32.const 16))) (i32.const 0x10000))
               (br_if 0 (local.get $n)))
             (drop (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 48) (i32.const 4)
               (i32.const 0x40000) (i32.const ",
            $n,
            ") (i32.const 0) (i32.const 0) (i32.const 0))) (call $mine)"
        )
    };
}

pub(super) fn all() -> Vec<Attempt> {
    let calls = CALLS.map(|(tried, ends, bad, control_is, good)| {
        let lines = |lines: &str| made(format!("{lines} (call $mine)"));
        pair(tried, ends, lines(bad), control_is, lines(good))
    });
    let results = RESULTS.map(|(tried, ends, bad, control_is)| pair(tried, ends, bad, control_is, "(call $mine)"));
    let sizes = [
        pair(
            "an output of 2 MB",
            Ends::Limit(Limit::Output),
            long!("2000000", "(call $result (i32.const 0x40000) (local.get $n))"),
            "of 100 bytes",
            long!("100", "(call $result (i32.const 0x40000) (local.get $n))"),
        ),
        pair(
            "an output of 30 MB",
            Ends::Limit(Limit::Output),
            much!("500", "30000000"),
            "of 100 bytes",
            much!("500", "100"),
        ),
        pair(
            "an output of 100 MB",
            Ends::Limit(Limit::Memory),
            much!("1600", "100000000"),
            "of 100 bytes",
            much!("1", "100"),
        ),
        pair(
            "arguments of 2 MB",
            Ends::Limit(Limit::Call),
            long!(
                "2000000",
                "(drop (call $call (i32.const 48) (i32.const 4) (i32.const 0x40000) (local.get $n))) (call $mine)"
            ),
            "of 100 bytes",
            long!(
                "100",
                "(drop (call $call (i32.const 48) (i32.const 4) (i32.const 0x40000) (local.get $n))) (call $mine)"
            ),
        ),
        pair(
            "a header of 64 KiB, 100,000 times from one place: 6 GiB",
            Ends::Limit(Limit::Call),
            headers!("100000"),
            "twice",
            headers!("2"),
        ),
        pair(
            "3 MB to the standard output at once",
            Ends::Limit(Limit::Call),
            long!("3000000", "(drop (call $write (call $stdout) (i32.const 0x40000) (local.get $n))) (call $mine)"),
            "100 bytes",
            long!("100", "(drop (call $write (call $stdout) (i32.const 0x40000) (local.get $n))) (call $mine)"),
        ),
    ];
    [attempts(&calls), attempts(&results), attempts(&sizes)].into_iter().flatten().collect()
}

fn pair(tried: &'static str, ends: Ends, bad: &'static str, control_is: &'static str, good: &'static str) -> Pair {
    Pair { name: tried, category: "limits", tried, ends, bad: Parts::run(bad), control_is, good: Parts::run(good) }
}
