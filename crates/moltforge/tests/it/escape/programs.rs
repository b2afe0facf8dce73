//! Programs of a stranger that want what the owner has.

use serde_json::{Value, json};

use super::sides::{Side, Sides};
use super::{Report, Words};

const WORDS: Words = Words {
    expected: "the stranger's program gets its own, or nothing",
    control: "a program of the owner's project gets it by the same lines",
};

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    let set = "await c.state.set('secret', 'canary'); return 1";
    assert_eq!(sides.owner.tries(set, json!({})).await, 1);
    for (name, tried, lines) in [
        (
            "read a state",
            "a program reads a key that the other project's agent of this name has",
            "return await c.state.get('secret')",
        ),
        (
            "read a state by a path",
            "the same, by a key with a path in it",
            "return (await c.state.get('../tries/secret').catch(() => null)) ?? (await c.state.get('secret'))",
        ),
    ] {
        let read = |side: &'static str| async move {
            let side = if side == "owner" { &sides.owner } else { &sides.stranger };
            side.tries(lines, json!({})).await == json!("canary")
        };
        report.add(name, "neighbours", tried, &WORDS, read("stranger").await, read("owner").await);
    }
    changes(sides, report).await;
    children(sides, report).await;
    events(sides, report).await;
}

/// Writes and deletions: what the owner sees afterwards.
async fn changes(sides: &Sides, report: &mut Report) {
    for (name, tried, lines) in [
        ("change a state", "a program sets a key that the other project has", "await c.state.set('secret', 'changed')"),
        ("delete a state", "a program deletes a key that the other project has", "await c.state.delete('secret')"),
    ] {
        let changed = |side: &'static str| async move {
            let side = if side == "owner" { &sides.owner } else { &sides.stranger };
            sides.owner.tries("await c.state.set('secret', 'canary')", json!({})).await;
            side.tries(lines, json!({})).await;
            sides.owner.tries("return await c.state.get('secret')", json!({})).await != json!("canary")
        };
        report.add(name, "neighbours", tried, &WORDS, changed("stranger").await, changed("owner").await);
    }
}

/// Agents and executions of the other project, by name and by id.
async fn children(sides: &Sides, report: &mut Report) {
    let got = |output: &Value| output["execution_id"].is_string();
    let start = "return await c.agents.start('victim', {})";
    let (attempt, control) = (sides.stranger.tries(start, json!({})).await, sides.owner.tries(start, json!({})).await);
    let tried = "a program starts an agent that only the other project has";
    report.add("start an agent", "neighbours", tried, &WORDS, got(&attempt), got(&control));

    let ended = sides.owner.run("echo", json!({ "echo": "canary" })).await.execution_id;
    let wait = "const own = (await c.agents.start('echo', { echo: 'canary' })).execution_id;
        return JSON.stringify(await c.agents.wait(i.id ?? own))";
    let got = |output: &Value| output.as_str().is_some_and(|text| text.contains("canary"));
    let attempt = sides.stranger.tries(wait, json!({ "id": ended })).await;
    let control = sides.owner.tries(wait, json!({})).await;
    let words = Words { control: "a program waits for its own child, and hears what that said", ..WORDS };
    let tried = "a program waits for an execution of the other project, by its id";
    report.add("wait for an execution", "neighbours", tried, &words, got(&attempt), got(&control));

    let attempt = sides.owner.tries(wait, json!({ "id": ended })).await;
    let tried = "a program waits for an execution of its project that it did not start";
    report.add("wait for somebody else's child", "neighbours", tried, &words, got(&attempt), got(&control));
}

/// An event of one project does not start agents of the other.
async fn events(sides: &Sides, report: &mut Report) {
    let trigger = json!({ "name": "on-canary", "event": "canary.sung" });
    let deployed = json!({ "triggers": [trigger] });
    sides.owner.deploy("listener", &deployed, "export default input => input").await;
    let started = |who: &'static str| async move {
        let (side, looks): (&Side, u32) = if who == "owner" { (&sides.owner, 300) } else { (&sides.stranger, 20) };
        side.tries("await c.events.emit('canary.sung', { from: 1 }); return 1", json!({})).await;
        // who must not be heard is waited for a while, who must be for longer than it takes
        for _ in 0..looks {
            let list = sides.owner.http.get("/v1/executions?agent=listener").await.value();
            if list["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return true;
            }
            // a real wait: triggers are looked at in the background
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        false
    };
    let words = Words { control: "an event of the same project starts it", ..WORDS };
    let tried = "a program emits the event that an agent of the other project waits for";
    report.add(
        "start an agent by an event",
        "neighbours",
        tried,
        &words,
        started("stranger").await,
        started("owner").await,
    );
}
