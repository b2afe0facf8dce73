//! After the last restart: everything comes to its end, with an operator's help where the rules ask for one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::hands;
use super::runs::{Run, Runs};
use crate::http::Client;
use crate::plan;

/// How long it may take.
const WITHIN: Duration = Duration::from_mins(3);

/// How long an event may take to start something when nothing else is at work.
const SETTLES: Duration = Duration::from_secs(20);

/// How it went.
pub(super) struct Drained {
    /// From the last restart's readiness to the last end.
    pub took: Duration,
    /// Executions that were paused and resumed, by reason.
    pub resumed: BTreeMap<String, u64>,
}

/// Waits until every event has started what it is to start: until then it is a row that nobody sees in a list.
pub(super) async fn started(client: &Client, runs: &Runs) -> Result<()> {
    let begun = Instant::now();
    let events =
        |run: &Run| (run.plan == "event").then(|| plan::event(&run.id).map(|(name, _)| name)).into_iter().flatten();
    let expected: BTreeSet<String> = runs.all().iter().flat_map(events).collect();
    while begun.elapsed() < WITHIN {
        let mut path = format!("/v1/executions?agent={}&limit=200", plan::CHILD);
        let mut missing = expected.clone();
        loop {
            let page = client.get(&path).await?;
            for item in page["items"].as_array().context("a list of executions")? {
                missing.remove(hands::told(item).unwrap_or_default());
            }
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/executions?agent={}&limit=200&cursor={next}", plan::CHILD);
        }
        // those whose run has not come so far are started later
        let live = client.get("/v1/executions?state=live&limit=1").await?;
        if missing.is_empty() || live["items"].as_array().is_some_and(Vec::is_empty) && begun.elapsed() > SETTLES {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
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
        // an approval may be asked for anew
        hands::approve(client, "state=pending", None).await;
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
