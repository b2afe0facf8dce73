//! What one guest leaves behind for the next one in the same worker.

use moltforge_sandbox::GuestRequest;

use super::mine;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;
use crate::world::{agent, file};

/// What is left behind, how, and how another one would find it.
const ALL: &[(&str, &str, &str)] = &[
    ("a global variable", "globalThis.left = 'mine';", "return globalThis.left ?? 'nothing'"),
    ("a property of all objects", "Object.prototype.left = 'mine';", "return ({}).left ?? 'nothing'"),
    (
        "a getter of all objects",
        "Object.defineProperty(Object.prototype, 'x', { get: () => 'mine' });",
        "return ({}).x ?? 'nothing'",
    ),
    ("another Array.prototype.map", "Array.prototype.map = () => 'mine';", "return [1].map(x => x)"),
    ("another JSON.stringify", "JSON.stringify = () => '\"mine\"';", "return 'nothing'"),
    ("another JSON.parse", "JSON.parse = () => 'mine';", "return JSON.parse('1')"),
    (
        "another Promise.prototype.then",
        "Promise.prototype.then = f => f('mine');",
        "return Promise.resolve(1).then(x => x)",
    ),
    ("another Math.random", "Math.random = () => 'mine';", "return Math.random()"),
    ("another Date.now", "Date.now = () => 'mine';", "return Date.now()"),
    ("another RegExp.prototype.exec", "RegExp.prototype.exec = () => ['mine'];", "return /x/.exec('x')[0]"),
    ("another Function.prototype.call", "Function.prototype.call = () => 'mine';", "return (() => 1).call()"),
    ("another String.prototype.split", "String.prototype.split = () => 'mine';", "return 'a b'.split(' ')"),
    (
        "another Array iterator",
        "Array.prototype[Symbol.iterator] = function* () { yield 'mine' };",
        "return [...[1]][0]",
    ),
    ("another fetch", "globalThis.fetch = () => 'mine';", "try { return fetch('x:') } catch { return 0 }"),
    ("another console.log", "console.log = () => 'mine';", "return console.log('x') ?? 0"),
    ("another Error.prepareStackTrace", "Error.prepareStackTrace = () => 'mine';", "return new Error('x').stack"),
    (
        "another prototype of functions",
        "Object.setPrototypeOf(Function.prototype, { left: 'mine' });",
        "return (() => 1).left ?? 0",
    ),
    ("the state of a module of the bundle", "box.left = 'mine';", "return box.left ?? 'nothing'"),
    (
        "bytes in memory",
        "keep = new Uint8Array(1 << 20).fill(77);",
        "return (keep ?? new Uint8Array(1 << 20)).every(b => b === 77) ? 'mine' : 0",
    ),
    (
        "an unfinished timer",
        "setTimeout(() => { seen = 'mine' }, 1);",
        "await new Promise(r => setTimeout(r, 9)); return seen ?? 0",
    ),
];

fn program(body: &str) -> GuestRequest {
    let source = format!("import {{ box }} from './box.js'; let keep, seen;\nexport default async () => {{ {body} }}");
    GuestRequest { files: vec![file("agent.js", &source), file("box.js", "export const box = {}")], ..agent("") }
}

pub(super) fn all() -> Vec<Attempt> {
    let mut all: Vec<_> = ALL
        .iter()
        .map(|(what, leave, find)| Attempt {
            name: format!("leave {what}"),
            category: "neighbours",
            tried: format!("a guest leaves {what}, the next one in the same process looks for it"),
            ends: Ends::Returns,
            check: mine,
            program: Program::After(program(leave), program(find)),
            control: Program::Alone(program(&format!("{leave} {find}"))),
            control_is: "one guest does both".to_owned(),
        })
        .collect();
    for (what, leave, find) in &ALL[..3] {
        let waits = format!("{leave} await new Promise(r => setTimeout(r, 4e9))");
        all.push(Attempt {
            name: format!("leave {what} while it lives"),
            category: "neighbours",
            tried: format!("a guest leaves {what} and waits; another one in the same process looks for it meanwhile"),
            ends: Ends::Returns,
            check: mine,
            program: Program::Beside(program(&waits), program(find)),
            control: Program::Alone(program(&format!("{leave} {find}"))),
            control_is: "one guest does both".to_owned(),
        });
    }
    all
}
