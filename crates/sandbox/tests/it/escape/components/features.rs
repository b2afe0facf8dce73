//! Features of WebAssembly that are off: each is more for a stranger to reach.

use moltforge_sandbox::Refusal;

use super::wat::Parts;
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const NOTHING: &str = "(core module)";

/// The feature, a use of it, and what comes nearest and is taken.
const ALL: [(&str, &str, &str); 14] = [
    ("a memory of 64 bits", "(core module (memory i64 1))", "(core module (memory 1))"),
    ("a memory that threads share", "(core module (memory 1 1 shared))", "(core module (memory 1 1))"),
    ("two memories in a module", "(core module (memory 1) (memory 1))", "(core module (memory 1))"),
    ("pages of one byte", "(core module (memory 1 (pagesize 1)))", "(core module (memory 1))"),
    (
        "atomic instructions",
        "(core module (memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0)))))",
        "(core module (memory 1 1) (func (drop (i32.load (i32.const 0)))))",
    ),
    (
        "vectors whose result depends on the machine",
        "(core module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
        "(core module (func (param v128 v128) (result v128) (i8x16.swizzle (local.get 0) (local.get 1))))",
    ),
    (
        "wide arithmetic",
        "(core module (func (param i64 i64 i64 i64) (result i64 i64)
           (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
        "(core module (func (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1))))",
    ),
    ("memory that is collected", "(core module (type (struct (field i32))))", NOTHING),
    ("exceptions", "(core module (tag))", NOTHING),
    ("stacks that are switched", "(core module (type $f (func)) (type (cont $f)))", "(core module (type $f (func)))"),
    ("streams of the component model", "(type (stream u8))", "(type (list u8))"),
    ("futures of the component model", "(type (future u8))", "(type (option u8))"),
    ("tasks of the component model", "(core func (canon task.return))", NOTHING),
    ("threads of the component model", "(core func (canon thread.index))", NOTHING),
];

pub(super) fn all() -> Vec<Attempt> {
    let pairs = ALL.map(|(name, bad, good)| Pair {
        name,
        category: "engine",
        tried: name,
        ends: Ends::Refused(Refusal::Invalid),
        bad: Parts::around(bad),
        control_is: "the same without",
        good: Parts::around(good),
    });
    attempts(&pairs)
}
