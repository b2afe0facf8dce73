//! Handles of calls that a component does not have.

use moltforge_sandbox::FailureKind;

use super::wat::{GOOD, Parts};
use super::{Pair, attempts, mine, request};
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;

const ENGINE: Ends = Ends::Fails(FailureKind::Engine);

/// A call is made, `$c`; then this.
macro_rules! with_call {
    ($then:literal) => {
        concat!("(local $c i32) (local.set $c (call $ask))", $then, "(call $mine)")
    };
}

/// What is done with handles, and the same with one that it has.
const ALL: [(&str, &str, &str, &str); 10] = [
    ("the call 99, which was never made", "(call $take (i32.const 99) (i32.const 2048)) (call $mine)", "its own", GOOD),
    ("the call 0", "(call $take (i32.const 0) (i32.const 2048)) (call $mine)", "its own", GOOD),
    (
        "an answer twice",
        with_call!("(call $take (local.get $c) (i32.const 2048)) (call $take (local.get $c) (i32.const 2048))"),
        "two answers",
        with_call!("(call $take (local.get $c) (i32.const 2048)) (call $take (call $ask) (i32.const 2048))"),
    ),
    (
        "a call that it dropped",
        with_call!("(call $drop (local.get $c)) (call $take (local.get $c) (i32.const 2048))"),
        "another call",
        with_call!("(call $drop (local.get $c)) (call $take (call $ask) (i32.const 2048))"),
    ),
    (
        "to drop a call twice",
        with_call!("(call $drop (local.get $c)) (call $drop (local.get $c))"),
        "to drop two calls",
        with_call!("(call $drop (local.get $c)) (call $drop (call $ask))"),
    ),
    (
        "to wait for a call that it took",
        with_call!(
            "(call $take (local.get $c) (i32.const 2048))
             (i32.store (i32.const 3072) (local.get $c)) (drop (call $wait (i32.const 3072) (i32.const 1)))"
        ),
        "to wait for it before",
        with_call!(
            "(i32.store (i32.const 3072) (local.get $c)) (drop (call $wait (i32.const 3072) (i32.const 1)))
             (call $take (local.get $c) (i32.const 2048))"
        ),
    ),
    (
        "to wait for a call and for one that is not there",
        with_call!(
            "(i32.store (i32.const 3072) (local.get $c)) (i32.store (i32.const 3076) (i32.const 77))
             (drop (call $wait (i32.const 3072) (i32.const 2)))"
        ),
        "to wait for two calls",
        with_call!(
            "(i32.store (i32.const 3072) (local.get $c)) (i32.store (i32.const 3076) (call $ask))
             (drop (call $wait (i32.const 3072) (i32.const 2)))"
        ),
    ),
    (
        "the reply to a call that it dropped, in pieces",
        with_call!("(call $drop (local.get $c)) (drop (call $stream (local.get $c) (i64.const 0) (i64.const 0)))"),
        "to call first and drop then",
        with_call!("(drop (call $stream (local.get $c) (i64.const 0) (i64.const 0))) (call $drop (local.get $c))"),
    ),
    (
        "a stream of WASI in place of a call",
        "(call $take (call $stdout) (i32.const 2048)) (call $mine)",
        "a call",
        GOOD,
    ),
    (
        "a call in place of a stream of WASI",
        with_call!("(drop (call $write (local.get $c) (i32.const 32) (i32.const 6)))"),
        "a stream",
        with_call!("(drop (call $write (call $stdout) (i32.const 32) (i32.const 6)))"),
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    let own = ALL.map(|(tried, bad, control_is, good)| Pair {
        name: tried,
        category: "capabilities",
        tried,
        ends: ENGINE,
        bad: Parts::run(bad),
        control_is,
        good: Parts::run(good),
    });
    let mut all = attempts(&own);
    // the first call of a guest has the same number as that of any other
    let (first, good) = (|| request(Parts::run(FIRST).component()), || request(Parts::run(GOOD).component()));
    let waits = || request(Parts::run(WAITS).component());
    let control_is = "a call of its own".to_owned();
    all.push(Attempt {
        name: "a call of the guest before it".to_owned(),
        category: "neighbours",
        tried: "the first handle, of a guest that has ended in the same worker".to_owned(),
        ends: ENGINE,
        check: mine,
        program: Program::After(good(), first()),
        control: Program::After(good(), good()),
        control_is: control_is.clone(),
    });
    all.push(Attempt {
        name: "a call of the guest beside it".to_owned(),
        category: "neighbours",
        tried: "the first handle, of a guest that waits for its call in the same worker".to_owned(),
        ends: ENGINE,
        check: mine,
        program: Program::Beside(waits(), first()),
        control: Program::Beside(waits(), good()),
        control_is,
    });
    all
}

const FIRST: &str = "(call $take (i32.const 1) (i32.const 2048)) (call $mine)";
const WAITS: &str = "(call $take (call $after (i64.const 60000)) (i32.const 2048)) (call $mine)";
