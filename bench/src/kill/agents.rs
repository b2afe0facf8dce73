//! The agents under load: one definition, whose behaviour the plan in the input decides.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use crate::http::Client;
use crate::plan::{CHILD, EVENT};

/// The agent's name.
pub(super) const NAME: &str = "kill";

/// Creates the agents, makes them live, and lets events start the second one.
pub(super) async fn deploy(client: &Client, tools: SocketAddr) -> Result<()> {
    for name in [CHILD, NAME] {
        client.post("/v1/agents", &json!({ "config": config(name, tools) })).await?;
        client.post(&format!("/v1/agents/{name}/deployments"), &json!({})).await?;
    }
    let trigger = json!({ "event": EVENT, "concurrency": "parallel", "input": { "$pointer": "/event/data/say" } });
    client.post("/v1/triggers", &json!({ "agent": CHILD, "config": trigger })).await?;
    Ok(())
}

fn config(name: &str, tools: SocketAddr) -> Value {
    let counting = |name: &str, path: &str, effect: &str| {
        json!({
            "name": format!("count.{name}"),
            "description": "Counts a call of a run.",
            "url": format!("http://{tools}/{path}"),
            "method": "POST",
            "effect": effect,
            "parameters": {
                "type": "object",
                "properties": { "run": { "type": "string" }, "n": { "type": "integer" } },
                "required": ["run", "n"],
            },
        })
    };
    json!({
        "name": name,
        "kind": "prompt",
        "model": "mock/planned",
        "instructions": "Do what the plan says.",
        "tools": ["math.add", "time.sleep", "signals.wait", "state.set", "state.get", "count.keyed", "count.once",
                  "count.asked", "agents.call", "events.emit"],
        "agents": [CHILD],
        // a person decides about each of these calls
        "approvals": [{ "tools": ["count.asked"], "expires": "1h" }],
        "limits": { "attempts": 1000 },
        "tool": [counting("keyed", "keyed", "keyed"), counting("once", "once", "at_most_once"),
                 counting("asked", "keyed", "keyed")],
    })
}
