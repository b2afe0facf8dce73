//! The table `snapshot`.

use moltforge_store::Snapshot;
use moltforge_testing::World;
use moltforge_types::ProjectId;
use moltforge_types::execution::State;

use crate::fixture::{Execution, Owner, columns};

moltforge_testing::worlds! {
    the_latest_one_is_kept,
    none_is_ahead_of_the_journal,
    what_has_ended_has_none,
    damage_is_seen,
}

async fn put(world: &World, owner: &Owner, execution: Execution, seq: u64, format: &str) -> bool {
    let snapshot = Snapshot::pack(seq, format, format!("state {seq}").as_bytes()).unwrap();
    let mut tx = world.begin().await.unwrap();
    let kept = tx.snapshots(owner.project_id).put(execution.execution_id, &snapshot).await.unwrap();
    tx.commit().await.unwrap();
    kept
}

async fn the_latest_one_is_kept(world: &World) {
    let owner = Owner::new(world).await;
    let mut execution = owner.started(world, columns(State::Running)).await;
    for _ in 0..4 {
        execution = owner.stepped(execution, columns(State::Running)).await;
    }
    assert!(put(world, &owner, execution, 2, "1").await);
    assert!(put(world, &owner, execution, 4, "1").await);
    // an owner of before wakes up late
    assert!(!put(world, &owner, execution, 3, "1").await);
    let found = world.snapshots(owner.project_id).find(execution.execution_id).await.unwrap().unwrap();
    assert_eq!((found.seq, found.format.as_str()), (4, "1"));
    assert_eq!(found.unpack().unwrap(), b"state 4");
    // another program's is of no use to this one
    assert!(put(world, &owner, execution, 3, "2").await);
    let foreign: ProjectId = world.ambient().id();
    assert!(world.snapshots(foreign).find(execution.execution_id).await.unwrap().is_none());
}

async fn none_is_ahead_of_the_journal(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Running)).await;
    assert!(!put(world, &owner, execution, 2, "1").await);
    assert!(world.snapshots(owner.project_id).find(execution.execution_id).await.unwrap().is_none());
}

async fn what_has_ended_has_none(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Completed)).await;
    assert!(!put(world, &owner, execution, 1, "1").await);
}

async fn damage_is_seen(_: &World) {
    let snapshot = Snapshot::pack(1, "1", &b"state".repeat(100)).unwrap();
    for at in 0..snapshot.body.len() {
        let mut damaged = snapshot.clone();
        damaged.body[at] ^= 1;
        assert_ne!(damaged.unpack().ok(), Some(b"state".repeat(100)), "byte {at}");
    }
}
