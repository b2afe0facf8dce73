//! What suspended executions cost, and how fast one of them wakes:
//! `cargo run --release -p moltforge-execution --example suspended -- 1000000`.
//!
//! That many executions (100,000 without an argument) are started on SQLite, wait for a signal, and are left alone. Shown
//! is what they take in memory and on disk, how long a node takes to start with them there, and the time from a signal to
//! the end of the execution that it wakes, beside the time of a signal that wakes nobody: one commit. Nothing is asserted:
//! times belong to the machine.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "shared/node.rs"]
mod node;

use std::time::{Duration, Instant};

use moltforge_execution::{Config, Executions};
use moltforge_types::{ExecutionId, Principal};
use serde_json::{Value, json};

use node::{Failed, Node, figures, start};

/// Starts at a time.
const TOGETHER: usize = 256;
/// Signals of each kind.
const SIGNALS: usize = 300;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let test = moltforge_testing::store_sqlite().await;
    let node = Node::start(test.store(), Config::default()).await?;
    let wait = json!({ "tool": "signals.wait", "arguments": { "name": "go" } });
    let script = json!([{ "calls": [wait] }, { "text": "done" }]);
    let principal = node.project("waiting", script).await?;

    let began = Instant::now();
    let mut some = Vec::new();
    for _ in 0..count.div_ceil(TOGETHER) {
        let starts = (0..TOGETHER).map(|_| async {
            let started = node.executions.accept(&principal, start()?, None, Some(PATIENCE)).await?;
            Ok::<_, Failed>(started.execution.execution_id)
        });
        let ids = futures::future::try_join_all(starts).await?;
        some.extend(ids.into_iter().take(1));
    }
    let took = began.elapsed();
    let count = count.div_ceil(TOGETHER) * TOGETHER;
    println!("{count} executions started and suspended in {took:.1?}");
    println!("  memory of the process: {} MiB", resident()?);
    node.executions.drain().await;

    let began = Instant::now();
    let node = Node::start(test.store(), Config::default()).await?;
    println!("  a node started in {:.1?} with them there", began.elapsed());

    let mut ids = some.iter().cycle().map(|id| id.parse::<ExecutionId>());
    let (mut idle, mut woken) = (Vec::new(), Vec::new());
    for _ in 0..SIGNALS {
        let Some(id) = ids.next().transpose()? else { break };
        // the first reads it from its journal
        signal(&node.executions, &principal, id, "another").await?;
        idle.push(signal(&node.executions, &principal, id, "another").await?);
    }
    for id in some.iter().take(SIGNALS) {
        let id: ExecutionId = id.parse()?;
        let began = Instant::now();
        signal(&node.executions, &principal, id, "go").await?;
        until_ended(&node.executions, &principal, id).await?;
        woken.push(began.elapsed());
    }
    println!("  a signal that wakes nobody (one commit):         {}", figures(idle));
    println!("  from a signal to the end (two commits, a model): {}", figures(woken));
    println!("  memory of the process: {} MiB", resident()?);
    Ok(())
}

async fn signal(node: &Executions, principal: &Principal, id: ExecutionId, name: &str) -> Result<Duration, Failed> {
    let began = Instant::now();
    node.signal(principal, id, name.to_owned(), Value::Null, None).await?;
    Ok(began.elapsed())
}

async fn until_ended(node: &Executions, principal: &Principal, id: ExecutionId) -> Result<(), Failed> {
    while node.get(principal.project_id, id).await?.finished_at.is_none() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}

/// Resident memory, MiB; zero where the system does not say.
fn resident() -> Result<u64, Failed> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
}
