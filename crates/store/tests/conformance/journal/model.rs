//! Any sequence of batches, good and bad, on a real database and in memory: the same answers, the same contents, and
//! a batch lands whole or not at all.

use std::sync::Arc;

use moltforge_store::Journal;
use moltforge_store::journal::{Batch, CommitError, LaneToken, Memory};
use moltforge_testing::World;
use moltforge_types::execution::State;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::fixture::{Execution, Owner, columns};

/// One part of a batch.
#[derive(Debug, Clone)]
enum Part {
    /// A new execution, perhaps with a key of a few.
    Start { entries: u64, key: Option<u8> },
    /// Entries for one of the executions so far, perhaps from a wrong number.
    Step { which: usize, entries: u64, off: u64, state: u8 },
    /// A write to one of a few keys.
    Write { key: u8, value: Option<u8> },
}

/// A batch, perhaps with an old token.
#[derive(Debug, Clone)]
struct Plan {
    parts: Vec<Part>,
    stale: bool,
    take_over: bool,
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => (1..4_u64, prop::option::weighted(0.3, 0..4_u8)).prop_map(|(entries, key)| Part::Start { entries, key }),
        6 => (any::<prop::sample::Index>(), 1..4_u64, prop_oneof![12 => Just(0), 1 => 1..3_u64], 0..4_u8)
            .prop_map(|(which, entries, off, state)| Part::Step { which: which.index(64), entries, off, state }),
        2 => (0..3_u8, prop::option::of(0..9_u8)).prop_map(|(key, value)| Part::Write { key, value }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (prop::collection::vec(part(), 1..6), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(parts, stale, take_over)| Plan { parts, stale, take_over })
}

/// The batch of a plan, and where its executions stand when it lands.
fn build(world: &World, owner: &Owner, known: &[Execution], plan: &Plan) -> (Batch, Vec<Execution>) {
    let mut batch = owner.batch();
    let mut after = known.to_vec();
    let mut touched = Vec::new();
    for part in &plan.parts {
        match part {
            Part::Start { entries, key } => {
                after.push(owner.start(world, &mut batch, *entries, columns(State::Scheduled)));
                batch.starts.last_mut().unwrap().idempotency_key = key.map(|key| format!("key-{key}"));
            }
            Part::Step { which, entries, off, state } => {
                let Some(index) = which.checked_rem(known.len()) else { continue };
                if touched.contains(&index) {
                    continue;
                }
                touched.push(index);
                let from = Execution { last_seq: known[index].last_seq + off, ..known[index] };
                let states = [State::Running, State::Suspended, State::Paused, State::Completed];
                after[index] = owner.step(&mut batch, from, *entries, columns(states[usize::from(*state)]));
            }
            Part::Write { key, value } => {
                if let Some(execution) = after.first().copied() {
                    let value = value.map(|value| value.to_string());
                    owner.write(&mut batch, execution, &format!("key-{key}"), value.as_deref());
                }
            }
        }
    }
    (batch, after)
}

fn name(result: &Result<(), CommitError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(CommitError::Fenced) => "fenced",
        Err(CommitError::Mismatch(_)) => "mismatch",
        Err(CommitError::Duplicate) => "duplicate",
        Err(CommitError::Unavailable(_)) => "unavailable",
    }
}

async fn take_over(world: &World, owner: &mut Owner, memory: &Memory, token: &mut LaneToken) {
    let next = Owner::new(world).await;
    let mut later = memory.take_over(*token);
    later.node_id = next.tokens[0].node_id;
    later.incarnation = next.tokens[0].incarnation;
    memory.register(later);
    *token = next.tokens[0];
    owner.tokens = next.tokens;
}

/// What an owner reads is the same from a database and from memory.
async fn same_reads(owner: &Owner, memory: &Memory) {
    let (stored, simulated) = (owner.journal.reads(), memory.reads());
    let mut shards = Vec::new();
    for row in memory.rows() {
        let (project, id) = (row.project_id, row.execution_id);
        assert_eq!(stored.execution(project, id).await.unwrap(), Some(row.clone()));
        assert_eq!(simulated.execution(project, id).await.unwrap(), Some(row.clone()));
        if let Some(key) = &row.idempotency_key {
            let found = stored.execution_of_key(project, key).await.unwrap();
            assert_eq!(found, simulated.execution_of_key(project, key).await.unwrap());
            assert_eq!(found, Some(row.clone()));
        }
        shards.push(row.shard);
    }
    for shard in shards.iter().copied() {
        assert_eq!(stored.runnable_shards().await.unwrap(), simulated.runnable_shards().await.unwrap());
        let first = stored.runnable(shard, None, 2).await.unwrap();
        assert_eq!(first, simulated.runnable(shard, None, 2).await.unwrap());
        let after = first.last().map(|row| row.execution_id);
        assert_eq!(stored.runnable(shard, after, 9).await.unwrap(), simulated.runnable(shard, after, 9).await.unwrap());
    }
    for until in [0, i64::MAX] {
        let until = moltforge_types::Timestamp::from_micros(until);
        let due = stored.due(&shards, until, 100).await.unwrap();
        assert_eq!(due, simulated.due(&shards, until, 100).await.unwrap());
    }
}

async fn same_contents(world: &World, owner: &Owner, memory: &Memory, known: &[Execution]) {
    same_reads(owner, memory).await;
    for (execution_id, last_seq, columns) in memory.executions() {
        let row = world.executions(owner.project_id).find(execution_id).await.unwrap().expect("it is stored");
        assert_eq!((row.last_seq, row.columns), (last_seq, columns));
        let stored = world.entries(execution_id, 0, 1000).await.unwrap();
        assert_eq!(stored, memory.entries(execution_id, 0, 1000).await.unwrap());
        assert_eq!(stored.len() as u64, last_seq);
    }
    let count = world.query("SELECT count(*) AS n FROM execution").one(|row| row.get::<u64>("n")).await.unwrap();
    assert_eq!(count, known.len() as u64);
    for key in 0..3 {
        let key = format!("key-{key}");
        let stored = world.state(owner.project_id, owner.agent_id).find(&key).await.unwrap();
        assert_eq!(stored.map(|row| row.value), memory.state(owner.project_id, owner.agent_id, &key));
    }
}

async fn check(world: World, plans: Vec<Plan>) {
    let mut owner = Owner::new(&world).await;
    let memory = Memory::new();
    let mut token = owner.tokens[0];
    memory.register(token);
    let mut stale = LaneToken { incarnation: 0, ..token };
    let mut known = Vec::new();
    for plan in plans {
        if plan.take_over {
            stale = token;
            take_over(&world, &mut owner, &memory, &mut token).await;
        }
        let (mut batch, after) = build(&world, &owner, &known, &plan);
        if plan.stale {
            batch.token = stale;
        }
        let batch = Arc::new(batch);
        let real = owner.journal.commit(batch.clone()).await;
        let model = memory.commit(batch).await;
        assert_eq!(name(&real), name(&model), "{real:?} {model:?} {plan:?}");
        if real.is_ok() {
            known = after;
        }
    }
    same_contents(&world, &owner, &memory, &known).await;
}

fn run(cases: u32, world: impl AsyncFn() -> Option<World>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(plan(), 1..25), |plans| {
            runtime.block_on(async {
                if let Some(world) = world().await {
                    check(world, plans).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite_agrees_with_memory() {
    run(24, async || Some(World::sqlite().await));
}

#[test]
fn postgres_agrees_with_memory() {
    run(12, World::postgres);
}
