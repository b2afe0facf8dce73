//! Dying at every commit, losing answers, waking up late.

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::Journal;
use moltforge_store::journal::{Batch, CommitError, Simulated, SimulatedFault};
use moltforge_testing::World;
use moltforge_types::Timestamp;
use moltforge_types::execution::State;

use crate::fixture::{Execution, Owner, columns, seqs};

moltforge_testing::worlds! {
    killed_at_every_commit_it_goes_on_where_it_was,
    an_old_owner_writes_nothing_late,
    a_refused_batch_may_be_tried_again,
}

/// What the workload writes: one execution, in five commits.
const COMMITS: u64 = 5;

/// The batch that follows what is stored. Knows nothing but the rows, as a new owner.
async fn next(world: &World, owner: &Owner, known: &mut Option<Execution>) -> Option<Batch> {
    let mut batch = owner.batch();
    let (stored, _) =
        world.executions(owner.project_id).list(moltforge_store::ExecutionFilter::default(), 2).await.unwrap();
    match stored.as_slice() {
        [] => *known = Some(owner.start(world, &mut batch, 1, columns(State::Running))),
        [row] if row.columns.state.is_terminal() => return None,
        [row] => {
            let execution = Execution { execution_id: row.execution_id, last_seq: row.last_seq };
            let last = row.last_seq + 1 == COMMITS;
            let state = if last { State::Completed } else { State::Running };
            let execution = owner.step(&mut batch, execution, 1, columns(state));
            owner.write(&mut batch, execution, &format!("step-{}", execution.last_seq), Some("1"));
            *known = Some(execution);
        }
        _ => panic!("the start landed twice"),
    }
    Some(batch)
}

async fn killed_at_every_commit_it_goes_on_where_it_was(world: &World) {
    for fault in [SimulatedFault::CrashBefore, SimulatedFault::CrashAfter] {
        for number in 1..=COMMITS {
            killed_at(world, fault, number).await;
        }
    }
}

async fn killed_at(world: &World, fault: SimulatedFault, number: u64) {
    let mut execution = None;
    let first = Owner::new(world).await;
    let dying = Simulated::around(first.journal.clone());
    dying.fault_at(number, fault);
    let life = async {
        while let Some(batch) = next(world, &first, &mut execution).await {
            dying.commit(Arc::new(batch)).await.unwrap();
        }
    };
    tokio::select! {
        () = life => panic!("it did not die at {number}"),
        () = dying.crashed() => {}
    }
    let second = Owner::new(world).await;
    let second = Owner { project_id: first.project_id, agent_id: first.agent_id, ..second };
    let mut commits = 0;
    while let Some(batch) = next(world, &second, &mut execution).await {
        second.commit(batch).await.unwrap();
        commits += 1;
    }
    let landed = if fault == SimulatedFault::CrashAfter { number } else { number - 1 };
    assert_eq!(commits, COMMITS - landed, "{fault:?} at {number}");
    let execution = execution.unwrap();
    assert_eq!(seqs(world, execution).await, (1..=COMMITS).collect::<Vec<_>>());
    assert_eq!(world.state(first.project_id, first.agent_id).list(None, 10).await.unwrap().len(), 4);
    // the dead one wakes up
    let mut late = first.batch();
    first.step(&mut late, execution, 1, columns(State::Running));
    assert!(matches!(first.commit(late).await, Err(CommitError::Fenced)));
}

/// How many takeovers, half of them with the commits of both lanes under way.
const TAKEOVERS: u32 = 100;

async fn an_old_owner_writes_nothing_late(world: &World) {
    let count = async || world.query("SELECT count(*) AS n FROM journal").one(|row| row.get::<i64>("n")).await.unwrap();
    let mut old = Arc::new(Owner::new(world).await);
    let mut acknowledged = 0;
    for _ in 0..TAKEOVERS {
        let mut writers = Vec::new();
        for token in old.tokens.clone() {
            let mut batch = Batch::new(token, Timestamp::from_micros(5));
            let mut execution = old.start(world, &mut batch, 2, columns(State::Running));
            let old = old.clone();
            writers.push(tokio::spawn(async move {
                let mut landed = 0_i64;
                loop {
                    let entries = i64::try_from(batch.entries.len()).unwrap();
                    match old.commit(batch).await {
                        Ok(()) => landed += entries,
                        Err(CommitError::Fenced) => return landed,
                        Err(error) => panic!("{error:?}"),
                    }
                    batch = Batch::new(token, Timestamp::from_micros(5));
                    execution = old.step(&mut batch, execution, 2, columns(State::Running));
                }
            }));
        }
        let before = count().await;
        let new = loop {
            // at least one commit is through, others are under way
            if count().await > before {
                break Owner::new(world).await;
            }
            tokio::task::yield_now().await;
        };
        let at_takeover = count().await;
        for writer in writers {
            acknowledged += writer.await.unwrap();
        }
        assert_eq!(count().await, at_takeover, "a commit of the old owner landed late");
        old = Arc::new(new);
    }
    // every commit that landed was acknowledged: none was said to be fenced and landed all the same
    assert_eq!(count().await, acknowledged);
}

async fn a_refused_batch_may_be_tried_again(world: &World) {
    let owner = Owner::new(world).await;
    let journal = Simulated::around(owner.journal.clone());
    journal.fault_at(1, SimulatedFault::Error);
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 3, columns(State::Running));
    let batch = Arc::new(batch);
    let error = journal.commit(batch.clone()).await.unwrap_err();
    assert!(matches!(&error, CommitError::Unavailable(error) if error.is_retryable()), "{error:?}");
    assert!(seqs(world, execution).await.is_empty());
    journal.commit(batch).await.unwrap();
    assert_eq!((seqs(world, execution).await, journal.commits()), (vec![1, 2, 3], 2));
}

/// PostgreSQL ends the committers' connections at any moment: each batch lands once, or its refusal is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_tells_no_lies() {
    let Some(world) = World::postgres().await else { return };
    let owner = Owner::new(&world).await;
    let mut first = owner.batch();
    let mut execution = owner.start(&world, &mut first, 1, columns(State::Running));
    let mut batch = Arc::new(first);
    let (mut refused, mut broken) = (0, 0);
    for round in 0..60 {
        let cut = async {
            // a real wait: a little later each time, so that every moment of a commit is met
            tokio::time::sleep(Duration::from_micros(round % 20 * 50)).await;
            world.query(CUT).one(|row| row.get::<i64>("n")).await.unwrap()
        };
        let (result, cut) = tokio::join!(owner.journal.commit(batch.clone()), cut);
        broken += cut;
        if let Err(error) = result {
            assert!(matches!(error, CommitError::Unavailable(_)), "{error:?}");
            refused += 1;
            // nothing was written: otherwise this does not fit
            while let Err(error) = owner.journal.commit(batch.clone()).await {
                assert!(matches!(error, CommitError::Unavailable(_)), "{error:?}");
            }
        }
        let mut following = owner.batch();
        execution = owner.step(&mut following, execution, 1, columns(State::Running));
        batch = Arc::new(following);
    }
    println!("{broken} connections were cut, {refused} of 60 commits refused");
    assert!(broken > 0, "nothing was cut: this proves nothing");
    assert_eq!(seqs(&world, execution).await, (1..=60).collect::<Vec<_>>());
}

const CUT: &str = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
     WHERE application_name = 'moltforge journal' AND datname = current_database()";
