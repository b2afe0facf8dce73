//! After the last restart: everything comes to its end, with an operator's help where the rules ask for one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::http::Client;

/// How long it may take.
const WITHIN: Duration = Duration::from_mins(3);

/// How it went.
pub(super) struct Drained {
    /// From the last restart's readiness to the last end.
    pub took: Duration,
    /// Executions that were paused and resumed, by reason.
    pub resumed: BTreeMap<String, u64>,
}

/// Waits until no execution is live. A paused one is resumed: calls whose outcome is unknown are given up, as the
/// harness's tool must not be called twice.
pub(super) async fn to_the_end(client: &Client) -> Result<Drained> {
    let begun = Instant::now();
    let mut resumed = BTreeMap::new();
    loop {
        let live = client.get("/v1/executions?state=live&limit=200").await?;
        let live = live["items"].as_array().cloned().context("a list of executions")?;
        if live.is_empty() {
            return Ok(Drained { took: begun.elapsed(), resumed });
        }
        for execution in live.iter().filter(|execution| execution["state"] == "paused") {
            let reason = execution["reason"].as_str().unwrap_or("none").to_owned();
            resume(client, execution, &reason).await?;
            *resumed.entry(reason).or_default() += 1;
        }
        if begun.elapsed() > WITHIN {
            let states: Vec<_> = live.iter().map(|one| format!("{} {}", one["execution_id"], one["state"])).collect();
            bail!("{} executions are stuck, among them {}", live.len(), states[..states.len().min(5)].join(", "));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn resume(client: &Client, execution: &Value, reason: &str) -> Result<()> {
    let path = format!("/v1/executions/{}/resume", execution["execution_id"].as_str().unwrap_or_default());
    let body = if reason == "effect_unknown" { json!({ "unknown_effects": "fail" }) } else { json!({}) };
    let response = client.send("POST", &path, "", body.to_string().as_bytes()).await?;
    // somebody else's change came first
    if !response.good() && response.status != 409 {
        bail!("POST {path}: {} {}", response.status, response.text());
    }
    Ok(())
}
