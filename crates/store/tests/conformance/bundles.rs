//! The table `bundle`.

use moltforge_store::PackedBundle;
use moltforge_testing::World;

use super::agents::project;

moltforge_testing::worlds! { a_bundle_comes_back, a_bundle_belongs_to_its_project, a_damaged_body_is_seen }

async fn put(world: &World, sha256: &str, bytes: &[u8]) -> moltforge_types::Timestamp {
    let mut tx = world.begin().await.unwrap();
    let created_at = tx.bundles(project(1)).put(sha256, &PackedBundle::pack(bytes).unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    created_at
}

async fn a_bundle_comes_back(world: &World) {
    let bytes = b"export async function run() {}".repeat(1_000);
    let first = put(world, "aa", &bytes).await;
    world.clock().advance(std::time::Duration::from_secs(5));
    assert_eq!(put(world, "aa", &bytes).await, first, "the same one again");
    let found = world.bundles(project(1)).find("aa").await.unwrap().unwrap();
    assert_eq!((found.created_at, found.packed.bytes), (first, bytes.len() as u64));
    assert!(found.packed.body.len() < 2_000);
    assert_eq!(found.packed.unpack().unwrap(), bytes);
    let damaged = PackedBundle { bytes: 1, body: b"no".to_vec() };
    let mut tx = world.begin().await.unwrap();
    tx.bundles(project(1)).put("aa", &damaged).await.unwrap();
    tx.commit().await.unwrap();
    put(world, "aa", &bytes).await;
    let mended = world.bundles(project(1)).find("aa").await.unwrap().unwrap();
    assert_eq!((mended.created_at, mended.packed.unpack().unwrap()), (first, bytes.clone()));
    put(world, "bb", b"x").await;
    assert_eq!(world.bundles(project(1)).total().await.unwrap(), (2, bytes.len() as u64 + 1));
    let mut tx = world.begin().await.unwrap();
    assert!(tx.bundles(project(1)).set_used("bb").await.unwrap());
    assert!(!tx.bundles(project(1)).set_used("cc").await.unwrap());
}

async fn a_bundle_belongs_to_its_project(world: &World) {
    put(world, "aa", b"x").await;
    assert_eq!(world.bundles(project(2)).find("aa").await.unwrap(), None);
    assert_eq!(world.bundles(project(2)).total().await.unwrap(), (0, 0));
    let mut tx = world.begin().await.unwrap();
    assert!(!tx.bundles(project(2)).set_used("aa").await.unwrap());
}

async fn a_damaged_body_is_seen(_: &World) {
    let packed = PackedBundle::pack(b"hello").unwrap();
    let longer = PackedBundle { bytes: 6, ..packed.clone() };
    let shorter = PackedBundle { bytes: 4, ..packed.clone() };
    let broken = PackedBundle { body: packed.body[..4].to_vec(), ..packed };
    assert!([longer, shorter, broken].iter().all(|one| one.unpack().is_err()));
}
