//! The agents of the measurements: scripted, so that the model costs nothing.

use serde_json::{Value, json};

/// Waits for the signal `go`, then ends.
pub(crate) fn waits_for_signal() -> Value {
    let wait = json!({ "tool": "signals.wait", "arguments": { "name": "go" } });
    json!({ "tools": ["signals.wait"], "limits": { "wall": "30d" }, "script": [{ "calls": [wait] }, { "text": "done" }] })
}

/// Sleeps so many seconds, then ends.
pub(crate) fn sleeps(seconds: usize) -> Value {
    let sleep = json!({ "tool": "time.sleep", "arguments": { "duration": format!("{seconds}s") } });
    json!({ "tools": ["time.sleep"], "limits": { "wall": "30d" }, "script": [{ "calls": [sleep] }, { "text": "done" }] })
}

/// Ends after so long.
pub(crate) fn takes(millis: usize) -> Value {
    json!({ "script": [{ "text": "done", "delay": format!("{millis}ms") }] })
}

/// A model and a tool so often in turns, then it waits for the signal `go`.
pub(crate) fn goes_on(turns: usize) -> Value {
    let add = json!({ "tool": "math.add", "arguments": { "a": 2, "b": 3 } });
    let wait = json!({ "tool": "signals.wait", "arguments": { "name": "go" } });
    json!({ "tools": ["math.add", "signals.wait"], "limits": { "turns": 10_000, "tool_calls": 50_000, "tokens": 1_000_000_000 },
            "script": [{ "calls": [add], "repeat": turns }, { "calls": [wait] }, { "text": "done" }] })
}

/// Calls another agent so often side by side and waits for all of them.
pub(crate) fn has_children(child: &str, count: usize) -> Value {
    let call = json!({ "tool": "agents.call", "arguments": { "agent": child, "input": {} } });
    json!({ "tools": ["agents.call"], "agents": [child], "limits": { "children": count.max(1) },
            "script": [{ "calls": vec![call; count] }, { "text": "done" }] })
}
