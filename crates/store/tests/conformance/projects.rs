//! `project`.

use moltforge_store::{Error, Key, NewKey, Project};
use moltforge_testing::World;
use moltforge_types::{Actor, ContentHash, Id as _, OrganisationId, Scope};

moltforge_testing::worlds! { a_project_belongs_to_its_organisation, a_name_is_taken_once_per_organisation, an_organisation_must_exist }

/// A project of its own for a test.
pub(crate) async fn project(world: &World, name: &str) -> Project {
    let mut tx = world.begin().await.unwrap();
    let organisation = tx.organisations().insert(name).await.unwrap();
    let project = tx.projects(organisation.organisation_id).insert("main").await.unwrap();
    tx.commit().await.unwrap();
    project
}

/// The hash of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    *ContentHash::of(secret.as_bytes()).as_bytes()
}

/// A key of a project.
pub(crate) async fn key(world: &World, project: &Project, secret: &str) -> Key {
    let mut tx = world.begin().await.unwrap();
    let new = NewKey {
        name: "a key",
        secret_hash: &hash(secret),
        hint: "mf_ab",
        scopes: &[Scope::AgentsRead, Scope::KeysWrite],
        created_by: Actor::System,
        expires_at: None,
    };
    let key = tx.keys(project.project_id).insert(new).await.unwrap();
    tx.commit().await.unwrap();
    key
}

async fn a_project_belongs_to_its_organisation(world: &World) {
    let mut tx = world.begin().await.unwrap();
    let one = tx.organisations().insert("one").await.unwrap().organisation_id;
    let two = tx.organisations().insert("two").await.unwrap().organisation_id;
    let b = tx.projects(one).insert("b").await.unwrap();
    let a = tx.projects(one).insert("a").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.projects(one).find("a").await.unwrap(), Some(a.clone()));
    assert_eq!(world.projects(two).find("a").await.unwrap(), None);
    assert_eq!(world.projects(one).list(10).await.unwrap(), [a.clone(), b]);
    assert_eq!(world.projects(one).list(1).await.unwrap(), [a]);
    assert_eq!(world.projects(two).list(10).await.unwrap(), []);
}

async fn a_name_is_taken_once_per_organisation(world: &World) {
    let mut tx = world.begin().await.unwrap();
    let one = tx.organisations().insert("one").await.unwrap().organisation_id;
    let two = tx.organisations().insert("two").await.unwrap().organisation_id;
    tx.projects(one).insert("a").await.unwrap();
    tx.projects(two).insert("a").await.unwrap();
    assert!(matches!(tx.projects(one).insert("a").await, Err(Error::Unique { table: "project" })));
}

async fn an_organisation_must_exist(world: &World) {
    let mut tx = world.begin().await.unwrap();
    let orphan = tx.projects(OrganisationId::from_u128(1)).insert("a").await;
    assert!(matches!(orphan, Err(Error::Reference { .. })), "{orphan:?}");
}
