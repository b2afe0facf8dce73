//! `sign_in_code`.

use std::time::Duration;

use moltforge_store::Error;
use moltforge_testing::World;
use moltforge_types::{Id as _, KeyId};

use crate::projects::{hash, key, project};

moltforge_testing::worlds! { a_key_must_exist, expired_ones_are_deleted_in_bounds }

async fn a_key_must_exist(world: &World) {
    let project = project(world, "one").await;
    let mut tx = world.begin().await.unwrap();
    let now = tx.now();
    let orphan = tx.sign_in_codes(project.project_id).insert(KeyId::from_u128(1), &hash("c"), now).await;
    assert!(matches!(orphan, Err(Error::Reference { .. })), "{orphan:?}");
}

async fn expired_ones_are_deleted_in_bounds(world: &World) {
    let project = project(world, "one").await;
    let key = key(world, &project, "s").await;
    let mut tx = world.begin().await.unwrap();
    let now = tx.now();
    for n in 0..5_u64 {
        let end = now.plus(Duration::from_secs(n));
        tx.sign_in_codes(project.project_id).insert(key.key_id, &hash(&n.to_string()), end).await.unwrap();
    }
    let before = now.plus(Duration::from_secs(4));
    assert_eq!(tx.sign_in_codes(project.project_id).delete_expired(before, 3).await.unwrap(), 3);
    assert_eq!(tx.sign_in_codes(project.project_id).delete_expired(before, 3).await.unwrap(), 1);
    assert!(tx.credentials().redeem_code(&hash("4"), now).await.unwrap().is_some());
}
