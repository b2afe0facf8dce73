//! Transactions.

use std::fmt;
use std::time::Duration;

use moltforge_types::{Ambient, Id, Timestamp};
use sqlx::{Postgres, Sqlite, Transaction};
use tokio::time::timeout;

use super::fault::classify;
use super::query::Query;
use super::sqlite::Turn;
use super::{ACQUIRE_LIMIT, Db, STATEMENT_LIMIT, Sql};
use crate::error::Error;

pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A write transaction. It reads the clock once, so all rows of one change agree. Dropped without
/// [`Tx::commit`], it is rolled back.
///
/// Never held across anything but the database: SQLite has one writer, and PostgreSQL ends a transaction that
/// idles for ten seconds.
pub struct Tx {
    pub(crate) inner: Inner,
    ambient: Ambient,
    now: Timestamp,
    // after `inner`: the transaction ends before the next writer may begin
    _writer: Option<Turn>,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Tx {
    pub(crate) async fn begin(db: &Db, ambient: Ambient) -> Result<Self, Error> {
        let now = ambient.now();
        let (inner, writer) = match db {
            Db::Sqlite(db) => {
                let turn = db.writer.turn_in_task().await?;
                // a deferred transaction that turns into a writer fails at once and ignores the busy timeout
                let tx = limited(STATEMENT_LIMIT, db.write.begin_with("BEGIN IMMEDIATE")).await?;
                (Inner::Sqlite(tx), Some(turn))
            }
            Db::Postgres(db) => {
                (Inner::Postgres(limited(ACQUIRE_LIMIT + Duration::from_secs(1), db.write.begin()).await?), None)
            }
        };
        Ok(Self { inner, ambient, now, _writer: writer })
    }

    /// The time of this transaction.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new identifier.
    pub fn id<I: Id>(&self) -> I {
        self.ambient.id()
    }

    /// Begins a statement. Parameters are `$1`, `$2`, ... in the order of their `bind`.
    pub fn query(&mut self, sql: impl Into<Sql>) -> Query<'_> {
        Query::in_tx(self, sql.into())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// As every statement. After `storage_unavailable` or `storage_timeout` the outcome is not known.
    pub async fn commit(self) -> Result<(), Error> {
        match self.inner {
            Inner::Sqlite(tx) => limited(STATEMENT_LIMIT, tx.commit()).await,
            Inner::Postgres(tx) => limited(STATEMENT_LIMIT, tx.commit()).await,
        }
    }

    /// Undoes it now, and waits for that.
    ///
    /// # Errors
    /// As every statement; the transaction is undone all the same.
    pub async fn rollback(self) -> Result<(), Error> {
        match self.inner {
            Inner::Sqlite(tx) => limited(STATEMENT_LIMIT, tx.rollback()).await,
            Inner::Postgres(tx) => limited(STATEMENT_LIMIT, tx.rollback()).await,
        }
    }
}

async fn limited<T>(limit: Duration, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(|error| classify(error, "(transaction)")),
        Err(_) => Err(Error::Timeout),
    }
}
