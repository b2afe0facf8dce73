//! Imports of what is not in the bundle: files of the machine, the network, modules of the engine.

use moltforge_sandbox::GuestRequest;

use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};
use crate::world::{agent, file};

/// The specifier, its category, and the file and specifier of the control.
const ALL: &[(&str, &str, &str, &str)] = &[
    ("/etc/passwd", "files", "etc/passwd.js", "./etc/passwd.js"),
    ("/proc/self/environ", "files", "proc/self.js", "./proc/self.js"),
    ("../../../../etc/passwd", "files", "etc/passwd.js", "./lib/../etc/passwd.js"),
    ("./../../etc/passwd", "files", "lib/x.js", "./lib/../lib/x.js"),
    ("./lib/../../../etc/passwd", "files", "etc/passwd.js", "./lib/../etc/passwd.js"),
    ("./%2e%2e/%2e%2e/etc/passwd", "files", "%2e%2e/passwd.js", "./%2e%2e/passwd.js"),
    ("./..%2f..%2fetc%2fpasswd", "files", "..%2fpasswd.js", "./..%2fpasswd.js"),
    ("./..\\..\\etc\\passwd", "files", "..\\passwd.js", "./..\\passwd.js"),
    ("../etc/passwd\0.js", "files", "etc/passwd.js", "./etc/passwd.js"),
    ("./agent.js/../../../etc/passwd", "files", "lib/x.js", "./agent.js/../lib/x.js"),
    ("file:///etc/passwd", "files", "etc/passwd.js", "./etc/passwd.js"),
    ("data:text/javascript,export default 1", "engine", "data.js", "./data.js"),
    ("http://127.0.0.1/x.js", "network", "x.js", "./x.js"),
    ("https://example.com/x.js", "network", "x.js", "./x.js"),
    ("//example.com/x.js", "network", "x.js", "./x.js"),
    ("node:fs", "files", "fs.js", "./fs.js"),
    ("fs", "files", "fs.js", "./fs.js"),
    ("child_process", "processes", "child_process.js", "./child_process.js"),
    ("std", "files", "std.js", "./std.js"),
    ("os", "processes", "os.js", "./os.js"),
    ("host", "engine", "host.js", "moltforge"),
    ("moltforge:host", "engine", "host.js", "moltforge"),
    ("./moltforge:host", "engine", "moltforge/host.js", "./moltforge/host.js"),
    ("moltforge:calls.js", "engine", "calls.js", "moltforge"),
    ("moltforge/host", "engine", "moltforge/host.js", "./moltforge/host.js"),
];

fn import(of: &str, file_of_control: &str) -> GuestRequest {
    let of = serde_json::to_string(of).unwrap();
    let source = format!(
        "export default async () => {{ try {{ return Object.keys(await import({of})) }} catch (e) {{ return String(e) }} }}"
    );
    GuestRequest { files: vec![file("agent.js", &source), file(file_of_control, "export const it = 1")], ..agent("") }
}

fn imported(outcome: &Outcome) -> bool {
    outcome.output().is_some_and(|output| output.as_array().is_some_and(|names| !names.is_empty()))
}

pub(super) fn all() -> Vec<Attempt> {
    let mut all: Vec<_> = ALL
        .iter()
        .map(|(specifier, category, file, good)| Attempt {
            name: format!("import {specifier}"),
            category,
            tried: format!("`import({specifier:?})`"),
            ends: Ends::Returns,
            check: imported,
            program: Program::Alone(import(specifier, "lib/other.js")),
            control: Program::Alone(import(good, file)),
            control_is: format!("`import({good:?})`, which is there"),
        })
        .collect();
    let long = format!("./{}x.js", "a/".repeat(2000));
    all.push(Attempt {
        name: "import of a long name".to_owned(),
        category: "limits",
        tried: "an import of 4000 characters".to_owned(),
        ends: Ends::Returns,
        check: imported,
        program: Program::Alone(import(&long, "x.js")),
        control: Program::Alone(import("./a/a/x.js", "a/a/x.js")),
        control_is: "a short name in the same folders".to_owned(),
    });
    all.extend(from_code());
    all
}

/// Code that is made from a text has no file whose folder an import could start from.
fn from_code() -> Vec<Attempt> {
    let program = |way: &str, of: &str| {
        let code = format!("import({of:?})");
        let run = way.replace("CODE", &serde_json::to_string(&code).unwrap());
        let source = format!(
            "export default async () => {{ try {{ return Object.keys(await {run}) }} catch (e) {{ return String(e) }} }}"
        );
        Program::Alone(GuestRequest {
            files: vec![file("agent.js", &source), file("x.js", "export const it = 1")],
            ..agent("")
        })
    };
    [
        ("eval", "(0, eval)(CODE)"),
        ("direct eval", "eval(CODE)"),
        ("Function", "new Function('return ' + CODE)()"),
        ("a timer", "new Promise((y, n) => setTimeout(() => eval(CODE).then(y, n), 1))"),
        (
            "an async generator",
            "(async function* () { yield* [await eval(CODE)] })().next().then(one => one.value ?? {})",
        ),
    ]
    .into_iter()
    .map(|(name, way)| Attempt {
        name: format!("import of the runtime's host module from {name}"),
        category: "engine",
        tried: format!("`import(\"moltforge:host\")` in code that {name} runs"),
        ends: Ends::Returns,
        check: imported,
        program: program(way, "moltforge:host"),
        control: program(way, "moltforge"),
        control_is: "the same for `moltforge`".to_owned(),
    })
    .collect()
}
