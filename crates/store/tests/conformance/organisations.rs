//! `organisation`.

use moltforge_store::Error;
use moltforge_testing::World;

moltforge_testing::worlds! { an_organisation_is_found_by_its_name, a_name_is_taken_once }

async fn an_organisation_is_found_by_its_name(world: &World) {
    let mut tx = world.begin().await.unwrap();
    let made = tx.organisations().insert("acme").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(made.created_at, world.ambient().now());
    assert_eq!(world.organisations().find("acme").await.unwrap(), Some(made));
    assert_eq!(world.organisations().find("other").await.unwrap(), None);
}

async fn a_name_is_taken_once(world: &World) {
    let mut tx = world.begin().await.unwrap();
    tx.organisations().insert("acme").await.unwrap();
    let again = tx.organisations().insert("acme").await;
    assert!(matches!(again, Err(Error::Unique { table: "organisation" })), "{again:?}");
}
