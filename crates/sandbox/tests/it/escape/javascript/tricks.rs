//! Tricks on the engine and on the code that stands between a program and its worker.
//!
//! What a program breaks of its own is its own affair. It succeeds when the engine breaks, when the worker hears what is no
//! call, or when it is not the same program when it is rebuilt.

use moltforge_sandbox::GuestRequest;

use super::mine;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};
use crate::world::agent;

/// What an ordinary program does after a trick.
const WORK: &str = "const [a, b] = await Promise.all([tools.call('a', { x: [1] }), tools.call('b', { ms: 2 })]);
    await new Promise(resolve => setTimeout(resolve, 5));
    console.log(a, { b });
    return [a.tool, b.tool, Math.random()];";

/// The name of a trick, and its code.
const BEFORE: &[(&str, &str)] = &[
    ("all objects have a `then`", "Object.prototype.then = function (resolve) { resolve('x') };"),
    ("all arrays have a `then` that throws", "Object.defineProperty(Array.prototype, 'then', { get() { throw 1 } });"),
    ("all objects have a `toJSON`", "Object.prototype.toJSON = () => ({ other: 1 });"),
    (
        "`toJSON` calls a tool",
        "let n = 0; Object.prototype.toJSON = function () { if (n++ < 3) tools.call('c', 1); return 1 };",
    ),
    ("another `Promise.prototype.then`", "Promise.prototype.then = function () { throw new Error('no') };"),
    ("another species of promises", "Object.defineProperty(Promise, Symbol.species, { get() { throw 1 } });"),
    ("another `Promise`", "globalThis.Promise = class { constructor() { throw 1 } };"),
    ("promises without a constructor", "Promise.prototype.constructor = null;"),
    ("another `JSON`", "JSON.parse = JSON.stringify = () => { throw new Error('no') }; globalThis.JSON = null;"),
    ("maps that keep nothing", "Map.prototype.set = Map.prototype.get = Map.prototype.delete = () => undefined;"),
    (
        "maps that settle calls themselves",
        "const set = Map.prototype.set; Map.prototype.set = function (id, settle) { if (typeof settle === 'function') settle(true, '{\"tool\":\"forged\"}'); return set.call(this, id, settle) };",
    ),
    (
        "calls that are settled twice",
        "const get = Map.prototype.get; Map.prototype.get = function (id) { const f = get.call(this, id); return typeof f === 'function' ? (...a) => { f(...a); f(...a) } : f };",
    ),
    (
        "maps that cancel calls again",
        "const del = Map.prototype.delete; Map.prototype.delete = function (id) { del.call(this, id); return true };",
    ),
    ("another `Object.entries`", "Object.entries = Object.fromEntries = () => { throw 1 };"),
    ("arrays without an iterator", "delete Array.prototype[Symbol.iterator];"),
    ("another `Error.captureStackTrace`", "Error.captureStackTrace = () => { throw 1 };"),
    ("`Error.prepareStackTrace` that throws", "Error.prepareStackTrace = () => { throw 1 };"),
    ("another `Function.prototype.call`", "Function.prototype.call = Function.prototype.apply = () => { throw 1 };"),
    ("another prototype of all objects", "try { Object.setPrototypeOf(Object.prototype, new Proxy({}, {})) } catch {}"),
    (
        "frozen prototypes",
        "for (const o of [Object, Array, Promise, Map, Function, Error]) Object.freeze(o.prototype);",
    ),
    ("a frozen global object", "Object.freeze(globalThis);"),
    (
        "an empty global object",
        "for (const key of Reflect.ownKeys(globalThis)) try { delete globalThis[key] } catch {}",
    ),
    (
        "setters of all objects",
        "for (const key of ['id', 'value', 'ok', 'code', '0']) Object.defineProperty(Object.prototype, key, { set() { throw 1 }, get() { return 7 }, configurable: true });",
    ),
    (
        "a call within the arguments of another",
        "const inner = tools.call('c', { get x() { tools.call('d', {}); return 1 } });",
    ),
    (
        "arguments that are a Proxy",
        "tools.call('c', new Proxy({}, { ownKeys() { tools.call('d', {}); return ['x'] }, getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) }));",
    ),
    (
        "a signal that aborts while it is asked",
        "const own = { get aborted() { tools.call('d', {}); return false }, addEventListener() { throw 1 } }; tools.call('c', {}, { signal: own }).catch(() => {});",
    ),
    (
        "a signal that aborts twice",
        "const c = new AbortController(); const p = tools.call('c', { ms: 50 }, { signal: c.signal }); p.catch(() => {}); c.abort(1); c.abort(2); c.signal.dispatchEvent(new Event('abort'));",
    ),
    (
        "a timer that is cleared within itself",
        "const t = setTimeout(() => { clearTimeout(t); clearTimeout(t) }, 1); clearInterval(t); clearTimeout({}); clearTimeout(-1);",
    ),
    (
        "a constructor from a function of the runtime",
        "try { tools.call.constructor('return this')().left = 1 } catch {}",
    ),
];

/// The name of a program that ends oddly, and it.
const WHOLE: &[(&str, &str)] = &[
    ("throws null", "export default () => { throw null }"),
    ("throws a Proxy", "export default () => { throw new Proxy(new Error('x'), { get() { throw 1 } }) }"),
    (
        "throws an error whose message throws",
        "export default () => { throw Object.defineProperty(new Error(), 'message', { get() { throw 1 } }) }",
    ),
    (
        "throws an error that is its own cause",
        "export default () => { const e = new Error('x'); e.cause = e; throw e }",
    ),
    (
        "throws errors within themselves",
        "export default () => { const e = new AggregateError([]); e.errors = [e, e, e]; throw e }",
    ),
    (
        "throws an error with a false stack",
        "export default () => { const e = new Error('x'); e.stack = { toString() { throw 1 } }; throw e }",
    ),
    ("throws an `InternalError`", "export default () => { throw new InternalError('out of memory?') }"),
    (
        "throws with a broken `split`",
        "export default () => { String.prototype.split = RegExp.prototype.exec = () => { throw 1 }; throw new Error('x') }",
    ),
    ("returns a Proxy", "export default () => new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 } })"),
    ("returns a promise of its own", "export default () => ({ then(resolve) { resolve(1); resolve(2); throw 3 } })"),
    ("returns what never settles", "export default () => ({ then() {} })"),
    ("is a generator", "export default function* () { yield 1 }"),
    ("is a class", "export default class { constructor() { throw 1 } }"),
    ("is a getter of the module", "export { x as default }; let x; export const run = 1"),
    ("never ends its module", "await new Promise(() => {}); export default () => 1"),
    (
        "imports itself",
        "import * as me from './agent.js'; export default async () => (await import('./agent.js')) === me",
    ),
    ("rejects without anybody", "export default async () => { Promise.reject(new Error('x')); await 1; return 2 }"),
    (
        "rejects in a timer",
        "export default async () => { setTimeout(() => { throw 1 }, 1); await new Promise(r => setTimeout(r, 9)); return 2 }",
    ),
    ("returns nothing that JSON holds", "export default () => () => 1"),
    ("returns a BigInt", "export default () => 1n"),
    ("returns itself", "export default () => { const a = []; a.push(a); return a }"),
];

fn request(trick: &str) -> GuestRequest {
    agent(&format!("import {{ tools }} from 'moltforge';\nexport default async () => {{ {trick}\n{WORK} }}"))
}

fn attempt(name: &str, request: GuestRequest) -> Attempt {
    Attempt {
        name: name.to_owned(),
        category: "engine",
        tried: format!("a program: {name}; its calls, its end, and the same again when it is rebuilt"),
        ends: Ends::ByItself,
        check: Outcome::disturbed,
        program: Program::Twice(request),
        control: Program::Killed(agent("export default async (i, { tools }) => { await tools.call('a', {}) }")),
        control_is: "a program whose worker is killed is seen to be disturbed".to_owned(),
    }
}

pub(super) fn all() -> Vec<Attempt> {
    let before = BEFORE.iter().map(|(name, trick)| attempt(name, request(trick)));
    let whole = WHOLE.iter().map(|(name, source)| attempt(&format!("a program that {name}"), agent(source)));
    let mut all: Vec<_> = before.chain(whole).collect();
    all.push(forged());
    all.extend(reached());
    all
}

/// The check of the others sees what it must: calls that differ when a program is rebuilt.
fn forged() -> Attempt {
    let lone = "export default () => '\\ud800'";
    Attempt {
        name: "an output that is no text".to_owned(),
        category: "engine",
        tried: "a result with half of a surrogate pair".to_owned(),
        ends: Ends::Fails(moltforge_sandbox::FailureKind::Misuse),
        check: |outcome| outcome.output().is_some(),
        program: Program::Alone(agent(lone)),
        control: Program::Alone(agent("export default () => '\\ud83d\\ude00'")),
        control_is: "a result with both halves".to_owned(),
    }
}

/// Functions of the runtime that no program should hold.
fn reached() -> Vec<Attempt> {
    let program = |source: &str, wanted: &str| Program::Alone(agent(&source.replace("WANTED", wanted)));
    let by_name = "export default (i, { tools }) => { try { const f = tools.call.constructor('return WANTED')(); return typeof f === 'function' ? 'mine' : 'no' } catch (e) { return String(e) } }";
    // a stack that is looked at while the runtime writes the arguments down
    let by_stack = "export default async (i, { tools }) => {
        let found = [];
        Error.prepareStackTrace = (e, sites) => sites.map(site => site.getFunction?.());
        const args = { toJSON: function toJSON() { found = new Error('x').stack; return {} } };
        await tools.call('a', args);
        return [found].flat().some(f => f?.name === 'WANTED') ? 'mine' : 'no'
    }";
    let ways = [
        ("by its name", by_name, "a function that programs have", "submit", "fetch"),
        ("by the stack", by_stack, "a function of the program", "submit", "toJSON"),
        ("by the stack, of completions", by_stack, "a function of the program", "dispatch", "toJSON"),
    ];
    ways.into_iter()
        .map(|(how, source, what, wanted, had)| Attempt {
            name: format!("take a function of the runtime {how}"),
            category: "engine",
            tried: format!("`{wanted}`, which speaks with the worker, is looked for {how}"),
            ends: Ends::Returns,
            check: mine,
            program: program(source, wanted),
            control: program(source, had),
            control_is: format!("`{had}`, {what}, is found the same way"),
        })
        .collect()
}
