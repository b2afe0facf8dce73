//! Outputs, logs, calls and files that are too large or too many.

use moltforge_sandbox::{GuestRequest, Limit, Limits};

use super::limits::TooMuch;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;
use crate::world::{agent, file};

const CALLS: Ends = Ends::Limit(Limit::Calls);
const CALL: Ends = Ends::Limit(Limit::Call);
const MEMORY: Ends = Ends::Limit(Limit::Memory);
const LOGS: Ends = Ends::Limit(Limit::Logs);
const OUTPUT: Ends = Ends::Limit(Limit::Output);

const ALL: &[TooMuch] = &[
    TooMuch::of("an output of 2 MB", "i => 'x'.repeat(i.n)", 1e3, 2e6, OUTPUT),
    TooMuch::of("an output of 100 MB", "i => 'x'.repeat(i.n)", 1e3, 1e8, MEMORY),
    TooMuch::of("an output that escapes make long", "i => '\\x01'.repeat(i.n)", 1e3, 3e5, OUTPUT),
    TooMuch::of("a log of 100 MB", "i => { console.log('x'.repeat(i.n)); return 1 }", 1e3, 1e8, MEMORY),
    TooMuch::of(
        "many small logs",
        "i => { for (let k = 0; k < i.n; k++) console.log('x'); return 1 }",
        10.0,
        1e15,
        LOGS,
    ),
    TooMuch::of("empty logs", "i => { for (let k = 0; k < i.n; k++) console.log(''); return 1 }", 10.0, 1e15, LOGS),
    TooMuch::of(
        "a call of 100 MB",
        "async i => (await tools.call('a', { x: 'x'.repeat(i.n) })).tool",
        1e3,
        1e8,
        MEMORY,
    ),
    TooMuch::of("a call of 26 MB", "async i => (await tools.call('a', { x: 'x'.repeat(i.n) })).tool", 1e3, 26e6, CALL),
    TooMuch::of("an output of 26 MB", "i => 'x'.repeat(i.n)", 1e3, 26e6, OUTPUT),
    TooMuch::of(
        "calls without waiting",
        "async i => { const a = []; for (let k = 0; k < i.n; k++) a.push(tools.call('a', {})); await Promise.all(a); return 1 }",
        10.0,
        1e15,
        CALLS,
    ),
    TooMuch::of(
        "large calls without waiting",
        "async i => { const a = []; for (let k = 0; k < i.n; k++) a.push(tools.call('a', { x: 'x'.repeat(9e5) })); await Promise.all(a); return 1 }",
        2.0,
        1e15,
        CALLS,
    ),
    TooMuch::of(
        "a storm of timers",
        "async i => { for (let k = 0; k < i.n; k++) setTimeout(() => {}, 1e9); return 1 }",
        10.0,
        1e15,
        CALLS,
    ),
    TooMuch::of(
        "timers that are cleared at once",
        "i => { for (let k = 0; k < i.n; k++) clearTimeout(setTimeout(() => {}, 1)); return 1 }",
        10.0,
        1e15,
        CALLS,
    ),
    TooMuch::of(
        "calls that are aborted at once",
        "async i => { for (let k = 0; k < i.n; k++) { const c = new AbortController(); tools.call('a', {}, { signal: c.signal }).catch(() => {}); c.abort() } return 1 }",
        10.0,
        1e15,
        CALLS,
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    let limits = Limits { memory: 256 << 20, ..Limits::default() };
    let mut all: Vec<_> = ALL.iter().map(|one| one.under(&limits)).collect();
    all.push(files("many files", &|count| (0..count).map(|n| ("x".repeat(200), n)).collect(), 10, 50_000));
    all.push(files("large files", &|count| (0..count).map(|n| ("x".repeat(1 << 20), n)).collect(), 2, 12));
    all
}

/// A bundle of so many files.
fn files(what: &str, make: &dyn Fn(u32) -> Vec<(String, u32)>, little: u32, much: u32) -> Attempt {
    let program = |count: u32| {
        let more = make(count).into_iter().map(|(text, n)| file(&format!("lib/{n}.txt"), &text));
        let files = [file("agent.js", "export default () => 1")].into_iter().chain(more).collect();
        Program::Alone(GuestRequest { files, limits: Limits::default(), ..agent("") })
    };
    Attempt {
        name: format!("a bundle of {what}"),
        category: "limits",
        tried: format!("{much} files"),
        ends: Ends::Limit(Limit::Bundle),
        check: |outcome| outcome.output().is_some(),
        program: program(much),
        control: program(little),
        control_is: format!("{little} of them run"),
    }
}
