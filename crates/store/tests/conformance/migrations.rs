//! Migrating, and what is refused.

use moltforge_store::{Error, Location, Store};
use moltforge_testing::World;
use moltforge_types::Fault as _;
use tempfile::TempDir;

moltforge_testing::worlds! { all_are_applied, a_second_start_applies_nothing, a_newer_database_is_refused, a_changed_migration_is_refused }

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
