//! How long a quiet project waits beside a loud one: `cargo run --release -p moltforge-execution --example fairness`.
//!
//! One project queues 10,000 executions (or as many as the first argument says) on a node with 16 slots; another starts one
//! every 25 ms. Shown is the time from each of its starts to its end, alone and beside the noise. Nothing is asserted:
//! times belong to the machine.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "shared/node.rs"]
mod node;

use std::time::{Duration, Instant};

use moltforge_execution::Config;
use moltforge_types::Principal;
use serde_json::json;

use node::{Failed, Node, figures, start};

const SLOTS: usize = 16;
/// Starts of the quiet project in each part.
const QUIET: usize = 200;
/// Starts of the loud project at a time.
const TOGETHER: usize = 64;
const BETWEEN: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let noise: usize = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    for store in moltforge_testing::stores().await {
        let config = Config { max_running: SLOTS, queue_age_seconds: 3_600, ..Config::default() };
        let node = Node::start(store.store(), config).await?;
        let script = json!([{ "text": "done", "delay": "100ms" }]);
        let (loud, still) = (node.project("noisy", script.clone()).await?, node.project("quiet", script).await?);
        let alone = quiet(&node, &still).await?;
        let began = Instant::now();
        for _ in 0..noise.div_ceil(TOGETHER) {
            let starts = (0..TOGETHER).map(|_| async {
                node.executions.accept(&loud, start()?, None, None).await?;
                Ok::<_, Failed>(())
            });
            futures::future::try_join_all(starts).await?;
        }
        let queued = node.executions.gauges().ready;
        let took = began.elapsed();
        let beside = quiet(&node, &still).await?;
        let left = node.executions.gauges().ready;
        println!("{}: {noise} starts of the loud project in {took:.1?}", store.backend);
        println!("  waiting when the quiet one began: {queued}, when it had ended: {left}");
        println!("  quiet project alone:          {}", figures(alone));
        println!("  quiet project beside the noise: {}", figures(beside));
        node.executions.abandon().await;
    }
    Ok(())
}

/// Starts one after the other, whether those before have ended or not, and says how long each took.
async fn quiet(node: &Node, principal: &Principal) -> Result<Vec<Duration>, Failed> {
    let mut tasks = Vec::new();
    for _ in 0..QUIET {
        let (executions, principal, start) = (node.executions.clone(), principal.clone(), start()?);
        tasks.push(tokio::spawn(async move {
            let began = Instant::now();
            let ended = executions.accept(&principal, start, None, Some(PATIENCE)).await;
            ended.map(|_| began.elapsed())
        }));
        tokio::time::sleep(BETWEEN).await;
    }
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await??);
    }
    Ok(times)
}
