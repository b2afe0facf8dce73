//! The journal: a batch lands whole or not at all, and only its owner's.

mod crash;
mod kill;
mod messages;
mod model;
mod torn;
mod wire;

use std::sync::Arc;

use moltforge_store::journal::{Batch, CommitError};
use moltforge_testing::World;
use moltforge_types::execution::{Reason, State};
use moltforge_types::{Fault as _, Timestamp};

use crate::fixture::{Execution, Owner, columns, seqs};

moltforge_testing::worlds! {
    a_batch_lands_whole,
    entries_come_in_pages,
    a_wrong_number_writes_nothing,
    an_entry_that_exists_writes_nothing,
    a_taken_key_writes_nothing,
    a_stale_incarnation_is_fenced,
    a_batch_without_folds_is_fenced_too,
    the_last_write_of_a_key_counts,
    a_malformed_batch_is_refused,
    numbers_have_no_gaps,
    concurrent_lanes_both_land,
    a_closed_store_says_unavailable,
}

async fn a_batch_lands_whole(world: &World) {
    let owner = Owner::new(world).await;
    let old = owner.started(world, columns(State::Running)).await;
    let mut batch = owner.batch();
    let new = owner.start(world, &mut batch, 2, columns(State::Scheduled));
    let mut paused = columns(State::Paused);
    paused.reason = Some(Reason::Operator);
    paused.wake_at = Some(Timestamp::from_micros(99));
    paused.waiting_for = Some("a person".to_owned());
    paused.output = Some("1".to_owned());
    paused.error = Some("{}".to_owned());
    paused.tokens = 12;
    let old = owner.step(&mut batch, old, 3, paused.clone());
    owner.write(&mut batch, old, "k", Some("\"v\""));
    owner.commit(batch).await.unwrap();

    assert_eq!(seqs(world, new).await, [1, 2]);
    assert_eq!(seqs(world, old).await, [1, 2, 3, 4]);
    let row = world.executions(owner.project_id).find(old.execution_id).await.unwrap().unwrap();
    assert_eq!((row.columns, row.last_seq), (paused, 4));
    assert_eq!(row.updated_at, Timestamp::from_micros(5));
    let row = world.executions(owner.project_id).find(new.execution_id).await.unwrap().unwrap();
    assert_eq!((row.columns.state, row.last_seq, row.input.as_str()), (State::Scheduled, 2, "{\"a\":1}"));
    let value = world.state(owner.project_id, owner.agent_id).find("k").await.unwrap().unwrap();
    assert_eq!(value.value, "\"v\"");
}

async fn entries_come_in_pages(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 10, columns(State::Running));
    owner.commit(batch).await.unwrap();
    let rows = owner.journal.entries(execution.execution_id, 4, 3).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(
        (rows[0].kind, rows[0].at, rows[0].payload.as_slice()),
        (2, Timestamp::from_micros(3), &b"{\"seq\":5}"[..])
    );
    assert!(world.entries(execution.execution_id, 10, 3).await.unwrap().is_empty());
}

/// Everything that a batch could have changed.
async fn picture(world: &World) -> (i64, i64, i64, i64) {
    let count = async |sql| world.query(sql).one(|row| row.get::<i64>("n")).await.unwrap();
    (
        count("SELECT count(*) AS n FROM journal").await,
        count("SELECT count(*) AS n FROM execution").await,
        count("SELECT count(*) AS n FROM state").await,
        count("SELECT coalesce(CAST(sum(last_seq) AS BIGINT), 0) AS n FROM execution").await,
    )
}

/// A batch with a part of every kind, of which `spoil` makes one wrong: it must not leave a trace.
async fn refused(world: &World, owner: &Owner, spoil: impl FnOnce(&mut Batch)) -> CommitError {
    let good = owner.started(world, columns(State::Running)).await;
    let before = picture(world).await;
    let mut batch = owner.batch();
    let good = owner.step(&mut batch, good, 1, columns(State::Running));
    owner.start(world, &mut batch, 1, columns(State::Scheduled));
    owner.write(&mut batch, good, "trace", Some("1"));
    spoil(&mut batch);
    let error = owner.commit(batch).await.unwrap_err();
    assert_eq!(picture(world).await, before);
    error
}

async fn a_wrong_number_writes_nothing(world: &World) {
    let owner = Owner::new(world).await;
    let behind = owner.started(world, columns(State::Running)).await;
    owner.stepped(behind, columns(State::Running)).await;
    let error = refused(world, &owner, |batch| {
        owner.step(batch, Execution { last_seq: 2, ..behind }, 1, columns(State::Running));
        // the number fits the journal, not the execution's row
        let last = batch.folds.last_mut().unwrap();
        last.prev_seq = 4;
        last.last_seq = 5;
        batch.entries.last_mut().unwrap().seq = 5;
    })
    .await;
    assert!(matches!(error, CommitError::Mismatch(_)), "{error:?}");
    // the lane works on
    owner.started(world, columns(State::Running)).await;
}

async fn an_entry_that_exists_writes_nothing(world: &World) {
    let owner = Owner::new(world).await;
    let taken = owner.started(world, columns(State::Running)).await;
    let error = refused(world, &owner, |batch| {
        // a start with the id of an execution that exists
        batch.starts[0].execution_id = taken.execution_id;
        batch.entries.last_mut().unwrap().execution_id = taken.execution_id;
    })
    .await;
    assert!(matches!(error, CommitError::Mismatch(_)), "{error:?}");
    owner.started(world, columns(State::Running)).await;
}

async fn a_taken_key_writes_nothing(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    owner.start(world, &mut batch, 1, columns(State::Scheduled));
    batch.starts[0].idempotency_key = Some("once".to_owned());
    owner.commit(batch).await.unwrap();
    let error = refused(world, &owner, |batch| batch.starts[0].idempotency_key = Some("once".to_owned())).await;
    assert!(matches!(error, CommitError::Duplicate), "{error:?}");
    // the same key in another project is another key
    let mut batch = owner.batch();
    owner.start(world, &mut batch, 1, columns(State::Scheduled));
    batch.starts[0].idempotency_key = Some("once".to_owned());
    batch.starts[0].project_id = world.ambient().id();
    owner.commit(batch).await.unwrap();
}

async fn a_stale_incarnation_is_fenced(world: &World) {
    let old = Owner::new(world).await;
    let execution = old.started(world, columns(State::Running)).await;
    let new = Owner::new(world).await;
    let error = refused_by(world, &old, execution).await;
    assert!(matches!(error, CommitError::Fenced), "{error:?}");
    let new = Owner { project_id: old.project_id, agent_id: old.agent_id, ..new };
    new.stepped(execution, columns(State::Running)).await;
    // and again, now that its row has moved on
    let error = refused_by(world, &old, execution).await;
    assert!(matches!(error, CommitError::Fenced), "{error:?}");
}

async fn refused_by(world: &World, owner: &Owner, execution: Execution) -> CommitError {
    let before = picture(world).await;
    let mut batch = owner.batch();
    owner.step(&mut batch, execution, 1, columns(State::Running));
    let error = owner.commit(batch).await.unwrap_err();
    assert_eq!(picture(world).await, before);
    error
}

async fn a_batch_without_folds_is_fenced_too(world: &World) {
    let old = Owner::new(world).await;
    old.started(world, columns(State::Running)).await;
    Owner::new(world).await;
    let before = picture(world).await;
    let mut batch = old.batch();
    old.start(world, &mut batch, 1, columns(State::Scheduled));
    assert!(matches!(old.commit(batch).await, Err(CommitError::Fenced)));
    assert_eq!(picture(world).await, before);
}

async fn the_last_write_of_a_key_counts(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Running)).await;
    let mut batch = owner.batch();
    let execution = owner.step(&mut batch, execution, 1, columns(State::Running));
    for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("b", None), ("c", None)] {
        owner.write(&mut batch, execution, key, value);
    }
    owner.commit(batch).await.unwrap();
    let keys = async || {
        let all = world.state(owner.project_id, owner.agent_id).list(None, 10).await.unwrap();
        all.into_iter().map(|value| (value.key, value.value)).collect::<Vec<_>>()
    };
    assert_eq!(keys().await, [("a".to_owned(), "2".to_owned())]);
    let mut batch = owner.batch();
    let execution = owner.step(&mut batch, execution, 1, columns(State::Running));
    owner.write(&mut batch, execution, "a", None);
    owner.commit(batch).await.unwrap();
    assert!(keys().await.is_empty());
}

async fn a_malformed_batch_is_refused(world: &World) {
    let owner = Owner::new(world).await;
    assert!(matches!(owner.commit(owner.batch()).await, Err(CommitError::Mismatch(_))));
    let error = refused(world, &owner, |batch| batch.entries[0].seq += 1).await;
    assert!(matches!(error, CommitError::Mismatch(_)));
    let error = refused(world, &owner, |batch| batch.starts[0].input.push('\0')).await;
    assert!(matches!(error, CommitError::Mismatch(_)));
}

async fn numbers_have_no_gaps(world: &World) {
    let owner = Owner::new(world).await;
    for _ in 0..3 {
        owner.started(world, columns(State::Running)).await;
        refused(world, &owner, |batch| batch.folds[0].prev_seq = 9).await;
    }
    // a second owner goes on where the first ended
    let next = Owner::new(world).await;
    next.started(world, columns(State::Running)).await;
    let (count, last) = world
        .query("SELECT count(*) AS n, max(lsn) AS last FROM journal WHERE shard = 7")
        .one(|row| Ok((row.get::<i64>("n")?, row.get::<i64>("last")?)))
        .await
        .unwrap();
    assert_eq!(count, last);
}

async fn concurrent_lanes_both_land(world: &World) {
    let owner = Arc::new(Owner::new(world).await);
    let mut tasks = Vec::new();
    for lane in 0..2_u16 {
        let mut batches = Vec::new();
        for _ in 0..20 {
            let mut batch = Batch::new(owner.tokens[usize::from(lane)], Timestamp::from_micros(5));
            let execution = owner.start(world, &mut batch, 2, columns(State::Running));
            owner.write(&mut batch, execution, "shared", Some("1"));
            owner.write(&mut batch, execution, "another", Some("1"));
            batches.push(batch);
        }
        let owner = owner.clone();
        tasks.push(tokio::spawn(async move {
            for batch in batches {
                owner.commit(batch).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(picture(world).await, (80, 40, 2, 80));
}

async fn a_closed_store_says_unavailable(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Running)).await;
    world.close().await;
    let error = owner.journal.entries(execution.execution_id, 0, 1).await.unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
}
