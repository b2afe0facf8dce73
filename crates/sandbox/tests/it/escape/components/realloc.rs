//! The function that a component gives memory with. The server's side of each call runs it, so it is the place to strike.

use moltforge_sandbox::{FailureKind, Limit};

use super::wat::{Parts, made};
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const ENGINE: Ends = Ends::Fails(FailureKind::Engine);

/// What it does, how the component ends, and its body.
const ALL: [(&str, Ends, &str); 7] = [
    ("traps", ENGINE, "unreachable"),
    ("gives memory that there is not", ENGINE, "(i32.const 0x7ffffff0)"),
    ("gives the last byte", ENGINE, "(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))"),
    ("never returns", Ends::Limit(Limit::Cpu), "(loop (br 0)) unreachable"),
    ("calls itself", Ends::Limit(Limit::Stack), RECURSION),
    ("takes all memory", Ends::Limit(Limit::Memory), "(loop (drop (memory.grow (i32.const 16))) (br 0)) unreachable"),
    ("makes a call", ENGINE, "(drop (call_indirect (type $hook) (i64.const 1) (i32.const 0))) (i32.const 131072)"),
];
const RECURSION: &str =
    "(call $realloc (local.get $old) (local.get $of) (local.get $align) (i32.add (local.get $size) (i32.const 1)))";
/// So that it can make a call: the host's function in its table.
const HOOK: &str = "(elem (table $hook) (i32.const 0) func $after)";

pub(super) fn all() -> Vec<Attempt> {
    let all = ALL.map(|(does, ends, realloc)| {
        let name = made(format!("a `realloc` that {does}"));
        let good = Parts::items(HOOK);
        let bad = Parts { realloc, ..good };
        Pair { name, category: "limits", tried: name, ends, bad, control_is: "one that gives memory", good }
    });
    attempts(&all)
}
