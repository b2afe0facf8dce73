//! Migrating, and what is refused.

use moltforge_store::{Error, Location, NewKey, Store};
use moltforge_testing::World;
use moltforge_types::{Actor, Fault as _, Scope};
use tempfile::TempDir;

moltforge_testing::worlds! {
    all_are_applied,
    a_second_start_applies_nothing,
    a_newer_database_is_refused,
    a_changed_migration_is_refused,
    keys_with_all_scopes_keep_all,
}

async fn all_are_applied(world: &World) {
    let applied = world.migrations().list().await.unwrap();
    assert!(!applied.is_empty());
    let numbers: Vec<_> = applied.iter().map(|migration| migration.number).collect();
    assert!(numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "{numbers:?}");
    assert!(applied.iter().all(|migration| migration.name.starts_with(&format!("{:04}_", migration.number))));
}

/// Another handle on the same database: SQLite's folder has one process at a time, so the first closes.
async fn reopen(world: &World) -> Result<(Store, Option<TempDir>), Error> {
    if let Some(folder) = world.folder() {
        world.close().await;
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.join("moltforge.db"), copy.path().join("moltforge.db")).unwrap();
        let store = Store::open(Location::Sqlite(copy.path().to_path_buf()), world.ambient()).await?;
        return Ok((store, Some(copy)));
    }
    Ok((Store::open(world.location(), world.ambient()).await?, None))
}

async fn a_second_start_applies_nothing(world: &World) {
    let before = world.migrations().list().await.unwrap();
    world.clock().advance(std::time::Duration::from_mins(1));
    let (again, _folder) = reopen(world).await.unwrap();
    assert_eq!(again.migrations().list().await.unwrap(), before);
}

async fn a_newer_database_is_refused(world: &World) {
    let mut tx = world.begin().await.unwrap();
    tx.query("INSERT INTO migration(number, name, checksum, applied_at) VALUES (9999, '9999_later', 'x', 0)")
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reopen(world).await.unwrap_err().code(), "database_newer");
}

async fn a_changed_migration_is_refused(world: &World) {
    let mut tx = world.begin().await.unwrap();
    tx.query("UPDATE migration SET checksum = 'x' WHERE number = 1").execute().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reopen(world).await.unwrap_err().code(), "migration_changed");
}

async fn keys_with_all_scopes_keep_all(world: &World) {
    let before: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::ApprovalsDecide).collect();
    let few = [Scope::ExecutionsRead, Scope::ExecutionsWrite];
    let mut tx = world.begin().await.unwrap();
    let organisation = tx.organisations().insert("test").await.unwrap();
    let project_id = tx.projects(organisation.organisation_id).insert("test").await.unwrap().project_id;
    let mut ids = Vec::new();
    for (name, scopes) in [("all", before.as_slice()), ("few", &few)] {
        let secret = world.ambient().bytes();
        let new = NewKey { name, secret_hash: &secret, hint: "x", scopes, created_by: Actor::System, expires_at: None };
        ids.push(tx.keys(project_id).insert(new).await.unwrap().key_id);
    }
    // as it was before there were approvals
    tx.query("DELETE FROM migration WHERE number = 10").execute().await.unwrap();
    tx.commit().await.unwrap();
    let (store, _folder) = reopen(world).await.unwrap();
    let mut scopes = Vec::new();
    for id in ids {
        scopes.push(store.keys(project_id).find(id).await.unwrap().unwrap().scopes);
    }
    assert_eq!(scopes, [Scope::ALL.to_vec(), few.to_vec()]);
}
