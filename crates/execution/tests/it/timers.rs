//! Timers that come due together, of executions that are rows.

use std::time::{Duration, Instant};

use moltforge_api::executions::{ListExecutions, StartExecution};
use serde_json::json;

use super::world::World;

/// More than are read at a time.
const SLEEPERS: usize = 600;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_are_due_at_once_all_go_on() {
    for world in World::all().await {
        let sleep = json!({ "tool": "time.sleep", "arguments": { "duration": "2s" } });
        let config = json!({ "name": "sleeper", "kind": "prompt", "model": "scripted", "tools": ["time.sleep"],
                             "script": [{ "calls": [sleep] }, { "text": "done" }] });
        world.agent(&serde_json::from_value(config).expect("a valid configuration")).await;
        let node = world.node(world.journal.clone()).await;
        let starts = (0..SLEEPERS).map(|_| {
            let start = StartExecution { agent: "sleeper".into(), version: Some(1), ..StartExecution::default() };
            node.accept(&world.principal, start, None, Some(PATIENCE))
        });
        for started in futures::future::join_all(starts).await {
            assert_eq!(started.expect("accepted").execution.state, "suspended");
        }
        // nothing of them is in memory any more, and all are due at about the same time
        node.abandon().await;
        let node = world.node(world.journal.clone()).await;
        let began = Instant::now();
        let live = ListExecutions { state: Some("live".into()), ..ListExecutions::default() };
        loop {
            let page = node.list(world.principal.project_id, &live, None, 200).await.expect("listed");
            if page.items.is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{}: {:?}", world.backend, page.items.first());
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        node.drain().await;
    }
}
