//! The journal on SQLite: a thread with its own connection, one transaction per batch.
//!
//! rusqlite on a thread has half the latency of sqlx here, because every statement is a function call instead of a
//! message. The thread and the store's transactions take turns through one fair lock.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_types::Timestamp;
use moltforge_types::execution::Reason;
use rusqlite::{Connection, ErrorCode, params};
use tokio::sync::oneshot;

use super::batch::{Batch, Columns};
use super::{CommitError, Journal, Membership, Reads};
use crate::error::Error;
use crate::location::FolderLock;
use crate::sql::{SqliteDb, Value, Writer};
use crate::store::Store;

type Job = (Arc<Batch>, oneshot::Sender<Result<(), CommitError>>);

pub(super) struct SqliteJournal {
    jobs: mpsc::Sender<Job>,
    store: Store,
}

impl SqliteJournal {
    /// `lock` is held until the thread has ended.
    pub(super) fn open(sqlite: &SqliteDb, store: Store, lock: Option<Arc<FolderLock>>) -> Result<Self, Error> {
        let mut connection = connect(&sqlite.file).map_err(plain)?;
        let writer = sqlite.writer.clone();
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _lock = lock;
                // ends when the journal is dropped
                while let Ok((batch, answer)) = queue.recv() {
                    let _span = tracing::debug_span!("commit", entries = batch.entries.len()).entered();
                    let result = commit(&mut connection, &writer, &batch);
                    // the owner may have stopped waiting
                    answer.send(result).ok();
                }
            })
            .map_err(|error| Error::Unavailable(error.into()))?;
        Ok(Self { jobs, store })
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        batch.check().map_err(CommitError::Mismatch)?;
        let gone = || CommitError::Unavailable(Error::Unavailable("the journal's thread has ended".into()));
        let (answer, result) = oneshot::channel();
        self.jobs.send((batch, answer)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }

    fn reads(&self) -> &dyn Reads {
        &self.store
    }

    fn membership(&self) -> &dyn Membership {
        &self.store
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    // FULL: a commit is on the disk before it returns. Checkpoints are the checkpointer's.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536; \
         PRAGMA foreign_keys = ON;",
    )?;
    Ok(connection)
}

fn commit(connection: &mut Connection, writer: &Writer, batch: &Batch) -> Result<(), CommitError> {
    let _turn = writer.turn();
    run(connection, "BEGIN IMMEDIATE").map_err(unavailable)?;
    if let Err(error) = write(connection, batch) {
        roll_back(connection);
        return Err(error);
    }
    if let Err(error) = run(connection, "COMMIT") {
        roll_back(connection);
        // whether it landed is a fact that can be looked at
        return if landed(connection, batch).unwrap_or(false) { Ok(()) } else { Err(unavailable(error)) };
    }
    Ok(())
}

fn write(connection: &Connection, batch: &Batch) -> Result<(), CommitError> {
    fence(connection, batch)?;
    folds(connection, batch)?;
    starts(connection, batch)?;
    let next: i64 = connection
        .prepare_cached(NEXT)
        .and_then(|mut next| next.query_row([], |row| row.get(0)))
        .map_err(unavailable)?;
    for (lsn, entry) in (next..).zip(&batch.entries) {
        connection
            .prepare_cached(ENTRY)
            .and_then(|mut statement| {
                statement.execute(params![
                    lsn,
                    entry.shard,
                    entry.execution_id.to_string(),
                    signed(entry.seq),
                    entry.kind,
                    entry.at.as_micros(),
                    entry.payload,
                ])
            })
            .map_err(|error| match extended(&error) {
                CONSTRAINT_UNIQUE => CommitError::Mismatch(format!("{}/{} exists", entry.execution_id, entry.seq)),
                _ => unavailable(error),
            })?;
    }
    writes(connection, batch).map_err(unavailable)?;
    rows(connection, batch).map_err(unavailable)
}

fn rows(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    for row in &batch.rows {
        let (sql, values) = row.statement();
        let values = values.into_iter().map(|value| match value {
            Value::Integer(number) => rusqlite::types::Value::from(number),
            Value::Text(text) => rusqlite::types::Value::from(text),
            Value::Blob(bytes) => rusqlite::types::Value::from(bytes),
        });
        connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

/// In the same transaction, under the write lock: nobody can take over between this and the commit.
fn fence(connection: &Connection, batch: &Batch) -> Result<(), CommitError> {
    let token = batch.token;
    let mut statement = connection.prepare_cached(FENCE).map_err(unavailable)?;
    let held =
        statement.exists(params![token.node_id.to_string(), token.lane, token.incarnation]).map_err(unavailable)?;
    if held { Ok(()) } else { Err(CommitError::Fenced) }
}

fn folds(connection: &Connection, batch: &Batch) -> Result<(), CommitError> {
    for fold in &batch.folds {
        let Columns { state, reason, attempt, wake_at, waiting_for, finished_at, output, error, tokens } =
            &fold.columns;
        let run = |sql| {
            connection.prepare_cached(sql)?.execute(params![
                fold.project_id.to_string(),
                fold.execution_id.to_string(),
                signed(fold.prev_seq),
                signed(fold.last_seq),
                batch.at.as_micros(),
                state.as_str(),
                reason.map(Reason::as_str),
                attempt,
                wake_at.map(Timestamp::as_micros),
                waiting_for,
                finished_at.map(Timestamp::as_micros),
                output,
                error,
                signed(*tokens),
            ])
        };
        let mut changed = run(STEP).map_err(unavailable)?;
        if changed == 0 {
            changed = run(TRANSITION).map_err(unavailable)?;
        }
        if changed != 1 {
            return Err(CommitError::Mismatch(format!("{} does not stand at {}", fold.execution_id, fold.prev_seq)));
        }
    }
    Ok(())
}

fn starts(connection: &Connection, batch: &Batch) -> Result<(), CommitError> {
    for start in &batch.starts {
        let (columns, origin) = (&start.columns, &start.origin);
        let (project_id, execution_id) = (start.project_id.to_string(), start.execution_id.to_string());
        connection
            .prepare_cached(START)
            .and_then(|mut statement| {
                statement.execute(params![
                    project_id,
                    execution_id,
                    start.shard,
                    start.agent_id.to_string(),
                    start.agent_name,
                    start.version_id.to_string(),
                    start.version,
                    start.environment,
                    start.idempotency_key,
                    start.request_hash,
                    start.deadline.map(Timestamp::as_micros),
                    start.created_at.as_micros(),
                    batch.at.as_micros(),
                    signed(start.last_seq),
                    columns.state.as_str(),
                    columns.reason.map(Reason::as_str),
                    columns.attempt,
                    columns.wake_at.map(Timestamp::as_micros),
                    columns.waiting_for,
                    columns.finished_at.map(Timestamp::as_micros),
                    signed(columns.tokens),
                    columns.output,
                    columns.error,
                    start.trigger,
                    origin.trigger_id.map(|id| id.to_string()),
                    origin.chain_depth,
                    origin.effective_priority(),
                    origin.concurrency_key,
                    origin.parent.as_ref().map(|parent| parent.execution_id.to_string()),
                    origin.parent.as_ref().map(|parent| parent.root_id.to_string()),
                    origin.forked_from.as_ref().map(|fork| fork.execution_id.to_string()),
                ])
            })
            .map_err(|error| match extended(&error) {
                // the table's only unique index beside its primary key is that of the idempotency key
                CONSTRAINT_UNIQUE => CommitError::Duplicate,
                CONSTRAINT_PRIMARYKEY => CommitError::Mismatch(format!("{execution_id} exists")),
                _ => unavailable(error),
            })?;
        connection
            .prepare_cached("INSERT INTO execution_input(project_id, execution_id, input) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![project_id, execution_id, start.input]))
            .map_err(unavailable)?;
    }
    Ok(())
}

fn writes(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    for row in batch.last_writes() {
        let (project_id, agent_id) = (row.project_id.to_string(), row.agent_id.to_string());
        match &row.value {
            Some(value) => connection.prepare_cached(SET)?.execute(params![
                project_id,
                agent_id,
                row.key,
                value,
                row.execution_id.to_string(),
                row.at.as_micros(),
            ])?,
            None => connection
                .prepare_cached("DELETE FROM state WHERE project_id = ?1 AND agent_id = ?2 AND key = ?3")?
                .execute(params![project_id, agent_id, row.key])?,
        };
    }
    Ok(())
}

fn landed(connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
    let Some(entry) = batch.entries.first() else { return Ok(false) };
    connection
        .prepare("SELECT 1 FROM journal WHERE execution_id = ?1 AND seq = ?2")?
        .exists(params![entry.execution_id.to_string(), signed(entry.seq)])
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

fn roll_back(connection: &Connection) {
    // a full disk may have ended the transaction already
    if !connection.is_autocommit()
        && let Err(error) = run(connection, "ROLLBACK")
    {
        tracing::error!(%error, "a journal transaction could not be rolled back");
    }
}

/// The batch's check made sure that it fits.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const CONSTRAINT_PRIMARYKEY: i32 = 1555;
const CONSTRAINT_UNIQUE: i32 = 2067;

fn extended(error: &rusqlite::Error) -> i32 {
    error.sqlite_error().map_or(0, |error| error.extended_code)
}

fn unavailable(error: rusqlite::Error) -> CommitError {
    CommitError::Unavailable(plain(error))
}

fn plain(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(error.into()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(error.into()),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Error::Unavailable(error.into()),
        _ => Error::Internal { table: "journal", source: error.into() },
    }
}

const FENCE: &str = "SELECT 1 FROM lane WHERE node_id = ?1 AND lane = ?2 AND incarnation = ?3";

/// A step that leaves state and timer alone, as most do. SQLite writes every index of which a column is named in `SET`,
/// whether its value changes or not; this names none (what has ended takes no step). `+` keeps the planner on the primary key.
const STEP: &str = "UPDATE execution SET last_seq = ?4, updated_at = ?5, reason = ?7, attempt = ?8, \
    waiting_for = ?10, output = ?12, error = ?13, tokens = ?14 \
    WHERE project_id = ?1 AND execution_id = ?2 AND last_seq = ?3 AND +state = ?6 AND +wake_at IS ?9";

/// A step that changes state or timer.
const TRANSITION: &str = "UPDATE execution SET last_seq = ?4, updated_at = ?5, state = ?6, reason = ?7, attempt = ?8, \
    wake_at = ?9, waiting_for = ?10, finished_at = ?11, output = ?12, error = ?13, tokens = ?14 \
    WHERE project_id = ?1 AND execution_id = ?2 AND last_seq = ?3";

const START: &str = "INSERT INTO execution(project_id, execution_id, shard, agent_id, agent_name, version_id, version, \
    environment, idempotency_key, request_hash, deadline, created_at, updated_at, last_seq, state, reason, attempt, \
    wake_at, waiting_for, finished_at, tokens, output, error, trigger, trigger_id, chain_depth, priority, \
    concurrency_key, parent_id, root_id, forked_from) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
    ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)";

/// The next number after the largest that is there or was deleted: the writer is alone, and a rollback gives its numbers
/// back.
const NEXT: &str =
    "SELECT max(coalesce((SELECT max(lsn) FROM journal), 0), coalesce((SELECT max(lsn) FROM shard), 0)) + 1";

const ENTRY: &str =
    "INSERT INTO journal(lsn, shard, execution_id, seq, kind, at, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const SET: &str = "INSERT INTO state(project_id, agent_id, key, value, execution_id, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (project_id, agent_id, key) \
    DO UPDATE SET value = excluded.value, execution_id = excluded.execution_id, updated_at = excluded.updated_at";

#[cfg(test)]
mod tests;
