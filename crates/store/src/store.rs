//! The open store: a cheap handle that every service holds.

use std::sync::Arc;

use moltforge_types::Ambient;

use crate::error::Error;
use crate::location::{DATABASE_FILE, FolderLock, Location};
use crate::migrations;
use crate::sql::{At, Checkpointer, Db, Query, Sql, Tx, connect_postgres, connect_sqlite, postgres_apart};

/// The open store. Cloning gives another handle on the same one; it closes with the last.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    ambient: Ambient,
    _checkpointer: Option<Checkpointer>,
    // shared with the journal's thread: the folder is free only when nobody writes to it any more
    lock: Option<Arc<FolderLock>>,
}

impl Store {
    /// Opens the store, making the data folder and the database when they are missing, and brings its tables up to
    /// this program's migrations.
    ///
    /// # Errors
    /// `data_folder_in_use`, `data_folder_unusable`, `database_url_invalid`, `storage_unavailable`, and those of the
    /// migrations: `database_newer`, `migration_changed`, `migration_failed`.
    pub async fn open(location: Location, ambient: Ambient) -> Result<Self, Error> {
        let (db, lock) = match &location {
            Location::Sqlite(folder) => {
                let lock = FolderLock::take(folder)?;
                (Db::Sqlite(connect_sqlite(&folder.join(DATABASE_FILE)).await?), Some(Arc::new(lock)))
            }
            Location::Postgres(url) => (Db::Postgres(connect_postgres(url).await?), None),
        };
        migrations::run(&db, &ambient).await?;
        let checkpointer = match &db {
            Db::Sqlite(db) => Some(Checkpointer::start(db)?),
            Db::Postgres(_) => None,
        };
        Ok(Self { inner: Arc::new(Inner { db, ambient, _checkpointer: checkpointer, lock }) })
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// `storage_busy`, `storage_unavailable`.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Tx::begin(&self.inner.db, self.inner.ambient.clone()).await
    }

    /// A reading statement outside a transaction. It sees all that is committed.
    pub fn query(&self, sql: impl Into<Sql>) -> Query<'_> {
        Query::on_pool(&self.inner.db, sql.into())
    }

    /// Time, randomness and identity, as handed in.
    pub fn ambient(&self) -> &Ambient {
        &self.inner.ambient
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `storage_unavailable`, `storage_timeout`.
    pub async fn ping(&self) -> Result<(), Error> {
        self.query("SELECT 1 AS one").one(|row| row.get::<i64>("one")).await.map(|_| ())
    }

    /// What the database takes on disk, its write-ahead log not counted.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn bytes(&self) -> Result<u64, Error> {
        self.query(BYTES).one(|row| row.get("n")).await
    }

    /// Closes every connection and waits for that. Handles that are left give `storage_unavailable`.
    pub async fn close(&self) {
        match &self.inner.db {
            Db::Sqlite(db) => db.close().await,
            Db::Postgres(db) => db.close().await,
        }
    }

    /// SQLite: one process owns the data folder.
    pub fn is_embedded(&self) -> bool {
        matches!(self.db(), Db::Sqlite(_))
    }

    /// A number that changes with every transaction on the tables, the journal's not counted: what was read under it is
    /// still true while it is the same. Read it first. `None` where other processes write too.
    pub fn revision(&self) -> Option<u64> {
        match self.db() {
            Db::Sqlite(db) => Some(db.writer.ended()),
            Db::Postgres(_) => None,
        }
    }

    /// Where the accessors of the tables send what they read.
    pub(crate) fn at(&self) -> At<'_> {
        At::Read(&self.inner.db)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Opens the same PostgreSQL database once more, with connections of its own.
    pub(crate) fn postgres_apart(&self) -> Option<impl FnOnce() -> Self + Send + use<>> {
        let Db::Postgres(db) = self.db() else { return None };
        let (options, ambient) = (db.options.clone(), self.inner.ambient.clone());
        Some(move || {
            let db = Db::Postgres(postgres_apart(&options));
            Self { inner: Arc::new(Inner { db, ambient, _checkpointer: None, lock: None }) }
        })
    }

    pub(crate) fn folder_lock(&self) -> Option<Arc<FolderLock>> {
        self.inner.lock.clone()
    }
}

/// Each database says in its own way how large it is.
const BYTES: Sql = Sql::pair(
    "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()",
    "SELECT pg_database_size(current_database()) AS n",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn must_be_send<T: Send>(_: T) {}

    #[test]
    fn what_handlers_await_is_send() {
        let _ = |store: Store| {
            must_be_send(async move {
                let mut tx = store.begin().await?;
                tx.query("SELECT 1 AS one").optional(|row| row.get::<i64>("one")).await?;
                tx.query("SELECT 1 AS one").all(|row| row.get::<i64>("one")).await?;
                tx.query("SELECT 1").execute().await?;
                tx.commit().await?;
                store.ping().await
            });
        };
    }
}
