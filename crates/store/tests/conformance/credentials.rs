//! Keys, sessions and codes by the hash of their secret.

use std::time::Duration;

use moltforge_store::{RedeemedCode, Store};
use moltforge_testing::World;

use crate::projects::{hash, key, project};

moltforge_testing::worlds! {
    find_key_knows_the_project, find_session_brings_its_key, redeem_code_works_once, redeem_code_refuses_what_expired,
    of_many_at_once_one_redeems,
}

async fn find_key_knows_the_project(world: &World) {
    let (one, two) = (project(world, "one").await, project(world, "two").await);
    let (a, b) = (key(world, &one, "a").await, key(world, &two, "b").await);
    assert_eq!(world.credentials().find_key(&hash("a")).await.unwrap(), Some(a.clone()));
    assert_eq!(world.credentials().find_key(&hash("b")).await.unwrap(), Some(b));
    assert_eq!(world.credentials().find_key(&hash("c")).await.unwrap(), None);
    let mut tx = world.begin().await.unwrap();
    tx.keys(one.project_id).revoke(a.key_id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.credentials().find_key(&hash("a")).await.unwrap().unwrap().revoked_at.is_some());
}

async fn find_session_brings_its_key(world: &World) {
    let project = project(world, "one").await;
    let key = key(world, &project, "a").await;
    let mut tx = world.begin().await.unwrap();
    let end = tx.now().plus(Duration::from_secs(100));
    let session = tx.sessions(project.project_id).insert(key.key_id, &hash("t"), end).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.credentials().find_session(&hash("t")).await.unwrap(), Some((session, key)));
    assert_eq!(world.credentials().find_session(&hash("a")).await.unwrap(), None);
}

async fn code(world: &World) -> RedeemedCode {
    let project = project(world, "one").await;
    let key = key(world, &project, "a").await;
    let mut tx = world.begin().await.unwrap();
    let end = tx.now().plus(Duration::from_mins(5));
    tx.sign_in_codes(project.project_id).insert(key.key_id, &hash("code"), end).await.unwrap();
    tx.commit().await.unwrap();
    RedeemedCode { project_id: project.project_id, key_id: key.key_id }
}

async fn redeem(store: &Store) -> Option<RedeemedCode> {
    let mut tx = store.begin().await.unwrap();
    let now = tx.now();
    let redeemed = tx.credentials().redeem_code(&hash("code"), now).await.unwrap();
    tx.commit().await.unwrap();
    redeemed
}

async fn redeem_code_works_once(world: &World) {
    let expected = code(world).await;
    assert_eq!(redeem(world).await, Some(expected));
    assert_eq!(redeem(world).await, None);
}

async fn redeem_code_refuses_what_expired(world: &World) {
    code(world).await;
    world.clock().advance(Duration::from_mins(5));
    assert_eq!(redeem(world).await, None);
}

async fn of_many_at_once_one_redeems(world: &World) {
    code(world).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = world.store();
            tokio::spawn(async move { redeem(&store).await.is_some() })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
}
