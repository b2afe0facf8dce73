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
pub(crate) const PLANS: [&str; 12] =
    ["math", "keyed", "once", "sleep", "signal", "state", "tree", "ask", "pause", "cancel", "kill", "event"];

/// The agent that is started by others and by events. It does what it is told as well.
pub(crate) const CHILD: &str = "kill-child";

/// The type of the events that start one.
pub(crate) const EVENT: &str = "kill.told";

/// The calls of turn `turn` (from 0) of a run; empty when the final text is due.
pub(crate) fn turn(plan: &str, run: &str, turn: usize) -> Vec<Call> {
    let keyed = |n: u32| call("count_keyed", json!({ "run": run, "n": n }));
    let once = |n: u32| call("count_once", json!({ "run": run, "n": n }));
    let add = || call("math_add", json!({ "a": 2, "b": 3 }));
    let children = || {
        let tell = |(name, plan): (String, &str)| format!("run:{name} plan:{plan}");
        let told = children(plan, run).into_iter().map(tell);
        told.map(|input| call("agents_call", json!({ "agent": CHILD, "input": input }))).collect()
    };
    match (plan, turn) {
        ("math", 0) => vec![add()],
        ("keyed", 0) => vec![keyed(0), add(), keyed(1)],
        ("keyed", 1) => vec![keyed(2)],
        ("once", 0) => vec![once(0)],
        ("once", 1) => vec![once(1), add()],
        ("sleep", 0) => vec![call("time_sleep", json!({ "duration": "700ms" })), keyed(0)],
        ("signal" | "pause", 0) => vec![call("signals_wait", json!({ "name": "go" }))],
        ("sleep" | "signal" | "ask", 1) => vec![keyed(1)],
        ("state", 0) => vec![call("state_set", json!({ "key": run, "value": run }))],
        ("state", 1) => vec![call("state_get", json!({ "key": run }))],
        ("tree" | "kill", 0) => children(),
        ("tree" | "pause", 1) => vec![keyed(0)],
        ("ask", 0) => vec![call("count_asked", json!({ "run": run, "n": 0 }))],
        ("cancel", 0) => vec![keyed(0), keyed(1)],
        // these end by a command alone
        ("cancel" | "kill", 1) => vec![call("signals_wait", json!({ "name": "never" }))],
        ("busy", 0..12) => {
            vec![keyed(u32::try_from(turn).unwrap_or(0)), call("time_sleep", json!({ "duration": "250ms" }))]
        }
        ("event", 0) => {
            let [(name, plan)] = event(run);
            vec![call("events_emit", json!({ "type": EVENT, "data": { "say": format!("run:{name} plan:{plan}") } }))]
        }
        _ => Vec::new(),
    }
}

/// What a run starts by calls: names and plans.
pub(crate) fn children(plan: &str, run: &str) -> Vec<(String, &'static str)> {
    match plan {
        "tree" => vec![(format!("{run}-c0"), "keyed"), (format!("{run}-c1"), "sleep")],
        "kill" => vec![(format!("{run}-c0"), "busy"), (format!("{run}-c1"), "busy")],
        _ => Vec::new(),
    }
}

/// What the event of a run starts.
pub(crate) fn event(run: &str) -> [(String, &'static str); 1] {
    [(format!("{run}-e"), "keyed")]
}

/// Whether a run comes to its end only because somebody stops it.
pub(crate) fn is_stopped(plan: &str) -> bool {
    matches!(plan, "cancel" | "kill")
}

/// How many keyed calls a finished run has made, and how many that must not be repeated.
pub(crate) fn effects(plan: &str) -> (usize, usize) {
    let calls: Vec<_> = (0..16).flat_map(|at| turn(plan, "", at)).collect();
    let count = |tool| calls.iter().filter(|call| call.tool == tool).count();
    (count("count_keyed") + count("count_asked"), count("count_once"))
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
        assert_eq!((effects("ask"), effects("busy")), ((2, 0), (12, 0)));
        let named = |call: &Call| call.arguments["input"].as_str().map(str::to_owned);
        let told: Vec<_> = turn("tree", "r7", 0).iter().filter_map(named).collect();
        assert_eq!(told, ["run:r7-c0 plan:keyed", "run:r7-c1 plan:sleep"]);
    }
}
