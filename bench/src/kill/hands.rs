//! What a client does to a run that it has started: each command is repeated until it is answered, whatever dies meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::runs::Runs;
use crate::chance::Chance;
use crate::http::Client;

/// Looks at a run that must not move.
const LOOKS: u32 = 4;
/// How long a question is waited for: longer than any restart takes.
const ASKS: u32 = 1500;

/// Whether somebody has a hand in a plan: its start is not waited for.
pub(super) fn has_a_hand(plan: &str) -> bool {
    matches!(plan, "signal" | "ask" | "pause" | "cancel" | "kill")
}

pub(super) async fn lend(runs: &Runs, client: &Client, chance: &Chance, id: &str, plan: &str, execution: &str) {
    let path = |command: &str| format!("/v1/executions/{execution}/{command}");
    match plan {
        "signal" => signal(runs, client, id, &path("signals")).await,
        "ask" => decide(runs, client, id, execution).await,
        "pause" => {
            tokio::time::sleep(chance.millis(0, 200)).await;
            if runs.until_answered(client, &path("pause"), "", b"{}").await.is_none() {
                return;
            }
            is_held(runs, client, id, execution).await;
            // what it waits for comes, and it stays
            signal(runs, client, id, &path("signals")).await;
            is_held(runs, client, id, execution).await;
            runs.until_answered(client, &path("resume"), "", b"{}").await;
        }
        "cancel" | "kill" => {
            tokio::time::sleep(chance.millis(0, 700)).await;
            if runs.until_answered(client, &path(plan), "", b"{}").await.is_some() {
                runs.stopped(id);
            }
        }
        _ => {}
    }
}

async fn signal(runs: &Runs, client: &Client, id: &str, path: &str) {
    let headers = format!("idempotency-key: {id}-go\r\n");
    let body = json!({ "name": "go", "payload": { "run": id } }).to_string();
    runs.until_answered(client, path, &headers, body.as_bytes()).await;
}

/// Its pause was acknowledged and nobody has resumed it.
async fn is_held(runs: &Runs, client: &Client, id: &str, execution: &str) {
    for _ in 0..LOOKS {
        if let Ok(view) = client.get(&format!("/v1/executions/{execution}")).await
            && view["state"] != "paused"
        {
            runs.breaks(format!("{id} ({execution}) is {} after its pause was acknowledged", view["state"]));
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Approves what the run asks.
async fn decide(runs: &Runs, client: &Client, id: &str, execution: &str) {
    for _ in 0..ASKS {
        if approve(client, &format!("state=pending&execution={execution}"), Some(runs)).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    runs.note(format!("{id} ({execution}): it never asked"));
}

/// Approves what a list of approvals holds; how many were answered.
pub(super) async fn approve(client: &Client, which: &str, runs: Option<&Runs>) -> usize {
    let Ok(page) = client.get(&format!("/v1/approvals?{which}")).await else { return 0 };
    let mut answered = 0;
    for approval in page["items"].as_array().map_or(&[][..], Vec::as_slice) {
        let path = format!("/v1/approvals/{}/decision", approval["approval_id"].as_str().unwrap_or_default());
        let decision = json!({ "decision": "approve", "call_sha256": approval["call_sha256"] }).to_string();
        let sent = match runs {
            Some(runs) => runs.until_answered(client, &path, "", decision.as_bytes()).await.is_some(),
            None => client.send("POST", &path, "", decision.as_bytes()).await.is_ok(),
        };
        answered += usize::from(sent);
    }
    answered
}

/// What a run was told: its input.
pub(super) fn told(execution: &Value) -> Option<&str> {
    execution["input"].as_str()?.strip_prefix("run:")?.split(' ').next()
}
