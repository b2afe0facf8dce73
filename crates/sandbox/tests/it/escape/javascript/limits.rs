//! Programs that take too long, and how all programs of too much are described.

use std::time::Duration;

use moltforge_sandbox::{GuestRequest, Limit, Limits};
use serde_json::json;

use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;
use crate::world::agent;

/// Too much: what it is, the program, which of `i.n` is little, which is too much.
pub(super) struct TooMuch {
    pub(super) what: &'static str,
    pub(super) source: &'static str,
    pub(super) little: f64,
    pub(super) much: f64,
    pub(super) ends: Ends,
}

impl TooMuch {
    pub(super) const fn of(what: &'static str, source: &'static str, little: f64, much: f64, ends: Ends) -> Self {
        Self { what, source, little, much, ends }
    }

    /// Under these limits.
    pub(super) fn under(&self, limits: &Limits) -> Attempt {
        let request = |n: f64| {
            let source = format!("import {{ tools }} from 'moltforge'; export default {}", self.source);
            let input = json!({ "n": n }).to_string();
            Program::Alone(GuestRequest { input, limits: limits.clone(), ..agent(&source) })
        };
        Attempt {
            name: self.what.to_owned(),
            category: "limits",
            tried: format!("`{}` with n = {}", self.source, self.much),
            ends: self.ends,
            check: |outcome| outcome.output().is_some(),
            program: request(self.much),
            control: request(self.little),
            control_is: format!("the same with n = {} returns", self.little),
        }
    }
}

const CPU: Ends = Ends::Limit(Limit::Cpu);

const ALL: &[TooMuch] = &[
    TooMuch::of("an endless loop", "i => { for (let k = 0; k < i.n; k++); return 1 }", 1e3, 1e15, CPU),
    TooMuch::of("endless promises", "async i => { for (let k = 0; k < i.n; k++) await k; return 1 }", 1e3, 1e15, CPU),
    TooMuch::of(
        "promises that make promises",
        "i => { let k = 0; const f = () => ++k < i.n ? Promise.resolve().then(f) : 1; return f() }",
        1e2,
        1e15,
        CPU,
    ),
    TooMuch::of(
        "microtasks without end",
        "i => new Promise(y => { let k = 0; const f = () => { ++k < i.n ? Promise.resolve().then(f) : y(1) }; f() })",
        1e2,
        1e15,
        CPU,
    ),
    TooMuch::of(
        "an endless generator",
        "i => { function* g() { for (let k = 0; k < i.n; k++) yield k } let s = 0; for (const k of g()) s += k; return s }",
        1e3,
        1e15,
        CPU,
    ),
    TooMuch::of("an endless loop in a module", "i => eval('for (let k = 0; k < ' + i.n + '; k++); 1')", 1e3, 1e15, CPU),
    TooMuch::of("a regular expression that backtracks", "i => /(a+)+$/.test('a'.repeat(i.n) + 'b')", 5.0, 50.0, CPU),
    TooMuch::of("another one", "i => /^(\\w+\\s?)*$/.test('word '.repeat(i.n) + '!')", 2.0, 50.0, CPU),
    TooMuch::of(
        "a sort that compares for long",
        "i => [2, 1].sort(() => { for (let k = 0; k < i.n; k++); return 1 }).length",
        1e3,
        1e15,
        CPU,
    ),
    TooMuch::of(
        "a getter that never ends",
        "i => JSON.stringify({ get x() { for (let k = 0; k < i.n; k++); return 1 } })",
        1e3,
        1e15,
        CPU,
    ),
    TooMuch::of("a power of BigInts", "i => String((3n ** BigInt(i.n)) % 7n)", 10.0, 6e5, CPU),
    TooMuch::of(
        "an array that is searched again and again",
        "i => { const a = Array(1e4).fill(1); for (let k = 0; k < i.n; k++) a.indexOf(2); return 1 }",
        2.0,
        1e15,
        CPU,
    ),
    TooMuch::of(
        "a chain of prototypes",
        "i => { let o = {}; for (let k = 0; k < 1e4; k++) o = Object.create(o); for (let k = 0; k < i.n; k++) o.x; return 1 }",
        2.0,
        1e15,
        CPU,
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    let limits = Limits { cpu: Duration::from_millis(200), memory: 256 << 20, ..Limits::default() };
    ALL.iter().map(|one| one.under(&limits)).collect()
}
