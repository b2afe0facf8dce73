//! The journal: the one narrow seam behind which the hot path lives, with three implementations.
//!
//! A [`Batch`] is one transaction: the fence of its lane, the new state of the executions that it names, their new
//! entries, the agents' state that they write, and new executions. All of it lands, or none.
//!
//! **Never here:** the meaning of an entry.

mod approval_rows;
pub(crate) mod archive;
mod batch;
mod membership;
mod postgres;
mod reads;
mod side;
mod simulated;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_types::{ExecutionId, Fault, Kind, Timestamp};

pub use batch::{
    Batch, Columns, Fold, LaneToken, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, NewEntry, NewExecution, StateRow,
};
pub use membership::{Apart, Membership};
pub use reads::Reads;
pub use side::{Message, Side};
pub use simulated::{Fault as SimulatedFault, Memory, Simulated};

use crate::error::Error;
use crate::sql::{Db, Row};
use crate::store::Store;

/// Why a batch did not land.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The lane's incarnation is no longer the batch's: somebody took over. The owner stops at once and commits
    /// nothing more. (After a lost connection the batch may have landed before the takeover; the new owner has it.)
    #[error("the lane belongs to another incarnation")]
    Fenced,
    /// The batch does not fit what is stored: another sequence number, an entry that exists, a malformed batch.
    /// A bug, or damaged data: the owner reloads. Nothing was written.
    #[error("the batch does not fit the journal: {0}")]
    Mismatch(String),
    /// A new execution's idempotency key is taken in its project. Nothing was written.
    #[error("an execution with this idempotency key exists")]
    Duplicate,
    /// The storage did not take it. Nothing was written; the same batch may be tried again.
    #[error("the batch was not written")]
    Unavailable(#[source] Error),
}

impl Fault for CommitError {
    fn kind(&self) -> Kind {
        match self {
            Self::Fenced => Kind::Unavailable,
            Self::Mismatch(_) => Kind::Internal,
            Self::Duplicate => Kind::Conflict,
            Self::Unavailable(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fenced => "lane_fenced",
            Self::Mismatch(_) => "batch_mismatch",
            Self::Duplicate => "execution_key_taken",
            Self::Unavailable(error) => error.code(),
        }
    }
}

/// One entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its number in the execution: dense, from 1.
    pub seq: u64,
    /// The kind's number.
    pub kind: i16,
    /// When its batch was made.
    pub at: Timestamp,
    /// The entry, as JSON.
    pub payload: Vec<u8>,
}

impl EntryRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { seq: row.get("seq")?, kind: row.get("kind")?, at: row.get("at")?, payload: row.get("payload")? })
    }
}

/// Where executions are written. One batch in flight per lane.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes a batch, durably and whole. Dropping the future does not undo it: the outcome is then not known.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was written.
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError>;

    /// What owners read.
    fn reads(&self) -> &dyn Reads;

    /// Who owns what.
    fn membership(&self) -> &dyn Membership;

    /// The entries of an execution after `after_seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        self.reads().entries(execution_id, after_seq, limit).await
    }
}

impl Store {
    /// Opens the journal for writing: on SQLite a thread with its own connection, on PostgreSQL one connection per
    /// lane. The execution role opens it once.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub fn journal(&self) -> Result<Arc<dyn Journal>, Error> {
        Ok(match self.db() {
            Db::Sqlite(db) => Arc::new(sqlite::SqliteJournal::open(db, self.clone(), self.folder_lock())?),
            Db::Postgres(db) => Arc::new(postgres::PostgresJournal::new((*db.options).clone(), self.clone())),
        })
    }

    /// The entries of an execution after `after_seq`, in order, at most `limit`, without opening the journal.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        entries(self.db(), execution_id, after_seq, limit).await
    }
}

async fn entries(db: &Db, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
    archive::entries(db, execution_id, after_seq, limit).await
}

/// Entries that are not archived.
pub(crate) async fn hot_entries(
    db: &Db,
    execution_id: ExecutionId,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<EntryRow>, Error> {
    db.query("SELECT seq, kind, at, payload FROM journal WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(execution_id)
        .bind(after_seq)
        .bind(limit)
        .all(|row| EntryRow::from_row(&row))
        .await
}

async fn hot_last_entries(db: &Db, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
    let query =
        db.query("SELECT seq, kind, at, payload FROM journal WHERE execution_id = $1 ORDER BY seq DESC LIMIT $2");
    let mut rows = query.bind(execution_id).bind(limit).all(|row| EntryRow::from_row(&row)).await?;
    rows.reverse();
    Ok(rows)
}
