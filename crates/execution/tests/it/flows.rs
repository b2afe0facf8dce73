//! The service as the API uses it.

use std::time::Duration;

use moltforge_api::executions::{ListExecutions, StartExecution};
use moltforge_execution::{Config, Error};
use moltforge_types::ExecutionId;
use serde_json::{Value, json};

use super::world::{World, sample};

fn start(agent: &str, input: Value) -> StartExecution {
    StartExecution { agent: agent.to_owned(), input, version: Some(1), ..StartExecution::default() }
}

const WAIT: Option<Duration> = Some(Duration::from_secs(20));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_starts_one_execution_however_often_it_is_sent() {
    for world in World::all().await {
        world.agent(&sample(&world.server, "hello").0).await;
        let node = world.node(world.journal.clone()).await;
        let ask = || node.accept(&world.principal, start("hello", json!({"name": "Ada"})), Some("k".into()), WAIT);
        let all = futures::future::join_all((0..20).map(|_| ask())).await;
        let ids: Vec<_> = all.iter().map(|s| s.as_ref().expect("accepted").execution.execution_id.clone()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{}", world.backend);
        assert_eq!(all.iter().filter(|s| s.as_ref().expect("accepted").created).count(), 1);
        let other = node.accept(&world.principal, start("hello", json!({"name": "Bob"})), Some("k".into()), None).await;
        assert!(matches!(other, Err(Error::IdempotencyKeyReused(_))), "{other:?}");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_executions_than_slots_wait_and_all_end() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "calculator");
        world.agent(&config).await;
        let node = world.node_with(world.journal.clone(), Config { max_running: 3, ..Config::default() }).await;
        let all = (0..60).map(|_| node.accept(&world.principal, start(&config.name, input.clone()), None, WAIT));
        for started in futures::future::join_all(all).await {
            assert_eq!(started.expect("accepted").execution.state, "completed", "{}", world.backend);
        }
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_projects_see_nothing() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "hello");
        world.agent(&config).await;
        let node = world.node(world.journal.clone()).await;
        let view = node.accept(&world.principal, start("hello", input), None, WAIT).await.expect("accepted").execution;
        let id: ExecutionId = view.execution_id.parse().expect("an id");
        let mut stranger = world.principal.clone();
        stranger.project_id = world.ambient.id();
        assert!(matches!(node.get(stranger.project_id, id).await, Err(Error::ExecutionNotFound(_))));
        assert!(matches!(node.cancel(&stranger, id, None).await, Err(Error::ExecutionNotFound(_))));
        assert!(matches!(node.steps(stranger.project_id, id).await, Err(Error::ExecutionNotFound(_))));
        let list = node.list(stranger.project_id, &ListExecutions::default(), None, 10).await.expect("a page");
        assert!(list.items.is_empty());
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_input_must_fit_its_schema() {
    for world in World::all().await {
        let (config, _) = sample(&world.server, "hello");
        world.agent(&config).await;
        let node = world.node(world.journal.clone()).await;
        let refused = node.accept(&world.principal, start("hello", json!({"name": 7})), None, None).await;
        assert!(matches!(refused, Err(Error::InputInvalid(_))), "{refused:?}");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_execution_stays_held_over_a_restart() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "countdown");
        world.agent(&config).await;
        let node = world.node(world.journal.clone()).await;
        let view = node.accept(&world.principal, start(&config.name, input), None, None).await.expect("accepted");
        let id: ExecutionId = view.execution.execution_id.parse().expect("an id");
        let paused = node.pause(&world.principal, id, Some("look".into())).await.expect("paused");
        assert_eq!((paused.state.as_str(), paused.reason.as_deref()), ("paused", Some("operator")));
        node.abandon().await;
        let node = world.node(world.journal.clone()).await;
        assert_eq!(node.get(world.principal.project_id, id).await.expect("there").state, "paused");
        let again = node.resume(&world.principal, id, None).await.expect("resumed");
        assert_ne!(again.state, "paused");
        let cancelled = node.cancel(&world.principal, id, None).await.expect("cancelled");
        assert_eq!(cancelled.state, "cancelled");
        node.drain().await;
    }
}
