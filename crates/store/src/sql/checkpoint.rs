//! Moving what the write-ahead log holds into the database file, outside the commits.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::sqlite::{SqliteDb, Writer};
use crate::error::Error;

const PERIOD: Duration = Duration::from_millis(500);

/// A log of more pages than this (64 MiB) is restarted from its beginning, which needs a moment without a writer.
const LARGE: i64 = (64 << 20) / 4096;

/// A thread that checkpoints whenever something was written. Stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(db: &SqliteDb) -> Result<Self, Error> {
        let unavailable = |error: rusqlite::Error| Error::Unavailable(error.into());
        let connection = Connection::open(&db.file).map_err(unavailable)?;
        connection.busy_timeout(Duration::from_secs(1)).map_err(unavailable)?;
        let writer = db.writer.clone();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(PERIOD) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if let Err(error) = checkpoint(&connection, &writer) {
                        tracing::warn!(%error, "a checkpoint failed; the log grows until one succeeds");
                    }
                }
            })
            .map_err(|error| Error::Unavailable(error.into()))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn checkpoint(connection: &Connection, writer: &Writer) -> rusqlite::Result<()> {
    if !writer.take_dirty() {
        return Ok(());
    }
    // waits for nobody: the writer goes on, readers go on
    let frames: i64 = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get("log"))?;
    if frames > LARGE
        && let Some(_turn) = writer.free_turn()
    {
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    }
    Ok(())
}
