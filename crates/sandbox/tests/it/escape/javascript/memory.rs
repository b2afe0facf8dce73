//! Programs that want too much memory.

use moltforge_sandbox::{Limit, Limits};

use super::limits::TooMuch;
use crate::escape::attempt::{Attempt, Ends};

const MEMORY: Ends = Ends::Limit(Limit::Memory);

const ALL: &[TooMuch] = &[
    TooMuch::of(
        "an array that grows",
        "i => { const a = []; for (let k = 0; k < i.n; k++) a.push(k); return a.length }",
        1e3,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "a text that doubles",
        "i => { let s = 'xy'; for (let k = 0; k < i.n; k++) s = s + s; return s.at(-1) }",
        5.0,
        28.0,
        MEMORY,
    ),
    TooMuch::of("one long text", "i => 'x'.repeat(i.n).length", 1e3, 5e8, MEMORY),
    TooMuch::of("a text that is padded", "i => 'x'.padEnd(i.n, 'abc').length", 1e3, 5e8, MEMORY),
    TooMuch::of(
        "typed arrays",
        "i => { const a = []; for (let k = 0; k < i.n; k++) a.push(new Uint8Array(1 << 20)); return a.length }",
        1.0,
        1e15,
        MEMORY,
    ),
    TooMuch::of("one large buffer", "i => new ArrayBuffer(i.n).byteLength", 1e3, 1e9, MEMORY),
    TooMuch::of("a shared buffer", "i => new SharedArrayBuffer(i.n).byteLength", 1e3, 1e9, MEMORY),
    TooMuch::of("an array of so many places", "i => new Array(i.n).fill(0).length", 1e3, 1e9, MEMORY),
    TooMuch::of(
        "a storm of promises",
        "async i => { const a = []; for (let k = 0; k < i.n; k++) a.push(new Promise(() => {})); return a.length }",
        1e2,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "waiting functions",
        "async i => { const a = []; const f = async () => { await new Promise(() => {}) }; for (let k = 0; k < i.n; k++) a.push(f()); return a.length }",
        1e2,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "a map",
        "i => { const m = new Map(); for (let k = 0; k < i.n; k++) m.set(k, { k }); return m.size }",
        1e2,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "symbols",
        "i => { const a = []; for (let k = 0; k < i.n; k++) a.push(Symbol.for('s' + k)); return 1 }",
        1e2,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "functions from texts",
        "i => { const a = []; for (let k = 0; k < i.n; k++) a.push(new Function('return ' + k)); return a.length }",
        1e2,
        1e15,
        MEMORY,
    ),
    TooMuch::of(
        "a list that spreads itself",
        "i => { let a = [1]; for (let k = 0; k < i.n; k++) a = [...a, ...a]; return a.length }",
        5.0,
        40.0,
        MEMORY,
    ),
    TooMuch::of("a joined array of nothing", "i => new Array(i.n).join('ab').length", 1e3, 4e8, MEMORY),
    TooMuch::of("a large BigInt", "i => ((1n << BigInt(i.n)) > 1n)", 1e3, 9e8, Ends::ByItself),
];

pub(super) fn all() -> Vec<Attempt> {
    let limits = Limits { memory: 16 << 20, ..Limits::default() };
    ALL.iter().map(|one| one.under(&limits)).collect()
}
