//! Long lives: forks, replays, snapshots, damage, archive and retention, through the service.

use std::time::Duration;

use moltforge_api::executions::{ForkExecution, ListExecutions, ReplayExecution, StartExecution};
use moltforge_execution::{Config, Error, Executions, Retention};
use moltforge_types::ExecutionId;
use serde_json::{Value, json};

use super::world::{World, sample};

const WAIT: Option<Duration> = Some(Duration::from_secs(20));

fn id(text: &str) -> ExecutionId {
    text.parse().expect("an id")
}

async fn ended(world: &World, node: &Executions, agent: &str) -> ExecutionId {
    let request: StartExecution =
        serde_json::from_value(json!({ "agent": agent, "version": 1 })).expect("a valid request");
    let view = node.accept(&world.principal, request, None, WAIT).await.expect("accepted").execution;
    assert_eq!(view.state, "completed", "{:?}", view.error);
    id(&view.execution_id)
}

async fn state_at_end(world: &World, node: &Executions, id: ExecutionId) -> String {
    for _ in 0..2_000 {
        let view = node.get(world.principal.project_id, id).await.expect("there");
        if view.finished_at.is_some() {
            return view.state;
        }
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{id} does not end")
}

async fn effects(world: &World) -> Places {
    let (config, _) = sample(&world.server, "effects");
    world.agent(&config).await;
    Places { steps: vec![1, 4, 7, 10] }
}

/// Where the sample `effects` can be cut.
struct Places {
    steps: Vec<u32>,
}

async fn replays(world: &World, node: &Executions, id: ExecutionId) {
    let replayed = node.replay(world.principal.project_id, id, ReplayExecution::default()).await.expect("replayed");
    assert!(replayed.identical, "{replayed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_repeats_nothing_before_its_step() {
    for world in World::all().await {
        let places = effects(&world).await.steps;
        let node = world.node(world.journal.clone()).await;
        let original = ended(&world, &node, "effects").await;
        let before = world.server.total();
        let own = world.journal_of(original).await;
        // book, pay, book: as many of them come after each place
        for (step, calls) in places.iter().zip([4, 2, 1, 0]) {
            let (all, body) = (world.server.total(), ForkExecution { at_step: *step, ..ForkExecution::default() });
            let key = Some(format!("fork {step}"));
            let forked = node.fork(&world.principal, original, body.clone(), key.clone()).await.expect("forked");
            assert!(forked.created);
            let new = id(&forked.execution.execution_id);
            assert_eq!(state_at_end(&world, &node, new).await, "completed");
            assert_eq!(world.server.total() - all, calls, "{} step {step}", world.backend);
            replays(&world, &node, new).await;
            // once more with the same key: the same one
            let again = node.fork(&world.principal, original, body.clone(), key).await.expect("the same");
            assert_eq!((again.created, id(&again.execution.execution_id)), (false, new));
            // a fork of the fork
            let second = node.fork(&world.principal, new, body, None).await.expect("forked again");
            let second = id(&second.execution.execution_id);
            assert_eq!(state_at_end(&world, &node, second).await, "completed");
            replays(&world, &node, second).await;
        }
        assert!(before > 0);
        assert_eq!(world.journal_of(original).await, own, "the original is as it was");
        for step in [0, 2, 99] {
            let body = ForkExecution { at_step: step, ..ForkExecution::default() };
            let refused = node.fork(&world.principal, original, body, None).await;
            assert!(matches!(&refused, Err(Error::ForkStepInvalid { steps, .. }) if steps.len() == 4), "{refused:?}");
        }
        let mut stranger = world.principal.clone();
        stranger.project_id = world.ambient.id();
        let body = ForkExecution { at_step: 1, ..ForkExecution::default() };
        assert!(matches!(node.fork(&stranger, original, body, None).await, Err(Error::ExecutionNotFound(_))));
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_deleted_agent_is_forked() {
    for world in World::all().await {
        effects(&world).await;
        let node = world.node(world.journal.clone()).await;
        let original = ended(&world, &node, "effects").await;
        let (project, fork) =
            (world.principal.project_id, |version| ForkExecution { at_step: 1, version, ..ForkExecution::default() });
        let key = Some("before".to_owned());
        let before = node.fork(&world.principal, original, fork(None), key.clone()).await.expect("forked");
        state_at_end(&world, &node, id(&before.execution.execution_id)).await;
        let agent_id = before.execution.agent_id.parse().expect("an id");
        let mut tx = world.store.begin().await.expect("a transaction");
        tx.agents(project).set_deleted(agent_id).await.expect("deleted");
        tx.commit().await.expect("committed");
        for version in [None, Some(1)] {
            let refused = node.fork(&world.principal, original, fork(version), None).await;
            assert!(matches!(refused, Err(Error::AgentDeleted(_))), "{} {version:?}: {refused:?}", world.backend);
        }
        let again = node.fork(&world.principal, original, fork(None), key).await.expect("the same answer");
        assert_eq!(again.execution.execution_id, before.execution.execution_id);
        replays(&world, &node, original).await;
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_is_packed_and_deleted_and_reads_the_same_until_then() {
    for world in World::all().await {
        effects(&world).await;
        let retention = Retention { hot: Duration::ZERO, completed: Duration::from_hours(1), ..Retention::default() };
        let config = Config { retention, ..Config::default() };
        let node = world.node_with(world.journal.clone(), config).await;
        let project = world.principal.project_id;
        let original = ended(&world, &node, "effects").await;
        let (journal, steps) = (world.journal_of(original).await, node.steps(project, original).await.expect("steps"));
        let cleaned = node.clean_up().await.expect("cleaned");
        assert_eq!((cleaned.archived, cleaned.purged), (1, 0), "{}", world.backend);
        assert_eq!(world.journal_of(original).await, journal);
        let again = node.steps(project, original).await.expect("steps");
        assert_eq!(serde_json::to_value(again).ok(), serde_json::to_value(steps).ok());
        replays(&world, &node, original).await;
        let body = ForkExecution { at_step: 4, ..ForkExecution::default() };
        let forked = node.fork(&world.principal, original, body, None).await.expect("forked from the archive");
        assert_eq!(state_at_end(&world, &node, id(&forked.execution.execution_id)).await, "completed");
        node.drain().await;
        // its time is over: everything goes, the key as well
        let retention = Retention { hot: Duration::ZERO, completed: Duration::ZERO, ..Retention::default() };
        let node = world.node_with(world.journal.clone(), Config { retention, ..Config::default() }).await;
        let cleaned = node.clean_up().await.expect("cleaned");
        assert_eq!((cleaned.archived, cleaned.purged), (1, 2), "{}", world.backend);
        assert!(matches!(node.get(project, original).await, Err(Error::ExecutionNotFound(_))));
        assert!(node.list(project, &ListExecutions::default(), None, 10).await.expect("a page").items.is_empty());
        let (orphans, _) = world.store.retention().orphans(world.ambient.now(), "", 10_000).await.expect("read");
        assert_eq!(orphans, moltforge_store::Orphans::default());
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_of_the_janitor_does_everything_but_what_cannot_be_read() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "heartbeat");
        world.agent(&config).await;
        let retention = Retention { hot: Duration::ZERO, completed: Duration::ZERO, ..Retention::default() };
        let node = world.node_with(world.journal.clone(), Config { retention, ..Config::default() }).await;
        let all = (0..450).map(|_| {
            let agent = config.name.clone();
            let request = StartExecution { agent, input: input.clone(), version: Some(1), ..StartExecution::default() };
            node.accept(&world.principal, request, None, WAIT)
        });
        let all = futures::future::join_all(all).await;
        let project = world.principal.project_id;
        let mut ended = Vec::new();
        for started in all {
            ended.push(id(&started.expect("accepted").execution.execution_id));
        }
        // the oldest one cannot be packed
        let mut tx = world.store.begin().await.expect("a transaction");
        let damage = "UPDATE execution SET last_seq = -1, finished_at = 1 WHERE project_id = $1 AND execution_id = $2";
        tx.query(damage).bind(project).bind(ended[0]).execute().await.expect("damaged");
        tx.commit().await.expect("committed");
        // the node's own janitor may have come first, or come now: what it has begun with it ends
        for _ in 0..2 {
            assert!(!node.clean_up().await.expect("cleaned").more);
        }
        let left = async {
            let count = "SELECT count(*) AS n FROM execution WHERE project_id = $1";
            let left = async || world.store.query(count).bind(project).one(|row| row.get::<i64>("n")).await;
            while left().await.expect("counted") > 1 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let left = tokio::time::timeout(Duration::from_secs(20), left).await;
        assert!(left.is_ok(), "{}: more than the unreadable one is left", world.backend);
        assert!(matches!(node.get(project, ended[1]).await, Err(Error::ExecutionNotFound(_))));
        node.drain().await;
    }
}

/// A model that asks for a hundred rounds of tools: enough for snapshots.
async fn long_agent(world: &World, rounds: usize) {
    let mut script: Vec<Value> =
        (0..rounds).map(|n| json!({ "calls": [{ "tool": "math.add", "arguments": { "a": n, "b": 1 } }] })).collect();
    script.push(json!({ "calls": [{ "tool": "signals.wait", "arguments": { "name": "go", "timeout": "10m" } }] }));
    script.push(json!({ "text": "done" }));
    let config = json!({
        "name": "long", "kind": "prompt", "model": "scripted", "tools": ["math.add", "signals.wait"],
        "script": script, "limits": { "turns": 500, "tool_calls": 500 },
    });
    world.agent(&serde_json::from_value(config).expect("a valid configuration")).await;
}

async fn suspended(world: &World, node: &Executions) -> ExecutionId {
    let request: StartExecution =
        serde_json::from_value(json!({ "agent": "long", "version": 1 })).expect("a valid request");
    let view = node.accept(&world.principal, request, None, WAIT).await.expect("accepted").execution;
    assert_eq!(view.state, "suspended", "{:?}", view.error);
    id(&view.execution_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_execution_goes_on_from_its_snapshot() {
    for world in World::all().await {
        long_agent(&world, 100).await;
        let config = || Config { snapshot_entries: 64, ..Config::default() };
        let node = world.node_with(world.journal.clone(), config()).await;
        let one = suspended(&world, &node).await;
        let project = world.principal.project_id;
        let mut kept = None;
        for _ in 0..400 {
            kept = world.store.snapshots(project).find(one).await.expect("read");
            if kept.is_some() {
                break;
            }
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let kept = kept.expect("a snapshot is there");
        node.drain().await;
        // the entries before the snapshot are damaged: whoever goes on does so from the snapshot
        let mut tx = world.store.begin().await.expect("a transaction");
        let damage = "UPDATE journal SET payload = $2 WHERE execution_id = $1 AND seq < $3";
        tx.query(damage).bind(one).bind(&b"{}"[..]).bind(kept.seq.min(100)).execute().await.expect("damaged");
        tx.commit().await.expect("committed");
        let node = world.node_with(world.journal.clone(), config()).await;
        let sent = node.signal(&world.principal, one, "go".into(), Value::Null, None).await.expect("sent");
        assert_ne!(sent.reason.as_deref(), Some("diverged"), "{}", world.backend);
        assert_eq!(state_at_end(&world, &node, one).await, "completed", "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_with_a_damaged_journal_is_held_and_can_be_stopped() {
    for world in World::all().await {
        long_agent(&world, 3).await;
        let node = world.node(world.journal.clone()).await;
        let project = world.principal.project_id;
        let mut all = Vec::new();
        for damage in [
            "UPDATE journal SET payload = $2 WHERE execution_id = $1 AND seq = 5",
            "DELETE FROM journal WHERE execution_id = $1 AND seq >= 5 AND $2 IS NOT NULL",
        ] {
            let one = suspended(&world, &node).await;
            let mut tx = world.store.begin().await.expect("a transaction");
            tx.query(damage).bind(one).bind(&b"{"[..]).execute().await.expect("damaged");
            tx.commit().await.expect("committed");
            // a signal would be lost: it holds the execution, and says why
            let held = node.signal(&world.principal, one, "go".into(), Value::Null, None).await;
            let held = held.map_or(Some("refused".to_owned()), |view| view.reason);
            assert!(matches!(held.as_deref(), Some("diverged")), "{}: {held:?}", world.backend);
            let view = node.get(project, one).await.expect("there");
            assert_eq!((view.state.as_str(), view.reason.as_deref()), ("paused", Some("diverged")));
            assert_eq!(view.error.as_ref().map(|error| error.code.as_str()), Some("diverged"));
            let resumed = node.resume(&world.principal, one, None).await;
            assert!(matches!(resumed, Err(Error::ExecutionDamaged(_))), "{resumed:?}");
            let replayed = node.replay(project, one, ReplayExecution::default()).await.expect("replayed");
            assert_eq!(replayed.difference.map(|difference| difference.seq), Some(5), "{}", world.backend);
            assert!(!node.steps(project, one).await.expect("what can be read").is_empty());
            all.push(one);
        }
        node.drain().await;
        // also after a restart it is held, and nothing else
        let node = world.node(world.journal.clone()).await;
        for one in all {
            assert_eq!(node.get(project, one).await.expect("there").state, "paused");
            let cancelled = node.cancel(&world.principal, one, None).await.expect("cancelled");
            assert_eq!(cancelled.state, "cancelled", "{}", world.backend);
        }
        node.drain().await;
    }
}
