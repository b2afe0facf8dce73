//! What ran when its owner was lost goes on, whoever comes to it first.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_execution::Config;
use moltforge_store::{
    Batch, CommitError, EntryRow, Error, ExecutionRow, Hold, Journal, LiveExecution, Membership, Message, Reads,
    Version,
};
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp, VersionId};
use serde_json::Value;

use super::faulty::{At, Death, Faulty};
use super::world::{World, sample};

/// A journal in which an owner never finds what the one before left behind.
struct Blind(Arc<dyn Journal>);

#[async_trait]
impl Journal for Blind {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        self.0.commit(batch).await
    }

    fn reads(&self) -> &dyn Reads {
        self
    }

    fn membership(&self) -> &dyn Membership {
        self.0.membership()
    }
}

#[async_trait]
impl Reads for Blind {
    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        std::future::pending().await
    }

    async fn entries(&self, id: ExecutionId, after: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.0.reads().entries(id, after, limit).await
    }

    async fn last_entries(&self, id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.0.reads().last_entries(id, limit).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.0.reads().holds().await
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.0.reads().execution(project_id, id).await
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.0.reads().execution_of_key(project_id, key).await
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.0.reads().runnable(shard, after, limit).await
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        self.0.reads().due(shards, until, limit).await
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.0.reads().version(project_id, version_id).await
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        self.0.reads().messages(shards, after, limit).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_comes_before_the_recovery_makes_it_go_on() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "weather");
        world.agent(&config).await;
        // it dies with an answer of a tool that nobody will hear again
        let dies = At::Entry(|entry| matches!(entry, Entry::ToolSucceeded { .. }));
        let faulty = Faulty::new(world.journal.clone(), Some((dies, Death::Before)));
        let node = world.node(faulty.clone()).await;
        let started = world.accept(&node, &config.name, input, "one").await.expect("accepted");
        let id: ExecutionId = started.execution_id.parse().expect("an id");
        faulty.died().await;
        node.abandon().await;

        let node = world.node(Arc::new(Blind(world.journal.clone()))).await;
        let signal = node.signal(&world.principal, id, "hello".to_owned(), Value::Null, None);
        signal.await.expect("taken");
        let ended = async {
            loop {
                let view = node.get(world.principal.project_id, id).await.expect("there");
                if view.finished_at.is_some() {
                    return view;
                }
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let view = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it goes on");
        assert_eq!((view.state.as_str(), view.attempt), ("completed", 2), "{}", world.backend);
        node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_nobody_takes_do_not_hide_one_whose_poke_was_lost() {
    for world in World::all().await {
        let (config, input) = sample(&world.server, "waiter");
        world.agent(&config).await;
        let node = world.node(world.journal.clone()).await;
        let started = world.accept(&node, &config.name, input, "one").await.expect("accepted");
        let id: ExecutionId = started.execution_id.parse().expect("an id");
        let project_id = world.principal.project_id;
        let shard = world.store.executions(project_id).find(id).await.expect("read").expect("there").shard;
        let mut tx = world.store.begin().await.expect("a transaction");
        // the receivers of the first ones do not exist, yet
        let strangers = (0..1_200).map(|_| world.ambient.id::<ExecutionId>());
        for recipient in strangers.chain([id]).collect::<Vec<_>>() {
            tx.query(
                "INSERT INTO message(shard, message_id, project_id, recipient, kind, body, created_at) \
                 VALUES ($1, $2, $3, $4, 'stop', $5, $6)",
            )
            .bind(shard)
            .bind(world.ambient.id::<MessageId>())
            .bind(project_id)
            .bind(recipient)
            .bind(r#"{"kind":"stop","by":"test","note":"above it","kill":true}"#)
            .bind(world.ambient.now())
            .execute()
            .await
            .expect("written");
        }
        tx.commit().await.expect("committed");
        let stopped = async {
            while node.get(project_id, id).await.expect("there").state != "cancelled" {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let stopped = tokio::time::timeout(Duration::from_secs(20), stopped).await;
        assert!(stopped.is_ok(), "{}: the message was not taken", world.backend);
        node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_does_not_count_as_a_crash() {
    for world in World::all().await {
        let patient = serde_json::json!({
            "name": "patient", "kind": "prompt", "model": "scripted", "tools": [],
            "script": [{ "text": "done", "delay": "10m" }],
        });
        world.agent(&serde_json::from_value(patient).expect("a configuration")).await;
        let config = || Config { drain_seconds: 0, ..Config::default() };
        let node = world.node_with(world.journal.clone(), config()).await;
        let started = world.accept(&node, "patient", Value::Null, "one").await.expect("accepted");
        let id: ExecutionId = started.execution_id.parse().expect("an id");
        let begun = async |number: u32| {
            let wait = async {
                loop {
                    if let Some(Entry::Running { attempt, crashes, .. }) = world.journal_of(id).await.last()
                        && *attempt == number
                    {
                        return *crashes;
                    }
                    // a real wait: looks again a moment later
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it begins")
        };
        assert_eq!(begun(1).await, 0);
        node.drain().await;
        for attempt in 2..=12 {
            let node = world.begin_node(world.journal.clone(), config());
            assert_eq!(begun(attempt).await, 0, "{}, attempt {attempt}", world.backend);
            node.drain().await;
        }
        let node = world.begin_node(world.journal.clone(), config());
        assert_eq!(begun(13).await, 0, "{}", world.backend);
        node.abandon().await;
        let node = world.node_with(world.journal.clone(), config()).await;
        assert_eq!(begun(14).await, 1, "{}: a crash counts", world.backend);
        node.abandon().await;
    }
}
