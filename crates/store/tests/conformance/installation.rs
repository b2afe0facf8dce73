//! `installation`.

use moltforge_testing::World;

moltforge_testing::worlds! { a_secret_is_made_once }

async fn a_secret_is_made_once(world: &World) {
    let mut tx = world.begin().await.unwrap();
    let first = tx.installation().secret("effects", [1; 32]).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.begin().await.unwrap();
    let second = tx.installation().secret("effects", [2; 32]).await.unwrap();
    assert_eq!((first.as_slice(), second.as_slice()), ([1; 32].as_slice(), [1; 32].as_slice()));
    assert_eq!(tx.installation().secret("other", [3; 32]).await.unwrap(), [3; 32]);
}
