//! Real time and chance: what would make a program another one when it is rebuilt, and tell it of its neighbours.

use super::mine;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};
use crate::world::agent;

/// The clock, and how it is read.
const ALL: &[(&str, &str)] = &[
    ("Date.now", "Date.now()"),
    ("new Date", "new Date().getTime()"),
    ("performance.now", "performance.now()"),
    ("a date as a text", "Date.parse(new Date().toISOString())"),
];

fn passed(outcome: &Outcome) -> bool {
    outcome.output().and_then(serde_json::Value::as_f64).is_some_and(|milliseconds| milliseconds > 0.0)
}

pub(super) fn all() -> Vec<Attempt> {
    let program = |read: &str, pass: &str| {
        let source = format!("export default async () => {{ const from = {read}; {pass}; return {read} - from }}");
        Program::Alone(agent(&source))
    };
    let busy = "for (let k = 0; k < 1e6; k++);";
    let wait = "await new Promise(resolve => setTimeout(resolve, 50))";
    let mut all: Vec<_> = ALL
        .iter()
        .map(|(name, read)| Attempt {
            name: format!("a clock: {name}"),
            category: "engine",
            tried: format!("`{read}` before and after a loop that takes time"),
            ends: Ends::Returns,
            check: passed,
            program: program(read, busy),
            control: program(read, wait),
            control_is: "the same with a timer between: virtual time has passed".to_owned(),
        })
        .collect();
    let blocking = "const a = new Int32Array(new SharedArrayBuffer(8)), from = Date.now(); try { Atomics.wait(a, 0, 0, 30) } catch {} return Date.now() - from";
    all.push(Attempt {
        name: "a clock: Atomics.wait".to_owned(),
        category: "engine",
        tried: "a wait in shared memory, and the time that it took".to_owned(),
        ends: Ends::ByItself,
        check: passed,
        program: Program::Alone(agent(&format!("export default () => {{ {blocking} }}"))),
        control: program("Date.now()", wait),
        control_is: "a timer: virtual time has passed".to_owned(),
    });
    for (name, had) in [("WeakRef", "WeakMap"), ("FinalizationRegistry", "WeakSet"), ("gc", "eval"), ("Worker", "Map")]
    {
        let of = |name: &str| {
            Program::Alone(agent(&format!("export default () => typeof {name} === 'function' ? 'mine' : 'no'")))
        };
        all.push(Attempt {
            name: format!("{name}, which shows what the machine does"),
            category: "engine",
            tried: format!("`{name}` is looked for: it would tell of collections or of other threads"),
            ends: Ends::Returns,
            check: mine,
            program: of(name),
            control: of(had),
            control_is: format!("`{had}` is there"),
        });
    }
    all.push(chance());
    all
}

/// With one seed everything is the same.
fn chance() -> Attempt {
    let source = "export default () => { const a = [Math.random(), crypto.randomUUID(), ...crypto.getRandomValues(new Uint8Array(4))]; return a }";
    let tampered = "export default async (i, { tools }) => { const a = await tools.call('a', {}); return a.at }";
    Attempt {
        name: "chance that is not the seed's".to_owned(),
        category: "engine",
        tried: "random numbers, of a program and of the same rebuilt".to_owned(),
        ends: Ends::Returns,
        check: |outcome| !outcome.journal.divergences.is_empty(),
        program: Program::Twice(agent(source)),
        control: Program::Changed(agent(tampered)),
        control_is: "a program that is rebuilt from a changed journal differs".to_owned(),
    }
}
