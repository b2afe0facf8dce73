//! Attempts on what stands between a program and its worker, which Python can reach: its modules are objects like others.

use moltforge_sandbox::{FailureKind, GuestRequest};

use super::python;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};

const MISUSE: Ends = Ends::Fails(FailureKind::Misuse);

/// Words to the worker that no runtime would say: what, the lines, how the program ends.
const RAW: &[(&str, &str, Ends)] = &[
    ("a call that skips numbers", "submit(7, 'a', '{}')", MISUSE),
    ("call number zero", "submit(0, 'a', '{}')", MISUSE),
    ("the largest number of a call", "submit(2**32 - 1, 'a', '{}')", MISUSE),
    ("a name with NUL", "submit(1, 'a\\0b', '{}')", MISUSE),
    ("a path as a name", "submit(1, '../a', '{}')", MISUSE),
    ("a name of 129 letters", "submit(1, 'a' * 129, '{}')", MISUSE),
    ("arguments that are no JSON", "submit(1, 'a', '{')", MISUSE),
    ("arguments of 200 levels", "submit(1, 'a', '[' * 200 + ']' * 200)", MISUSE),
    ("arguments with half a character", "submit(1, 'a', '\"\\\\ud800\"')", MISUSE),
    (
        "a call of two megabytes",
        "submit(1, 'a', '\"' + 'x' * (2 << 20) + '\"')",
        Ends::Limit(moltforge_sandbox::Limit::Call),
    ),
    (
        "another way to write calls down",
        "import json; json.dumps = lambda *a, **k: 'no'; await tools.call('a')",
        MISUSE,
    ),
    ("a changed count of calls", "from _moltforge import calls; calls._last_id = 41; await tools.call('a')", MISUSE),
    (
        "a count of calls found by the collector",
        "import gc\n    for o in gc.get_objects():\n        if isinstance(o, dict) and '_last_id' in o: o['_last_id'] = 41\n    await tools.call('a')",
        MISUSE,
    ),
];

/// What is cancelled that is not open; a call before it is heard.
const CANCELLED: &[(&str, &str, Ends)] = &[
    ("cancel what was never called", "cancel(5)", MISUSE),
    ("cancel number zero", "cancel(0)", MISUSE),
    ("cancel twice", "submit(1, 'a', '{\"ms\": 4294967295}'); cancel(1); cancel(1); cancel(1)", Ends::Returns),
    ("cancel what is answered", "await tools.call('a'); cancel(1)", Ends::Returns),
];

/// What breaks the runtime, if anything does.
const BROKEN: &[(&str, &str)] = &[
    ("other builtins", "import builtins; builtins.len = builtins.isinstance = None"),
    ("no modules", "import sys; sys.modules.clear()"),
    ("another `wit_world`", "import sys; sys.modules['wit_world'] = None"),
    (
        "completions that are forged",
        "from _moltforge import calls; t = asyncio.ensure_future(tools.call('a')); await asyncio.sleep(0); [f(True, '7') for f in list(calls._open.values())]; return await t",
    ),
    (
        "a completion that is taken twice",
        "from _moltforge import calls; t = asyncio.ensure_future(tools.call('a')); await asyncio.sleep(0); f = calls._open[1]; f(True, '1'); f(True, '2'); return await t",
    ),
    ("another event loop", "asyncio.get_running_loop()._run_once = lambda: 1 / 0"),
    ("a loop that is stopped", "asyncio.get_running_loop().stop(); await asyncio.sleep(1)"),
    (
        "frames of the runner",
        "import sys; f = sys._getframe()\n    while f: f.f_globals.clear() if 'bundle' in f.f_globals else None; f = f.f_back",
    ),
    ("an exit", "raise SystemExit(3)"),
    ("an interrupt", "raise KeyboardInterrupt"),
    ("an exception that cannot be shown", "class E(BaseException):\n        def __str__(self): raise E\n    raise E"),
    ("an exception that is its own cause", "e = ValueError('x'); e.__cause__ = e; e.__context__ = e; raise e"),
    (
        "an exception with a false type",
        "class E(Exception):\n        __module__ = property(lambda s: 1 / 0)\n    raise E('x')",
    ),
    (
        "a result that lies about its type",
        "class D(dict):\n        def items(self): return [(1, 2), (object(), 3)]\n    return D(a=1)",
    ),
    ("a trace function", "import sys; sys.settrace(lambda *a: 1 / 0); await asyncio.sleep(1)"),
    (
        "a finaliser that calls",
        "class D:\n        def __del__(self): submit(99, 'a', '{}')\n    d = D(); keep.append(d); return 1",
    ),
    ("a hook of the interpreter", "import sys; sys.addaudithook(lambda *a: 1 / 0); await asyncio.sleep(1)"),
    ("a recursion limit without end", "import sys; sys.setrecursionlimit(10**9); return 1"),
];

fn program(lines: &str) -> GuestRequest {
    python(&format!(
        "import asyncio\nfrom wit_world import submit, cancel\nfrom moltforge import tools\nkeep = []\n\nasync def run(input):\n    {lines}\n"
    ))
}

fn heard(outcome: &Outcome) -> bool {
    !outcome.journal.calls.is_empty()
}

/// The server heard of a cancelled call that it does not have, or of one more than once.
fn cancelled_wrongly(outcome: &Outcome) -> bool {
    let cancelled: Vec<_> = outcome.journal.cancelled.iter().map(|one| one.id).collect();
    cancelled.iter().any(|id| !(1..=1).contains(id)) || cancelled.len() > 1
}

fn harmed(outcome: &Outcome) -> bool {
    matches!(outcome.end, crate::driver::End::Lost(_))
}

pub(super) fn all() -> Vec<Attempt> {
    let attempt = |what: &str, category, lines: &str, ends, check, control, control_is: &str| Attempt {
        name: what.to_owned(),
        category,
        tried: format!("`{}`", lines.replace("\n        ", " ").replace("\n    ", "; ")),
        ends,
        check,
        program: Program::Alone(program(lines)),
        control,
        control_is: control_is.to_owned(),
    };
    let raw = RAW.iter().map(|(what, lines, ends)| {
        let control = Program::Alone(program("submit(1, 'a', '{}'); return 1"));
        attempt(what, "capabilities", lines, *ends, heard, control, "call number 1 with a good name is heard")
    });
    let cancelled = CANCELLED.iter().map(|(what, lines, ends)| {
        let two = "t = [asyncio.ensure_future(tools.call('a', ms=50)) for _ in 'xy']; await asyncio.sleep(0); [x.cancel() for x in t]; await asyncio.sleep(0); return 1";
        let control = Program::Alone(program(two));
        attempt(what, "capabilities", lines, *ends, cancelled_wrongly, control, "two calls that are open are cancelled: both are heard of")
    });
    let broken = BROKEN.iter().map(|(what, lines)| {
        let control = Program::Killed(program("await tools.call('a')"));
        let seen = "a program whose worker is killed is seen to be lost";
        attempt(what, "engine", lines, Ends::Contained, harmed, control, seen)
    });
    raw.chain(cancelled).chain(broken).collect()
}
