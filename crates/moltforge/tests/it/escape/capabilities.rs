//! Tools that an agent file does not list.

use serde_json::{Value, json};

use super::sides::Sides;
use super::{Report, Words};

/// A tool, and a call of it that would do.
const CALLS: &[(&str, &str)] = &[
    ("agents.call", "c.agents.call('echo', 1)"),
    ("agents.start", "c.agents.start('echo', 1)"),
    ("agents.wait", "c.agents.start('echo', 1).then(one => c.agents.wait(one))"),
    ("approvals.request", "c.approvals.request('may I?')"),
    ("events.emit", "c.events.emit('x.y')"),
    ("http.fetch", "fetch(i.url)"),
    ("math.add", "c.tools.call('math.add', { a: 1, b: 2 })"),
    ("signals.wait", "c.signals.wait('x')"),
    ("state.delete", "c.state.delete('x')"),
    ("state.get", "c.state.get('x')"),
    ("state.set", "c.state.set('x', 1)"),
    ("time.now", "c.tools.call('time.now', {})"),
    ("time.sleep", "c.timers.sleep('10ms')"),
];

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    let words = Words {
        expected: "the call is answered with an error; nothing happens",
        control: "an agent that lists it makes the same call",
    };
    let url = format!("http://127.0.0.1:{}/", sides.permitted.port);
    // what waits for somebody has been accepted
    let made = |agent: &'static str, call: &'static str| {
        let lines = format!(
            "return await Promise.race([{call}.then(() => 'mine'), new Promise(r => setTimeout(r, 400, 'mine'))])"
        );
        let url = url.clone();
        async move { sides.owner.lines(agent, &lines, json!({ "url": url })).await == json!("mine") }
    };
    for (tool, call) in CALLS {
        let tried = format!("`{call}` of an agent that lists no tool");
        let (attempt, control) = (made("bare", call).await, made("tries", call).await);
        report.add(&format!("call {tool}"), "capabilities", &tried, &words, attempt, control);
    }
    for (what, call) in [
        ("a tool of nobody", "c.tools.call('os.exec', { command: 'id' })"),
        ("a tool of another agent", "c.tools.call('weather.today', { city: 'Rome' })"),
        ("a timer as a tool", "c.tools.call('timers', { ms: 1 })"),
        ("the prototype as a tool", "c.tools.call('constructor', {})"),
        ("a model without one", "c.llm.complete('hello')"),
        ("a tool in capital letters", "c.tools.call('MATH.ADD', { a: 1, b: 2 })"),
    ] {
        let tried = format!("`{call}` of an agent that lists every tool");
        let words = Words { control: "a call of a tool that is listed", ..words };
        let (attempt, control) =
            (made("tries", call).await, made("tries", "c.tools.call('math.add', { a: 1, b: 2 })").await);
        report.add(&format!("call {what}"), "capabilities", &tried, &words, attempt, control);
    }
    arguments(sides, report).await;
}

/// Arguments that a tool's schema does not have.
async fn arguments(sides: &Sides, report: &mut Report) {
    let words = Words { expected: "the arguments are refused, nothing happens", control: "good arguments are taken" };
    for (what, tool, bad, good) in [
        ("a key of another agent", "state.get", json!({ "key": "x", "agent": "victim" }), json!({ "key": "x" })),
        ("a project", "state.get", json!({ "key": "x", "project_id": "prj_1" }), json!({ "key": "x" })),
        ("a key that is no text", "state.get", json!({ "key": { "$ne": null } }), json!({ "key": "x" })),
        ("a key with NUL", "state.get", json!({ "key": "a\u{0}b" }), json!({ "key": "ab" })),
        ("a key of a megabyte", "state.get", json!({ "key": "k".repeat(900_000) }), json!({ "key": "k" })),
        (
            "a large value",
            "state.set",
            json!({ "key": "x", "value": "v".repeat(900_000) }),
            json!({ "key": "x", "value": "v" }),
        ),
        ("a sleep of a thousand years", "time.sleep", json!({ "duration": "365000d" }), json!({ "duration": "1ms" })),
        ("a negative sleep", "time.sleep", json!({ "duration": "-1s" }), json!({ "duration": "1ms" })),
        (
            "the event of the server itself",
            "events.emit",
            json!({ "type": "io.moltforge.execution.completed" }),
            json!({ "type": "x.y" }),
        ),
        (
            "the short name of an event of the server",
            "events.emit",
            json!({ "type": "execution.completed" }),
            json!({ "type": "completed.execution" }),
        ),
        (
            "a large event",
            "events.emit",
            json!({ "type": "x.y", "data": "d".repeat(100_000) }),
            json!({ "type": "x.y", "data": "d" }),
        ),
        ("numbers that are texts", "math.add", json!({ "a": "1", "b": "2" }), json!({ "a": 1, "b": 2 })),
    ] {
        let taken = |arguments: Value| async move {
            let lines = "return await c.tools.call(i.tool, JSON.parse(i.arguments)).then(() => 'mine')";
            sides.owner.tries(lines, json!({ "tool": tool, "arguments": arguments.to_string() })).await == json!("mine")
        };
        let tried = format!("`{tool}` with {what}");
        report.add(&format!("call with {what}"), "capabilities", &tried, &words, taken(bad).await, taken(good).await);
    }
}
