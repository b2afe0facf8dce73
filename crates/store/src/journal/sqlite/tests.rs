//! A full disk, met at every page: SQLite's own limit on the number of pages gives the same error.

use std::time::Duration;

use moltforge_types::execution::State;
use moltforge_types::{Ambient, ExecutionId, NodeId, ProjectId};

use super::*;
use crate::Location;
use crate::journal::batch::{Fold, LaneToken, NewEntry, NewExecution, StateRow};
use crate::sql::Db;

fn columns() -> Columns {
    Columns {
        state: State::Running,
        reason: None,
        attempt: 1,
        wake_at: None,
        waiting_for: None,
        finished_at: None,
        output: None,
        error: None,
        tokens: 0,
    }
}

/// A start and, with `prev` entries there, a step of another execution, with a large payload.
fn batch(ambient: &Ambient, token: LaneToken, known: Option<(ProjectId, ExecutionId, u64)>) -> Batch {
    let mut batch = Batch::new(token, ambient.now());
    let project_id = known.map_or_else(|| ambient.id(), |(project_id, _, _)| project_id);
    let execution_id: ExecutionId = ambient.id();
    batch.starts.push(NewExecution {
        project_id,
        execution_id,
        shard: 0,
        agent_id: ambient.id(),
        agent_name: "hello".to_owned(),
        version_id: ambient.id(),
        version: 1,
        environment: None,
        idempotency_key: None,
        request_hash: None,
        input: "\"x\"".repeat(2000),
        deadline: None,
        created_at: batch.at,
        trigger: "api".to_owned(),
        origin: moltforge_types::Origin::default(),
        last_seq: 1,
        columns: columns(),
    });
    let mut entries = vec![(execution_id, 1)];
    if let Some((project_id, execution_id, prev_seq)) = known {
        batch.folds.push(Fold { project_id, execution_id, prev_seq, last_seq: prev_seq + 1, columns: columns() });
        entries.push((execution_id, prev_seq + 1));
    }
    for (execution_id, seq) in entries {
        let payload = vec![b'x'; 10_000];
        batch.entries.push(NewEntry { shard: 0, execution_id, seq, kind: 1, at: batch.at, payload });
    }
    batch.writes.push(StateRow {
        project_id,
        agent_id: ambient.id(),
        key: "key".to_owned(),
        value: Some("1".repeat(5000)),
        execution_id,
        at: batch.at,
    });
    batch
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_writes_nothing_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let ambient = Ambient::system();
    let store = Store::open(Location::Sqlite(folder.path().to_path_buf()), ambient.clone()).await.unwrap();
    let node_id: NodeId = ambient.id();
    let mut tx = store.begin().await.unwrap();
    let token = tx.nodes().register(node_id, 1, Duration::from_secs(15)).await.unwrap()[0];
    tx.commit().await.unwrap();
    let Db::Sqlite(db) = store.db().clone() else { panic!("it is SQLite") };
    tokio::task::spawn_blocking(move || {
        let mut connection = connect(&db.file).unwrap();
        let first = batch(&ambient, token, None);
        let (project_id, execution_id) = (first.starts[0].project_id, first.starts[0].execution_id);
        commit(&mut connection, &db.writer, &first).unwrap();
        let mut refused = 0;
        for room in 0.. {
            let pages = number(&connection, "PRAGMA page_count");
            number(&connection, &format!("PRAGMA max_page_count = {}", pages + room));
            let before = number(&connection, "SELECT count(*) + (SELECT count(*) FROM state) FROM journal");
            let next = batch(&ambient, token, Some((project_id, execution_id, 1)));
            match commit(&mut connection, &db.writer, &next) {
                Ok(()) => break,
                Err(CommitError::Unavailable(error @ Error::Full(_))) => assert!(error.is_retryable()),
                Err(other) => panic!("{other:?}"),
            }
            refused += 1;
            assert!(connection.is_autocommit());
            assert_eq!(number(&connection, "SELECT count(*) + (SELECT count(*) FROM state) FROM journal"), before);
            assert_eq!(number(&connection, "SELECT max(last_seq) FROM execution"), 1);
        }
        assert!(refused > 5, "it was never full: {refused}");
        assert_eq!(number(&connection, "SELECT max(last_seq) FROM execution"), 2);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writer_is_shared_with_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let ambient = Ambient::system();
    let store = Store::open(Location::Sqlite(folder.path().to_path_buf()), ambient.clone()).await.unwrap();
    let node_id: NodeId = ambient.id();
    let mut tx = store.begin().await.unwrap();
    let token = tx.nodes().register(node_id, 1, Duration::from_secs(15)).await.unwrap()[0];
    tx.commit().await.unwrap();
    let journal = store.journal().unwrap();
    // a transaction is open: the commit waits for its turn instead of failing
    let tx = store.begin().await.unwrap();
    let first = Arc::new(batch(&ambient, token, None));
    let commit = journal.commit(first);
    tokio::pin!(commit);
    assert!(futures::poll!(&mut commit).is_pending());
    tx.commit().await.unwrap();
    commit.await.unwrap();
}
