//! What happens before `run` and after it: start functions, what is declared, `post-return`.

use moltforge_sandbox::{FailureKind, Limit};

use super::wat::{Parts, made};
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const ENGINE: Ends = Ends::Fails(FailureKind::Engine);
const SIZE: Ends = Ends::Fails(FailureKind::Size);
const CPU: Ends = Ends::Limit(Limit::Cpu);
const MEMORY: Ends = Ends::Limit(Limit::Memory);
const STACK: Ends = Ends::Limit(Limit::Stack);

fn pair(name: String, ends: Ends, bad: Parts, control_is: &'static str, good: Parts) -> Pair {
    let name = made(name);
    Pair { name, category: "limits", tried: name, ends, bad, control_is, good }
}

pub(super) fn all() -> Vec<Attempt> {
    let starts = [
        ("never returns", CPU, "(func $s (loop (br 0))) (start $s)"),
        ("calls itself", STACK, "(func $s (call $s) (call $s)) (start $s)"),
        ("takes all memory", MEMORY, "(func $s (loop (drop (memory.grow (i32.const 16))) (br 0))) (start $s)"),
        ("traps", ENGINE, "(func $s unreachable) (start $s)"),
    ]
    .map(|(does, ends, items)| {
        let good = Parts::items("(func $s) (start $s)");
        pair(format!("a start function that {does}"), ends, Parts::items(items), "one that returns", good)
    });
    // it is called when the result has been read
    let after = [
        ("never returns", CPU, "(loop (br 0))"),
        ("calls itself", STACK, "(call $after-run (i32.const 1)) (call $after-run (i32.const 2))"),
        ("makes a call", ENGINE, "(drop (call $after (i64.const 1)))"),
        ("traps", ENGINE, "unreachable"),
    ]
    .map(|(does, ends, body)| {
        let post = |body: &str| Parts {
            items: made(format!("(func $after-run (export \"post\") (param i32) {body})")),
            options: "(post-return (core func $main \"post\"))",
            ..Parts::default()
        };
        pair(format!("a `post-return` that {does}"), ends, post(body), "one that returns", post(""))
    });
    let memory = |pages| Parts { memory: pages, ..Parts::default() };
    let table = |size: &str| Parts::items(made(format!("(table {size} funcref)")));
    let element =
        |at: &str| Parts::items(made(format!("(table $t 1 funcref) (elem (table $t) (i32.const {at}) func $mine)")));
    let instances =
        |n| Parts::around(made("(core module $X) ".to_owned() + &"(core instance (instantiate $X)) ".repeat(n)));
    let declared = [
        pair("a memory of 128 MiB".to_owned(), MEMORY, memory("2048"), "256 KiB", memory("4")),
        pair("a memory of 1 GiB".to_owned(), SIZE, memory("16384"), "256 KiB", memory("4")),
        pair("a memory of 4 GiB".to_owned(), SIZE, memory("65536"), "256 KiB", memory("4")),
        pair("a table of ten million".to_owned(), SIZE, table("10000000"), "ten", table("10")),
        pair("an element beyond its table".to_owned(), ENGINE, element("1"), "within", element("0")),
        pair("100 instances of a module".to_owned(), SIZE, instances(100), "two", instances(2)),
    ];
    [attempts(&starts), attempts(&after), attempts(&declared)].into_iter().flatten().collect()
}
