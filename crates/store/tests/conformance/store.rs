//! Opening, closing, and who else may not.

use moltforge_store::{Location, Store};
use moltforge_testing::World;
use moltforge_types::{Ambient, Fault as _, Secret};

moltforge_testing::worlds! { it_opens_again_after_it_was_closed, it_begins_and_answers, a_revision_ends_with_a_transaction, it_has_a_size }

async fn it_begins_and_answers(world: &World) {
    world.ping().await.unwrap();
    world.begin().await.unwrap().commit().await.unwrap();
    world.begin().await.unwrap().rollback().await.unwrap();
}

async fn it_has_a_size(world: &World) {
    let before = world.bytes().await.unwrap();
    assert!(before > 100_000, "the tables are there: {before}");
    let mut tx = world.begin().await.unwrap();
    for n in 0..20 {
        tx.organisations().insert(&format!("{n}{}", "x".repeat(100_000))).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(world.bytes().await.unwrap() > before);
}

async fn a_revision_ends_with_a_transaction(world: &World) {
    let before = world.revision();
    assert_eq!(before.is_some(), world.backend == "sqlite");
    world.ping().await.unwrap();
    assert_eq!(world.revision(), before, "reads change nothing");
    let tx = world.begin().await.unwrap();
    assert_eq!(world.revision(), before, "nothing is committed yet");
    tx.commit().await.unwrap();
    let after = world.revision();
    assert!(after > before || after.is_none(), "{before:?} {after:?}");
    drop(world.begin().await.unwrap());
    assert!(world.revision() > after || after.is_none());
}

async fn it_opens_again_after_it_was_closed(world: &World) {
    world.close().await;
    assert_eq!(world.begin().await.unwrap_err().code(), "storage_unavailable");
    if world.backend == "postgres" {
        Store::open(world.location(), world.ambient()).await.unwrap().ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("data"));
    let first = Store::open(location.clone(), Ambient::system()).await.unwrap();
    let journal = first.journal().unwrap();
    let error = Store::open(location.clone(), Ambient::system()).await.unwrap_err();
    assert_eq!(error.code(), "data_folder_in_use");
    let text = error.to_string();
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
    assert!(text.ends_with(&format!("by process {}", std::process::id())), "{text}");
    drop(first);
    // the journal's thread could still write
    assert_eq!(Store::open(location.clone(), Ambient::system()).await.unwrap_err().code(), "data_folder_in_use");
    drop(journal);
    let mut tries = 0;
    while let Err(error) = Store::open(location.clone(), Ambient::system()).await {
        assert_eq!(error.code(), "data_folder_in_use");
        tries += 1;
        assert!(tries < 100_000, "the thread does not end");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    Store::open(Location::Sqlite(data.clone()), Ambient::system()).await.unwrap();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_locations_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::open(Location::Sqlite(file.clone()), Ambient::system()).await.unwrap_err();
    assert_eq!(error.code(), "data_folder_unusable");
    assert!(error.to_string().contains(&file.display().to_string()));
    let url = Secret::new("postgres://user:hunter2@host:nonsense/x");
    let error = Store::open(Location::Postgres(url), Ambient::system()).await.unwrap_err();
    assert_eq!(error.code(), "database_url_invalid");
    assert!(!format!("{error:?}").contains("hunter2"));
    // nobody listens on the port of `discard`
    let url = Secret::new("postgres://user@127.0.0.1:9/x");
    let error = Store::open(Location::Postgres(url), Ambient::system()).await.unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
    // a file that is no database
    std::fs::write(folder.path().join("moltforge.db"), "this is not a database file, it is a letter".repeat(100))
        .unwrap();
    let error = Store::open(Location::Sqlite(folder.path().to_path_buf()), Ambient::system()).await.unwrap_err();
    assert_eq!(error.code(), "storage_failed");
}
