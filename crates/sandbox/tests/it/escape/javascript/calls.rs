//! Calls that are no calls.

use moltforge_sandbox::{FailureKind, GuestRequest, Limit, Limits};

use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};
use crate::world::agent;

const MISUSE: Ends = Ends::Fails(FailureKind::Misuse);
const THROWS: Ends = Ends::Fails(FailureKind::Exception);

/// What is called, by which name, with which arguments (both as JavaScript), and how the program ends.
const ALL: &[(&str, &str, &str, Ends)] = &[
    ("a path as a name", "'../../etc/passwd'", "{}", MISUSE),
    ("an absolute path as a name", "'/etc/passwd'", "{}", MISUSE),
    ("a name with NUL", "'state\\0.get'", "{}", MISUSE),
    ("a name with a line break", "'state.get\\nagents.call'", "{}", MISUSE),
    ("a name with a space", "'state.get '", "{}", MISUSE),
    ("a name of other letters", "'st\\u0430te.get'", "{}", MISUSE),
    ("a name with a direction mark", "'state\\u202e.get'", "{}", MISUSE),
    ("half of a surrogate pair as a name", "'\\ud800'", "{}", MISUSE),
    ("a name of dots", "'..'", "{}", MISUSE),
    ("a name of 129 letters", "'a'.repeat(129)", "{}", MISUSE),
    ("a name of a megabyte", "'a'.repeat(2 << 20)", "{}", Ends::Limit(Limit::Call)),
    ("no name", "''", "{}", THROWS),
    ("an object as a name", "{ toString: () => 'a' }", "{}", THROWS),
    ("a symbol as a name", "Symbol('a')", "{}", THROWS),
    ("half of a surrogate pair as an argument", "'a'", "{ x: '\\ud800' }", MISUSE),
    ("half of a surrogate pair as a key", "'a'", "{ ['\\udc00']: 1 }", MISUSE),
    ("arguments that are no JSON", "'a'", "() => 1", MISUSE),
    ("arguments that write nothing", "'a'", "{ toJSON: () => undefined }", MISUSE),
    ("arguments within themselves", "'a'", "(() => { const a = {}; a.a = a; return a })()", THROWS),
    ("a BigInt as an argument", "'a'", "{ x: 1n }", THROWS),
    ("arguments of 200 levels", "'a'", "JSON.parse('['.repeat(200) + ']'.repeat(200))", MISUSE),
    ("an argument of two megabytes", "'a'", "{ x: 'x'.repeat(2 << 20) }", Ends::Limit(Limit::Call)),
    ("an argument of 100 megabytes", "'a'", "{ x: 'x'.repeat(1e8) }", Ends::Limit(Limit::Memory)),
];

fn call(name: &str, args: &str) -> Program {
    let source = format!("export default async (i, {{ tools }}) => {{ await tools.call({name}, {args}) }}");
    Program::Alone(GuestRequest { limits: Limits { memory: 64 << 20, ..Limits::default() }, ..agent(&source) })
}

/// The server was asked for something.
fn heard(outcome: &Outcome) -> bool {
    !outcome.journal.calls.is_empty()
}

pub(super) fn all() -> Vec<Attempt> {
    ALL.iter()
        .map(|(what, name, args, ends)| Attempt {
            name: format!("call with {what}"),
            category: "capabilities",
            tried: format!("`tools.call({name}, {args})`"),
            ends: *ends,
            check: heard,
            program: call(name, args),
            control: call("'state.get'", "{ key: 'x', more: [1, { deep: null }] }"),
            control_is: "a call with a good name and good arguments reaches the server".to_owned(),
        })
        .collect()
}
