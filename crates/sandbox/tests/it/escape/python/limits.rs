//! Programs that want too much.

use std::time::Duration;

use moltforge_sandbox::{GuestRequest, Limit, Limits};
use serde_json::json;

use super::python;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;

const CPU: Ends = Ends::Limit(Limit::Cpu);
const MEMORY: Ends = Ends::Limit(Limit::Memory);
const STACK: Ends = Ends::Stack;

/// What, the lines, a little, too much, and how that ends.
const ALL: &[(&str, &str, u64, u64, Ends)] = &[
    ("an endless loop", "k = 0\n    while k < n: k += 1\n    return 1", 100, 1 << 60, CPU),
    (
        "an endless loop that catches everything",
        "k = 0\n    while k < n:\n        try: k += 1\n        except BaseException: pass\n    return 1",
        100,
        1 << 60,
        CPU,
    ),
    (
        "tasks that never wait",
        "import asyncio\n    async def f():\n        for _ in range(n): await asyncio.sleep(0)\n    return asyncio.ensure_future(f())",
        10,
        1 << 60,
        CPU,
    ),
    ("a regular expression that backtracks", "import re; return bool(re.match(r'(a+)+$', 'a' * n + 'b'))", 5, 60, CPU),
    ("a power of large numbers", "return (3 ** n) % 7", 10, 200_000_000, CPU),
    ("a list that grows", "a = []\n    for k in range(n): a.append([k])\n    return 1", 100, 1 << 60, MEMORY),
    ("one large list", "return len([0] * n)", 100, 200_000_000, MEMORY),
    ("large bytes", "return len(bytes(n))", 100, 1 << 30, MEMORY),
    ("a text that doubles", "s = 'xy'\n    for _ in range(n): s += s\n    return 1", 5, 30, MEMORY),
    ("a large shift", "return (1 << n) > 1", 100, 3_000_000_000, MEMORY),
    ("a large format", "return len('%*d' % (n, 1))", 100, 1 << 30, MEMORY),
    (
        "a bomb of compressed bytes",
        "import zlib; d = zlib.compress(bytes(1 << 20)); return sum(len(zlib.decompress(d)) for _ in range(1)) + len(bytearray(n))",
        100,
        1 << 30,
        MEMORY,
    ),
    (
        "a number as a long text",
        "return len(str(10 ** n))",
        100,
        5000,
        Ends::Fails(moltforge_sandbox::FailureKind::Exception),
    ),
    ("a recursion", "def f(k): return 1 if k == 0 else 1 + f(k - 1)\n    return f(n)", 10, 1_000_000, STACK),
    (
        "a recursion without its limit",
        "import sys; sys.setrecursionlimit(10**9)\n    def f(k): return 1 if k == 0 else 1 + f(k - 1)\n    return f(n)",
        10,
        10_000_000,
        Ends::Contained,
    ),
    ("JSON of many levels", "import json; return len(json.loads('[' * n + ']' * n))", 10, 1_000_000, STACK),
    ("a result of many levels", "a = []\n    for _ in range(n): a = [a]\n    return a", 10, 100_000, STACK),
    ("an expression of many parentheses", "return eval('(' * n + '1' + ')' * n)", 10, 100_000, Ends::Contained),
    (
        "a pickle of many levels",
        "import pickle; a = []\n    for _ in range(n): a = [a]\n    return len(pickle.dumps(a)) and 1",
        10,
        100_000,
        STACK,
    ),
    (
        "a storm of tasks",
        "import asyncio\n    async def f(): await asyncio.Future()\n    return len([asyncio.ensure_future(f()) for _ in range(n)])",
        100,
        1 << 60,
        MEMORY,
    ),
    ("an output of 2 MB", "return 'x' * n", 100, 2_000_000, Ends::Limit(Limit::Output)),
    ("an output of 100 MB", "return 'x' * n", 100, 100_000_000, MEMORY),
    (
        "an output with half of a character",
        "return 'x' * n if n < 200 else '\\ud800'",
        100,
        1000,
        Ends::Fails(moltforge_sandbox::FailureKind::Misuse),
    ),
    ("a log of 1 MB", "print('x' * n); return 1", 100, 1_000_000, Ends::Limit(Limit::Logs)),
    ("many small logs", "for _ in range(n): print('x')\n    return 1", 10, 1 << 60, Ends::Limit(Limit::Logs)),
    (
        "calls without waiting",
        "import asyncio; from moltforge import tools\n    return asyncio.gather(*[tools.call('a') for _ in range(n)], return_exceptions=True)",
        3,
        5000,
        Ends::Limit(Limit::Calls),
    ),
];

pub(super) fn all() -> Vec<Attempt> {
    ALL.iter()
        .map(|(what, lines, little, much, ends)| {
            let seconds = if matches!(ends, Ends::Limit(Limit::Cpu)) { 1 } else { 20 };
            let limits = Limits { cpu: Duration::from_secs(seconds), memory: 128 << 20, ..Limits::default() };
            let program = |n: u64| {
                let source = format!("async def run(input):\n    result = tried(input['n'])\n    result = await result if hasattr(result, '__await__') else result\n    return result if isinstance(result, (int, str, list)) and result else 1\n\ndef tried(n):\n    {lines}\n");
                let input = json!({ "n": n }).to_string();
                Program::Alone(GuestRequest { input, limits: limits.clone(), ..python(&source) })
            };
            Attempt {
                name: (*what).to_owned(),
                category: "limits",
                tried: format!("`{}` with n = {much}", lines.replace("\n        ", " ").replace("\n    ", "; ")),
                ends: *ends,
                check: |outcome| outcome.output().is_some(),
                program: program(*much),
                control: program(*little),
                control_is: format!("the same with n = {little} returns"),
            }
        })
        .collect()
}
