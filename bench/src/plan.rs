//! What the stand-in model does with a run: a plan is a list of turns, a turn a list of tool calls; after the last turn
//! comes the final text. The user's message names run and plan as `run:ID plan:NAME`.

use serde_json::{Value, json};

/// A call that the model asks for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The tool's name on the wire.
    pub tool: &'static str,
    /// The arguments.
    pub arguments: Value,
}

/// The plans of the kill harness, each aimed at another promise.
pub(crate) const PLANS: [&str; 6] = ["math", "keyed", "once", "sleep", "signal", "state"];

/// The calls of turn `turn` (from 0) of a run; empty when the final text is due.
pub(crate) fn turn(plan: &str, run: &str, turn: usize) -> Vec<Call> {
    let keyed = |n: u32| call("count_keyed", json!({ "run": run, "n": n }));
    let once = |n: u32| call("count_once", json!({ "run": run, "n": n }));
    let add = || call("math_add", json!({ "a": 2, "b": 3 }));
    match (plan, turn) {
        ("math", 0) => vec![add()],
        ("keyed", 0) => vec![keyed(0), add(), keyed(1)],
        ("keyed", 1) => vec![keyed(2)],
        ("once", 0) => vec![once(0)],
        ("once", 1) => vec![once(1), add()],
        ("sleep", 0) => vec![call("time_sleep", json!({ "duration": "700ms" })), keyed(0)],
        ("signal", 0) => vec![call("signals_wait", json!({ "name": "go" }))],
        ("sleep" | "signal", 1) => vec![keyed(1)],
        ("state", 0) => vec![call("state_set", json!({ "key": run, "value": run }))],
        ("state", 1) => vec![call("state_get", json!({ "key": run }))],
        _ => Vec::new(),
    }
}

/// How many keyed calls a finished run has made, and how many that must not be repeated.
pub(crate) fn effects(plan: &str) -> (usize, usize) {
    let calls: Vec<_> = (0..8).flat_map(|at| turn(plan, "", at)).collect();
    let count = |tool| calls.iter().filter(|call| call.tool == tool).count();
    (count("count_keyed"), count("count_once"))
}

/// The final text of a run.
pub(crate) fn last_words(run: &str) -> String {
    format!("FINAL {run}")
}

fn call(tool: &'static str, arguments: Value) -> Call {
    Call { tool, arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_ends() {
        for plan in PLANS {
            assert!(!turn(plan, "r", 0).is_empty(), "{plan}");
            assert!(turn(plan, "r", 2).is_empty(), "{plan}");
        }
        assert_eq!(effects("keyed"), (3, 0));
        assert_eq!(effects("once"), (0, 2));
    }
}
