//! The agents under load: one definition, whose behaviour the plan in the input decides.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use crate::http::Client;

/// The agent's name.
pub(super) const NAME: &str = "kill";

/// Creates the agent and makes it live.
pub(super) async fn deploy(client: &Client, tools: SocketAddr) -> Result<()> {
    client.post("/v1/agents", &json!({ "config": config(tools) })).await?;
    client.post(&format!("/v1/agents/{NAME}/deployments"), &json!({})).await?;
    Ok(())
}

fn config(tools: SocketAddr) -> Value {
    let counting = |name: &str, effect: &str| {
        json!({
            "name": format!("count.{name}"),
            "description": "Counts a call of a run.",
            "url": format!("http://{tools}/{name}"),
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
        "name": NAME,
        "kind": "prompt",
        "model": "mock/planned",
        "instructions": "Do what the plan says.",
        "tools": ["math.add", "time.sleep", "signals.wait", "state.set", "state.get", "count.keyed", "count.once"],
        "limits": { "attempts": 1000 },
        "tool": [counting("keyed", "keyed"), counting("once", "at_most_once")],
    })
}
