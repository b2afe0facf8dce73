//! Programs that go too deep.

use moltforge_sandbox::Limits;

use super::limits::TooMuch;
use crate::escape::attempt::{Attempt, Ends};

const STACK: Ends = Ends::Stack;

const ALL: &[TooMuch] = &[
    TooMuch::of("a recursion", "i => { const f = n => n < i.n ? 1 + f(n + 1) : 1; return f(0) }", 10.0, 1e9, STACK),
    TooMuch::of(
        "a recursion through async functions",
        "i => { const f = async n => n < i.n ? 1 + await f(n + 1) : 1; return f(0) }",
        10.0,
        1e9,
        STACK,
    ),
    TooMuch::of(
        "a recursion through a getter",
        "i => { let n = 0; const o = { get x() { return ++n < i.n ? o.x : 1 } }; return o.x }",
        10.0,
        1e9,
        STACK,
    ),
    TooMuch::of(
        "a recursion through a Proxy",
        "i => { let n = 0; const p = new Proxy({}, { get: () => ++n < i.n ? p.x : 1 }); return p.x }",
        10.0,
        1e9,
        STACK,
    ),
    TooMuch::of(
        "a recursion through toJSON",
        "i => { let n = 0; const o = { toJSON: () => ++n < i.n ? JSON.stringify(o) : 1 }; return JSON.stringify(o).length }",
        3.0,
        1e9,
        STACK,
    ),
    TooMuch::of(
        "a recursion through toString",
        "i => { let n = 0; const o = { toString: () => ++n < i.n ? '' + o : 'x' }; return '' + o }",
        3.0,
        1e9,
        STACK,
    ),
    TooMuch::of("JSON of many levels", "i => JSON.parse('['.repeat(i.n) + ']'.repeat(i.n)).length", 10.0, 1e6, STACK),
    TooMuch::of("many parentheses", "i => eval('('.repeat(i.n) + '1' + ')'.repeat(i.n))", 10.0, 1e5, STACK),
    TooMuch::of("many brackets", "i => eval('['.repeat(i.n) + ']'.repeat(i.n)).length", 10.0, 1e5, STACK),
    TooMuch::of("many blocks", "i => eval('{'.repeat(i.n) + '1' + '}'.repeat(i.n))", 10.0, 1e5, STACK),
    TooMuch::of("many functions within functions", "i => eval('()=>'.repeat(i.n) + '1') && 1", 10.0, 1e5, STACK),
    TooMuch::of(
        "a regular expression of many groups",
        "i => new RegExp('(?:'.repeat(i.n) + 'x' + ')'.repeat(i.n)).test('x')",
        10.0,
        1e5,
        STACK,
    ),
    TooMuch::of(
        "an array of many levels as a text",
        "i => { let a = []; for (let k = 0; k < i.n; k++) a = [a]; return String(a).length }",
        10.0,
        1e5,
        STACK,
    ),
    TooMuch::of(
        "an array of many levels as JSON",
        "i => { let a = []; for (let k = 0; k < i.n; k++) a = [a]; return JSON.stringify(a).length }",
        10.0,
        1e5,
        STACK,
    ),
    TooMuch::of(
        "an array of many levels cloned",
        "i => { let a = []; for (let k = 0; k < i.n; k++) a = [a]; return structuredClone(a).length }",
        10.0,
        1e5,
        STACK,
    ),
    TooMuch::of(
        "a result of many levels",
        "i => { let a = []; for (let k = 0; k < i.n; k++) a = [a]; return a }",
        10.0,
        1e5,
        STACK,
    ),
    TooMuch::of(
        "an array that is flattened for ever",
        "i => { let a = []; for (let k = 0; k < i.n; k++) a = [a]; return a.flat(Infinity).length }",
        10.0,
        1e5,
        STACK,
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    let limits = Limits { memory: 128 << 20, ..Limits::default() };
    ALL.iter().map(|one| one.under(&limits)).collect()
}
