//! Packing and deleting what has ended.

use moltforge_store::{
    EndedExecution, EntryRow, Message, NewVersion, Orphans, PackedBundle, Ran, Settled, Side, Snapshot,
};
use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{Actor, AgentId, ContentHash, Timestamp, TriggerId};

use crate::agents::agent;
use crate::fires::fire;
use crate::fixture::{Execution, Owner, columns};
use crate::triggers::{Ground, insert};

moltforge_testing::worlds! {
    a_packed_journal_reads_the_same,
    every_part_of_the_way_reads_the_same,
    what_lives_is_neither_packed_nor_deleted,
    a_purge_leaves_nothing,
    a_purge_takes_approvals_messages_and_fires,
    numbers_are_not_given_twice,
    two_janitors_do_it_once,
    bundles_of_no_use_are_deleted,
    orphans_are_seen,
    a_file_shrinks,
}

const SHARDS: [u16; 2] = [7, 8];

async fn long(world: &World, owner: &Owner, entries: u64, state: State) -> Execution {
    let mut execution = owner.started(world, columns(State::Running)).await;
    while execution.last_seq < entries {
        let more = (entries - execution.last_seq).min(900);
        let last = execution.last_seq + more == entries;
        let mut batch = owner.batch();
        execution = owner.step(&mut batch, execution, more, columns(if last { state } else { State::Running }));
        owner.commit(batch).await.unwrap();
    }
    execution
}

fn ended(owner: &Owner, execution: Execution) -> EndedExecution {
    let finished_at = Timestamp::from_micros(7);
    EndedExecution { project_id: owner.project_id, execution_id: execution.execution_id, finished_at }
}

async fn read(world: &World, execution: Execution, page: u32) -> Vec<EntryRow> {
    let mut rows: Vec<EntryRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let next = world.entries(execution.execution_id, after, page).await.unwrap();
        let last = next.len() < page as usize;
        rows.extend(next);
        if last {
            return rows;
        }
    }
}

async fn last(owner: &Owner, execution: Execution, limit: u32) -> Vec<EntryRow> {
    owner.journal.reads().last_entries(execution.execution_id, limit).await.unwrap()
}

async fn count(world: &World, sql: &'static str) -> u64 {
    world.query(sql).one(|row| row.get("n")).await.unwrap()
}

async fn hot(world: &World) -> u64 {
    count(world, "SELECT count(*) AS n FROM journal").await
}

async fn no_orphans(world: &World) {
    let (found, _) = world.retention().orphans(Timestamp::from_micros(9), "", 10_000).await.unwrap();
    assert_eq!(found, Orphans::default());
}

async fn a_packed_journal_reads_the_same(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 3, State::Completed).await;
    let before = read(world, execution, 1_000).await;
    let found = async || world.executions(owner.project_id).find(execution.execution_id).await.unwrap().unwrap();
    assert_eq!(found().await.archived_at, None);
    assert!(!world.archive_next(ended(&owner, execution)).await.unwrap());
    assert_eq!(hot(world).await, 0);
    assert_eq!(read(world, execution, 1_000).await, before);
    assert_eq!(read(world, execution, 2).await, before);
    assert!(world.entries(execution.execution_id, 3, 10).await.unwrap().is_empty());
    assert_eq!(last(&owner, execution, 2).await, before[1..]);
    assert_eq!(last(&owner, execution, 9).await, before);
    assert!(found().await.archived_at.is_some());
    // once more changes nothing
    assert!(!world.archive_next(ended(&owner, execution)).await.unwrap());
    assert_eq!(read(world, execution, 1_000).await, before);
    no_orphans(world).await;
}

/// A process may die between any two of the transactions: each leaves all entries readable, once, in order.
async fn every_part_of_the_way_reads_the_same(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 1_500, State::Failed).await;
    let before = read(world, execution, 1_000).await;
    assert_eq!(before.len(), 1_500);
    let mut parts = 0;
    loop {
        let more = world.archive_next(ended(&owner, execution)).await.unwrap();
        parts += 1;
        assert_eq!(read(world, execution, 1_000).await, before, "after part {parts}");
        assert_eq!(read(world, execution, 700).await, before, "after part {parts}");
        for limit in [8, 700] {
            assert_eq!(last(&owner, execution, limit).await, before[1_500 - limit as usize..], "after part {parts}");
        }
        no_orphans(world).await;
        if !more {
            break;
        }
        // half packed, it is still on the list, and nothing deletes it
        let found = world.retention().ended(&SHARDS, Timestamp::from_micros(9), None, 10).await.unwrap();
        assert_eq!(found.len(), 1);
        let behind = world.retention().ended(&SHARDS, Timestamp::from_micros(9), Some(found[0]), 10).await.unwrap();
        assert_eq!(behind, []);
        let mut tx = world.begin().await.unwrap();
        let late = Timestamp::from_micros(i64::MAX);
        assert!(!tx.retention().purge(ended(&owner, execution), State::Failed, late).await.unwrap());
        tx.rollback().await.unwrap();
    }
    assert!(parts >= 3, "{parts}");
    assert_eq!(hot(world).await, 0);
    assert!(world.retention().ended(&SHARDS, Timestamp::from_micros(9), None, 10).await.unwrap().is_empty());
}

async fn what_lives_is_neither_packed_nor_deleted(world: &World) {
    let owner = Owner::new(world).await;
    let running = long(world, &owner, 3, State::Running).await;
    let paused = long(world, &owner, 3, State::Paused).await;
    let late = Timestamp::from_micros(i64::MAX);
    assert!(world.retention().ended(&SHARDS, late, None, 10).await.unwrap().is_empty());
    for execution in [running, paused] {
        assert!(!world.archive_next(ended(&owner, execution)).await.unwrap());
        for state in State::ALL {
            let mut tx = world.begin().await.unwrap();
            assert!(!tx.retention().purge(ended(&owner, execution), *state, late).await.unwrap());
            tx.commit().await.unwrap();
        }
        assert_eq!(read(world, execution, 10).await.len(), 3);
    }
    assert_eq!(hot(world).await, 6);
}

async fn a_purge_leaves_nothing(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 5, State::Running).await;
    let snapshot = Snapshot::pack(5, "1", b"state").unwrap();
    let mut tx = world.begin().await.unwrap();
    assert!(tx.snapshots(owner.project_id).put(execution.execution_id, &snapshot).await.unwrap());
    tx.commit().await.unwrap();
    let execution = owner.stepped(execution, columns(State::Cancelled)).await;
    let other = long(world, &owner, 2, State::Cancelled).await;
    for one in [execution, other] {
        while world.archive_next(ended(&owner, one)).await.unwrap() {}
    }
    assert_eq!(count(world, "SELECT count(*) AS n FROM snapshot").await, 0);
    let (time, early) = (Timestamp::from_micros(7), Timestamp::from_micros(6));
    let expired =
        async |state, before| world.retention().expired(&SHARDS, state, before, None, 10).await.unwrap().len();
    assert_eq!(expired(State::Cancelled, time).await, 2);
    assert_eq!(expired(State::Cancelled, early).await, 0);
    let all = world.retention().expired(&SHARDS, State::Cancelled, time, None, 10).await.unwrap();
    for (number, one) in all.iter().enumerate() {
        let behind = world.retention().expired(&SHARDS, State::Cancelled, time, Some(*one), 10).await.unwrap();
        assert_eq!(behind, all[number + 1..], "two that ended at the same time are two");
    }
    assert_eq!(expired(State::Completed, time).await, 0);
    let purge = async |state, before| {
        let mut tx = world.begin().await.unwrap();
        let gone = tx.retention().purge(ended(&owner, execution), state, before).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    assert!(!purge(State::Cancelled, early).await);
    assert!(!purge(State::Completed, time).await);
    assert!(purge(State::Cancelled, time).await);
    assert!(!purge(State::Cancelled, time).await);
    assert!(read(world, execution, 10).await.is_empty());
    assert!(world.executions(owner.project_id).find(execution.execution_id).await.unwrap().is_none());
    assert_eq!(read(world, other, 10).await.len(), 2);
    for sql in [
        "SELECT count(*) AS n FROM execution",
        "SELECT count(*) AS n FROM execution_input",
        "SELECT count(*) AS n FROM archive",
    ] {
        assert_eq!(count(world, sql).await, 1, "{sql}");
    }
    no_orphans(world).await;
}

/// A trigger, and the start of an execution by it.
async fn by_a_trigger(world: &World, owner: &Owner) -> (TriggerId, Execution) {
    let ground = Ground { project_id: owner.project_id, agent_id: owner.agent_id };
    let name = world.ambient().id::<TriggerId>().to_string();
    let trigger_id = insert(world, &ground, &name, "webhook", None).await;
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 1, columns(State::Running));
    for start in &mut batch.starts {
        start.origin.trigger_id = Some(trigger_id);
    }
    owner.commit(batch).await.unwrap();
    let mut tx = world.begin().await.unwrap();
    for (key, started) in [("its own", Some(execution.execution_id)), ("another's", None)] {
        tx.fires(owner.project_id).insert(&fire(&ground, trigger_id, key, 5)).await.unwrap();
        let how = Settled { state: "started", execution_id: started, error: None };
        tx.fires(owner.project_id).settle(trigger_id, key, how).await.unwrap();
    }
    tx.triggers(owner.project_id).ran(trigger_id, Ran::Started(execution.execution_id)).await.unwrap();
    tx.commit().await.unwrap();
    (trigger_id, execution)
}

/// An approval of an execution and a message to it.
async fn hang_on(world: &World, owner: &Owner, execution: Execution) {
    let mut batch = owner.batch();
    let approval = crate::approvals::row(world, owner, execution.execution_id);
    batch.rows.push(Side::Approval(Box::new(approval)));
    batch.rows.push(Side::Message(Message {
        shard: 7,
        message_id: world.ambient().id(),
        project_id: owner.project_id,
        recipient: execution.execution_id.to_string(),
        kind: "stop".to_owned(),
        body: "{}".to_owned(),
        created_at: Timestamp::from_micros(3),
    }));
    owner.commit(batch).await.unwrap();
}

/// The tables of which a row names the execution, and how many do.
async fn naming(world: &World, execution: Execution) -> Vec<(&'static str, u64)> {
    let mut found = Vec::new();
    for (table, sql) in [
        ("execution", "SELECT count(*) AS n FROM execution WHERE execution_id = $1"),
        ("execution_input", "SELECT count(*) AS n FROM execution_input WHERE execution_id = $1"),
        ("journal", "SELECT count(*) AS n FROM journal WHERE execution_id = $1"),
        ("archive", "SELECT count(*) AS n FROM archive WHERE execution_id = $1"),
        ("snapshot", "SELECT count(*) AS n FROM snapshot WHERE execution_id = $1"),
        ("approval", "SELECT count(*) AS n FROM approval WHERE execution_id = $1"),
        ("message", "SELECT count(*) AS n FROM message WHERE recipient = $1"),
        ("fire", "SELECT count(*) AS n FROM fire WHERE execution_id = $1"),
        ("trigger", "SELECT count(*) AS n FROM trigger WHERE last_execution_id = $1"),
    ] {
        let rows: u64 = world.query(sql).bind(execution.execution_id).one(|row| row.get("n")).await.unwrap();
        found.extend((rows > 0).then_some((table, rows)));
    }
    found
}

async fn a_purge_takes_approvals_messages_and_fires(world: &World) {
    let owner = Owner::new(world).await;
    let mut tx = world.begin().await.unwrap();
    tx.agents(owner.project_id).insert(owner.agent_id, &"hello".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let ((trigger_id, gone), (_, kept)) = (by_a_trigger(world, &owner).await, by_a_trigger(world, &owner).await);
    for execution in [gone, kept] {
        hang_on(world, &owner, execution).await;
        let ended = ended(&owner, owner.stepped(execution, columns(State::Completed)).await);
        while world.archive_next(ended).await.unwrap() {}
    }
    no_orphans(world).await;
    let all =
        ["execution", "execution_input", "archive", "approval", "message", "fire", "trigger"].map(|table| (table, 1));
    assert_eq!(naming(world, gone).await, all);
    let mut tx = world.begin().await.unwrap();
    let time = Timestamp::from_micros(7);
    assert!(tx.retention().purge(ended(&owner, gone), State::Completed, time).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(naming(world, gone).await, []);
    assert_eq!(naming(world, kept).await, all);
    assert_eq!(world.fires(owner.project_id).list(trigger_id, None, 10).await.unwrap().len(), 1, "another's stays");
    no_orphans(world).await;
}

/// Whoever remembers a number of the journal never meets another entry under it.
async fn numbers_are_not_given_twice(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 4, State::Completed).await;
    while world.archive_next(ended(&owner, execution)).await.unwrap() {}
    // a new process reads its counters anew
    let owner = Owner::new(world).await;
    owner.started(world, columns(State::Running)).await;
    assert_eq!(count(world, "SELECT max(lsn) AS n FROM journal").await, 5);
}

async fn two_janitors_do_it_once(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 1_200, State::Completed).await;
    let before = read(world, execution, 1_000).await;
    let of = ended(&owner, execution);
    let work = async || while world.archive_next(of).await.unwrap() {};
    futures::future::join_all((0..4).map(|_| work())).await;
    assert_eq!(hot(world).await, 0);
    assert_eq!(read(world, execution, 1_000).await, before);
    no_orphans(world).await;
}

async fn orphans_are_seen(world: &World) {
    let owner = Owner::new(world).await;
    let mut tx = world.begin().await.unwrap();
    tx.agents(owner.project_id).insert(owner.agent_id, &"hello".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let (a, (_, b)) = (long(world, &owner, 2, State::Completed).await, by_a_trigger(world, &owner).await);
    while world.archive_next(ended(&owner, a)).await.unwrap() {}
    no_orphans(world).await;
    hang_on(world, &owner, b).await;
    no_orphans(world).await;
    let mut tx = world.begin().await.unwrap();
    tx.query("DELETE FROM archive WHERE execution_id = $1").bind(a.execution_id).execute().await.unwrap();
    tx.query("DELETE FROM execution WHERE execution_id = $1").bind(b.execution_id).execute().await.unwrap();
    tx.commit().await.unwrap();
    let (found, next) = world.retention().orphans(Timestamp::from_micros(9), "", 10_000).await.unwrap();
    assert_eq!(found, Orphans { journals: 1, inputs: 1, incomplete: 1, approvals: 1, fires: 1, messages: 1 });
    assert_eq!(next, Some(b.execution_id.to_string()));
    // inputs are looked at as far as the page of the journal goes, and behind its end with the last one
    let (found, next) = world.retention().orphans(Timestamp::from_micros(9), "", 0).await.unwrap();
    assert_eq!((found.journals, found.inputs, next), (0, 1, None));
    let last = b.execution_id.to_string();
    let (found, next) = world.retention().orphans(Timestamp::from_micros(9), &last, 10_000).await.unwrap();
    assert_eq!((found.journals, found.inputs, next), (0, 0, None));
}

async fn a_file_shrinks(world: &World) {
    let owner = Owner::new(world).await;
    let execution = long(world, &owner, 20_000, State::Completed).await;
    while world.archive_next(ended(&owner, execution)).await.unwrap() {}
    if world.backend != "sqlite" {
        assert_eq!(world.shrink().await.unwrap(), 0);
        return;
    }
    let pages = async || count(world, "SELECT page_count AS n FROM pragma_page_count").await;
    let before = pages().await;
    let mut left = world.shrink().await.unwrap();
    while left > 0 {
        let now = world.shrink().await.unwrap();
        assert!(now < left);
        left = now;
    }
    assert!(pages().await < before / 2, "{before} pages, now {}", pages().await);
}

/// A second version of an agent, made of a bundle of its own.
async fn of_bundle(world: &World, owner: &Owner, agent_id: AgentId, sha256: &str) {
    let mut tx = world.begin().await.unwrap();
    tx.bundles(owner.project_id).put(sha256, &PackedBundle::pack(b"{}").unwrap()).await.unwrap();
    let content_hash = ContentHash::of(sha256.as_bytes());
    let bundle = Some(sha256);
    let new = NewVersion { agent_id, version: 2, content_hash, config: "{}", bundle, created_by: Actor::System };
    tx.versions(owner.project_id).insert(new).await.unwrap();
    tx.commit().await.unwrap();
}

async fn bundles_of_no_use_are_deleted(world: &World) {
    let mut owner = Owner::new(world).await;
    let project_id = owner.project_id;
    let left = async || {
        let mut left = Vec::new();
        for sha256 in ["live", "gone", "gone with history", "never used"] {
            left.extend(world.bundles(project_id).find(sha256).await.unwrap().map(|_| sha256));
        }
        left
    };
    for sha256 in ["live", "gone", "gone with history"] {
        let agent_id = agent(world, project_id, &sha256.replace(' ', "-"), "{}").await;
        of_bundle(world, &owner, agent_id, sha256).await;
        if sha256 != "live" {
            let mut tx = world.begin().await.unwrap();
            tx.agents(project_id).set_deleted(agent_id).await.unwrap();
            tx.commit().await.unwrap();
        }
        owner.agent_id = agent_id;
    }
    // of the last one an execution is left
    let execution = long(world, &owner, 2, State::Completed).await;
    let mut tx = world.begin().await.unwrap();
    tx.bundles(project_id).put("never used", &PackedBundle::pack(b"{}").unwrap()).await.unwrap();
    tx.commit().await.unwrap();

    let now = world.ambient().now();
    let sweep = async |before, limit| {
        let mut tx = world.begin().await.unwrap();
        let gone = tx.retention().sweep_bundles(before, limit).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    let later = Timestamp::from_micros(now.as_micros() + 1);
    assert_eq!(sweep(now, 10).await, 0, "used just now");
    assert_eq!(sweep(later, 1).await, 1);
    assert_eq!(sweep(later, 10).await, 1);
    assert_eq!(left().await, ["live", "gone with history"]);

    while world.archive_next(ended(&owner, execution)).await.unwrap() {}
    let mut tx = world.begin().await.unwrap();
    assert!(tx.retention().purge(ended(&owner, execution), State::Completed, Timestamp::from_micros(9)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(sweep(later, 10).await, 1);
    assert_eq!(left().await, ["live"]);
}
