//! `session`.

use std::time::Duration;

use moltforge_store::Error;
use moltforge_testing::World;
use moltforge_types::{Id as _, KeyId, SessionId};

use crate::projects::{hash, key, project};

moltforge_testing::worlds! { a_session_ends_once, use_only_moves_forward, a_key_must_exist, expired_ones_are_deleted_in_bounds }

async fn a_session_ends_once(world: &World) {
    let project = project(world, "one").await;
    let key = key(world, &project, "s").await;
    let mut tx = world.begin().await.unwrap();
    let end = tx.now().plus(Duration::from_secs(100));
    let session = tx.sessions(project.project_id).insert(key.key_id, &hash("token"), end).await.unwrap();
    tx.commit().await.unwrap();
    world.clock().advance(Duration::from_secs(1));
    for expected in [true, false] {
        let mut tx = world.begin().await.unwrap();
        assert_eq!(tx.sessions(project.project_id).end(session.session_id).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
    let (found, _) = world.credentials().find_session(&hash("token")).await.unwrap().unwrap();
    assert_eq!(found.ended_at, Some(session.created_at.plus(Duration::from_secs(1))));
    let mut tx = world.begin().await.unwrap();
    assert!(!tx.sessions(project.project_id).end(SessionId::from_u128(1)).await.unwrap());
}

async fn use_only_moves_forward(world: &World) {
    let project = project(world, "one").await;
    let key = key(world, &project, "s").await;
    let mut tx = world.begin().await.unwrap();
    let now = tx.now();
    let session = tx.sessions(project.project_id).insert(key.key_id, &hash("token"), now).await.unwrap();
    for (seconds, expected) in [(60, 60), (30, 60)] {
        let at = now.plus(Duration::from_secs(seconds));
        tx.sessions(project.project_id).touch(session.session_id, at).await.unwrap();
        let (found, _) = tx.credentials().find_session(&hash("token")).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, now.plus(Duration::from_secs(expected)));
    }
}

async fn a_key_must_exist(world: &World) {
    let project = project(world, "one").await;
    let mut tx = world.begin().await.unwrap();
    let now = tx.now();
    let orphan = tx.sessions(project.project_id).insert(KeyId::from_u128(1), &hash("t"), now).await;
    assert!(matches!(orphan, Err(Error::Reference { .. })), "{orphan:?}");
}

async fn expired_ones_are_deleted_in_bounds(world: &World) {
    let project = project(world, "one").await;
    let key = key(world, &project, "s").await;
    let mut tx = world.begin().await.unwrap();
    let now = tx.now();
    for n in 0..5_u64 {
        let end = now.plus(Duration::from_secs(n));
        tx.sessions(project.project_id).insert(key.key_id, &hash(&n.to_string()), end).await.unwrap();
    }
    let before = now.plus(Duration::from_secs(4));
    assert_eq!(tx.sessions(project.project_id).delete_expired(before, 3).await.unwrap(), 3);
    assert_eq!(tx.sessions(project.project_id).delete_expired(before, 3).await.unwrap(), 1);
    assert_eq!(tx.sessions(project.project_id).delete_expired(before, 3).await.unwrap(), 0);
    assert!(tx.credentials().find_session(&hash("4")).await.unwrap().is_some());
}
