//! Holds and those who set them: at once, and on a node that does not own the shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_api::executions::StartExecution;
use moltforge_execution::{Config, Error, Readiness};
use moltforge_store::{Batch, CommitError, Journal, Membership, Reads};
use moltforge_types::execution::HoldMode;
use serde_json::json;

use super::world::{World, sample};

fn hello() -> StartExecution {
    StartExecution { agent: "hello".to_owned(), input: json!({ "name": "Ada" }), ..StartExecution::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_last_decides_for_rows_and_owners_alike() {
    for world in World::all().await {
        world.agent(&sample(&world.server, "hello").0).await;
        let node = world.node(world.journal.clone()).await;
        for round in 0..25 {
            node.hold(&world.principal, Some("hello"), HoldMode::Pause, None).await.expect("held");
            let (held, lifted) = tokio::join!(
                node.hold(&world.principal, Some("hello"), HoldMode::Pause, None),
                node.lift(&world.principal, Some("hello")),
            );
            held.expect("held");
            lifted.expect("lifted");
            let stands = !node.holds(world.principal.project_id).await.expect("listed").is_empty();
            let wait = Some(Duration::from_secs(5));
            let started = node.accept(&world.principal, hello(), None, wait).await.expect("accepted").execution;
            let expected = if stands { "paused" } else { "completed" };
            assert_eq!(started.state, expected, "{}, round {round}", world.backend);
        }
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_wait_for_the_end_of_a_pause_as_may_queue() {
    for world in World::all().await {
        world.agent(&sample(&world.server, "hello").0).await;
        let config = Config { max_queued_per_project: Some(2), ..Config::default() };
        let node = world.node_with(world.journal.clone(), config).await;
        let start = || node.accept(&world.principal, hello(), None, Some(Duration::from_secs(5)));
        node.hold(&world.principal, Some("hello"), HoldMode::Pause, None).await.expect("held");
        for _ in 0..2 {
            assert_eq!(start().await.expect("accepted").execution.state, "paused", "{}", world.backend);
        }
        let refused = start().await;
        assert!(matches!(refused, Err(Error::QueueFull { .. })), "{}: {refused:?}", world.backend);
        node.lift(&world.principal, Some("hello")).await.expect("lifted");
        assert_eq!(start().await.expect("accepted").execution.state, "completed", "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_switch_that_nobody_saw_through_is_seen_through_by_the_next_node() {
    for world in World::all().await {
        let config = json!({
            "name": "patient", "kind": "prompt", "model": "scripted", "tools": ["signals.wait"],
            "script": [{ "calls": [{ "tool": "signals.wait", "arguments": { "name": "go" } }] }, { "text": "done" }],
        });
        world.agent(&serde_json::from_value(config).expect("a configuration")).await;
        let node = world.node(world.journal.clone()).await;
        let request = || StartExecution { agent: "patient".to_owned(), ..StartExecution::default() };
        let wait = Some(Duration::from_secs(5));
        let cold = node.accept(&world.principal, request(), None, wait).await.expect("accepted").execution;
        assert_eq!(cold.state, "suspended");
        let other = node.accept(&world.principal, request(), None, wait).await.expect("accepted").execution;
        let id = |view: &moltforge_api::executions::Execution| view.execution_id.parse().expect("an id");
        node.pause(&world.principal, id(&other), None).await.expect("paused");
        node.drain().await;
        // the row was written, and whoever wrote it died
        let mut tx = world.store.begin().await.expect("a transaction");
        let mut holds = tx.holds(world.principal.project_id);
        holds.set(None, HoldMode::Kill, None, world.principal.actor).await.expect("written");
        tx.commit().await.expect("committed");
        let node = world.node(world.journal.clone()).await;
        for view in [&cold, &other] {
            let ended = async {
                while node.get(world.principal.project_id, id(view)).await.expect("there").state != "cancelled" {
                    // a real wait: looks again a moment later
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
            assert!(ended.is_ok(), "{}: {} was not killed", world.backend, view.state);
        }
        node.drain().await;
    }
}

/// A journal that takes nothing while it is told so.
struct Full {
    inner: Arc<dyn Journal>,
    is_full: AtomicBool,
}

#[async_trait]
impl Journal for Full {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(CommitError::Unavailable(moltforge_store::Error::Timeout));
        }
        self.inner.commit(batch).await
    }

    fn reads(&self) -> &dyn Reads {
        self.inner.reads()
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_missed_something_says_so_and_is_seen_through() {
    for world in World::all().await {
        let slow = json!({
            "name": "slow", "kind": "prompt", "model": "scripted", "tools": [],
            "script": [{ "text": "done", "delay": "10m" }],
        });
        world.agent(&serde_json::from_value(slow).expect("a configuration")).await;
        let journal = Arc::new(Full { inner: world.journal.clone(), is_full: AtomicBool::new(false) });
        let node = world.node(journal.clone()).await;
        let project_id = world.principal.project_id;
        for (mode, state) in [(HoldMode::Pause, "paused"), (HoldMode::Kill, "cancelled")] {
            let request = StartExecution { agent: "slow".to_owned(), ..StartExecution::default() };
            let started = node.accept(&world.principal, request, None, None).await.expect("accepted").execution;
            let id = started.execution_id.parse().expect("an id");
            let until = async |what: &str| {
                let reached = async {
                    while node.get(project_id, id).await.expect("there").state != what {
                        // a real wait: looks again a moment later
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
                assert!(reached.is_ok(), "{}, {mode}: it is not {what}", world.backend);
            };
            until("running").await;
            journal.is_full.store(true, Ordering::SeqCst);
            let (other, principal) = (node.clone(), world.principal.clone());
            let signal =
                tokio::spawn(async move { other.signal(&principal, id, "go".to_owned(), json!(1), None).await });
            while !matches!(node.readiness(), Readiness::Failing(_)) {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let receipt = node.hold(&world.principal, Some("slow"), mode, None).await.expect("held");
            assert!(receipt.open, "{}, {mode}: {receipt:?}", world.backend);
            journal.is_full.store(false, Ordering::SeqCst);
            until(state).await;
            // what came of it is not the question
            let _ = signal.await;
            node.lift(&world.principal, Some("slow")).await.expect("lifted");
        }
        node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_by_holds_nothing() {
    // on SQLite there is one node
    for world in World::all().await.into_iter().filter(|world| world.backend == "postgres") {
        world.agent(&sample(&world.server, "hello").0).await;
        let node = world.node(world.journal.clone()).await;
        let other = world.begin_node(world.store.journal().expect("the journal opens"), Config::default());
        let refused = other.hold(&world.principal, None, HoldMode::Kill, None).await;
        assert!(matches!(refused, Err(Error::ShardUnowned)), "{refused:?}");
        assert!(node.holds(world.principal.project_id).await.expect("listed").is_empty());
        node.hold(&world.principal, None, HoldMode::Pause, None).await.expect("held");
        assert!(matches!(other.lift(&world.principal, None).await, Err(Error::ShardUnowned)));
        node.drain().await;
        // what stands is known to whoever comes after
        tokio::time::timeout(Duration::from_secs(20), other.ready()).await.expect("the other takes over");
        let wait = Some(Duration::from_secs(5));
        let started = other.accept(&world.principal, hello(), None, wait).await.expect("accepted").execution;
        assert_eq!(started.reason.as_deref(), Some("held"));
        other.drain().await;
    }
}
