//! Opening a SQLite database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};
use tokio::time::timeout;

use super::{ACQUIRE_LIMIT, classify};
use crate::error::Error;

/// Readers; more would only queue on the processor.
const READERS: u32 = 4;

/// An open SQLite database.
#[derive(Debug, Clone)]
pub(crate) struct SqliteDb {
    /// One connection.
    pub(super) write: SqlitePool,
    /// Read-only connections.
    pub(super) read: SqlitePool,
    /// Whose turn it is to write.
    pub(crate) writer: Arc<Writer>,
    /// The database's file.
    pub(crate) file: PathBuf,
}

/// Whoever writes holds the turn: transactions, and the journal's thread. The queue is fair, and inside this process
/// nobody meets SQLite's busy handler, which sleeps.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    turn: Arc<Mutex<()>>,
    /// Something was written since the last checkpoint.
    dirty: AtomicBool,
    /// Transactions that ended, the journal's not counted.
    ended: AtomicU64,
}

/// The turn of a transaction.
pub(super) struct Turn {
    writer: Arc<Writer>,
    _turn: OwnedMutexGuard<()>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.writer.ended.fetch_add(1, Ordering::Release);
    }
}

impl Writer {
    /// Waits for the turn, on a thread.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.blocking_lock();
        self.dirty.store(true, Ordering::Release);
        turn
    }

    /// Waits for the turn, in a task.
    pub(super) async fn turn_in_task(self: &Arc<Self>) -> Result<Turn, Error> {
        let turn = timeout(ACQUIRE_LIMIT, self.turn.clone().lock_owned())
            .await
            .map_err(|_| Error::Busy("another transaction holds the writer".into()))?;
        self.dirty.store(true, Ordering::Release);
        Ok(Turn { writer: self.clone(), _turn: turn })
    }

    /// How many transactions have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// The turn, if nobody has it.
    pub(super) fn free_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }

    /// Whether something was written since the last call.
    pub(super) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }
}

/// One write connection and a pool of readers on `file`.
pub(crate) async fn connect(file: &Path) -> Result<SqliteDb, Error> {
    // inside this process writers take turns; the busy timeout is for backups by other programs
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(true).busy_timeout(Duration::from_secs(5));
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(
            options
                .clone()
                .create_if_missing(true)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                // the checkpointer's work
                .pragma("wal_autocheckpoint", "0"),
        )
        .await
        .map_err(|error| classify(error, "(connection)"))?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        // a file does not hang up
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.read_only(true));
    Ok(SqliteDb { write, read, writer: Arc::default(), file: file.to_path_buf() })
}

impl SqliteDb {
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
