//! `key`.

use std::time::Duration;

use moltforge_store::{Error, NewKey};
use moltforge_testing::World;
use moltforge_types::{Actor, Id as _, KeyId, Scope};

use crate::projects::{hash, key, project};

moltforge_testing::worlds! {
    a_key_round_trips, a_secret_is_unique_everywhere, pages_run_from_new_to_old, a_key_is_revoked_once,
    use_only_moves_forward, other_projects_see_nothing,
}

async fn a_key_round_trips(world: &World) {
    let project = project(world, "one").await;
    let mut tx = world.begin().await.unwrap();
    let expires_at = Some(tx.now().plus(Duration::from_mins(1)));
    let new = NewKey {
        name: "ci \u{1F600}",
        secret_hash: &hash("secret"),
        hint: "mf_ab",
        scopes: &[Scope::AgentsRead],
        created_by: Actor::Key(KeyId::from_u128(5)),
        expires_at,
    };
    let made = tx.keys(project.project_id).insert(new).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((made.name.as_str(), made.expires_at), ("ci \u{1F600}", expires_at));
    assert_eq!(made.created_by, KeyId::from_u128(5).to_string());
    assert_eq!(world.keys(project.project_id).find(made.key_id).await.unwrap(), Some(made));
}

async fn a_secret_is_unique_everywhere(world: &World) {
    let (one, two) = (project(world, "one").await, project(world, "two").await);
    key(world, &one, "same").await;
    let mut tx = world.begin().await.unwrap();
    let new = NewKey {
        name: "b",
        secret_hash: &hash("same"),
        hint: "mf_",
        scopes: &[],
        created_by: Actor::System,
        expires_at: None,
    };
    assert!(matches!(tx.keys(two.project_id).insert(new).await, Err(Error::Unique { table: "key" })));
}

async fn pages_run_from_new_to_old(world: &World) {
    let project = project(world, "one").await;
    let mut made = Vec::new();
    for n in 0..5 {
        world.clock().advance(Duration::from_millis(2));
        made.push(key(world, &project, &n.to_string()).await);
    }
    made.reverse();
    let first = world.keys(project.project_id).list(None, 3).await.unwrap();
    assert_eq!(first, made[..3]);
    let rest = world.keys(project.project_id).list(Some(first[2].key_id), 3).await.unwrap();
    assert_eq!(rest, made[3..]);
}

async fn a_key_is_revoked_once(world: &World) {
    let project = project(world, "one").await;
    let made = key(world, &project, "s").await;
    world.clock().advance(Duration::from_secs(1));
    let at = world.ambient().now();
    for expected in [true, false] {
        let mut tx = world.begin().await.unwrap();
        assert_eq!(tx.keys(project.project_id).revoke(made.key_id).await.unwrap(), expected);
        tx.commit().await.unwrap();
        world.clock().advance(Duration::from_secs(1));
    }
    let now = world.keys(project.project_id).find(made.key_id).await.unwrap().unwrap();
    assert_eq!(now.revoked_at, Some(at), "the first time stands");
    let mut tx = world.begin().await.unwrap();
    assert!(!tx.keys(project.project_id).revoke(KeyId::from_u128(1)).await.unwrap());
}

async fn use_only_moves_forward(world: &World) {
    let project = project(world, "one").await;
    let made = key(world, &project, "s").await;
    let now = world.ambient().now();
    for (seconds, expected) in [(60, 60), (30, 60), (90, 90)] {
        let mut tx = world.begin().await.unwrap();
        tx.keys(project.project_id).touch(made.key_id, now.plus(Duration::from_secs(seconds))).await.unwrap();
        tx.commit().await.unwrap();
        let key = world.keys(project.project_id).find(made.key_id).await.unwrap().unwrap();
        assert_eq!(key.last_used_at, Some(now.plus(Duration::from_secs(expected))));
    }
}

async fn other_projects_see_nothing(world: &World) {
    let (one, two) = (project(world, "one").await, project(world, "two").await);
    let made = key(world, &one, "s").await;
    assert_eq!(world.keys(two.project_id).find(made.key_id).await.unwrap(), None);
    assert_eq!(world.keys(two.project_id).list(None, 10).await.unwrap(), []);
    let mut tx = world.begin().await.unwrap();
    assert!(!tx.keys(two.project_id).revoke(made.key_id).await.unwrap());
    let now = tx.now();
    tx.keys(two.project_id).touch(made.key_id, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.keys(one.project_id).find(made.key_id).await.unwrap(), Some(made));
}
