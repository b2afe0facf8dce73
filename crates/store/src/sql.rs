//! The seam over two databases: statements, parameters, rows, transactions. The only place that knows sqlx.
//!
//! **Never here:** a statement of a table. **Never elsewhere:** a look at which database it is, except through [`Sql::pair`].

mod checkpoint;
mod fault;
mod postgres;
mod query;
mod row;
mod sqlite;
mod tx;
mod value;

pub(crate) use checkpoint::Checkpointer;
pub(crate) use fault::classify;
pub(crate) use postgres::{PostgresDb, apart as postgres_apart, connect as connect_postgres};
pub use query::Query;
pub use row::{Read, Row};
pub(crate) use sqlite::{SqliteDb, Writer, connect as connect_sqlite};
pub(crate) use tx::Inner;
pub use tx::Tx;
pub use value::{Bind, Value};

use std::time::Duration;

/// How long a statement may take before the caller gets `storage_timeout`. PostgreSQL's own limit is shorter, so
/// that the server gives up first and the connection stays usable.
pub(crate) const STATEMENT_LIMIT: Duration = Duration::from_secs(15);

/// How long to wait for a connection, or for the one writer of SQLite.
pub(crate) const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);

/// One statement: the same text for both databases, or two texts side by side.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// Two texts. Only for what cannot be said in one; make it a named `const` with a comment that says why.
    pub const fn pair(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::pair(text, text)
    }
}

/// The open database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    Sqlite(SqliteDb),
    Postgres(PostgresDb),
}

impl Db {
    /// Begins a reading statement outside a transaction.
    pub(crate) fn query(&self, sql: impl Into<Sql>) -> Query<'_> {
        Query::on_pool(self, sql.into())
    }
}

/// Where statements go: a transaction, or the read connections.
#[derive(Debug)]
pub(crate) enum At<'c> {
    Tx(&'c mut Tx),
    Read(&'c Db),
}

impl At<'_> {
    /// Begins a statement. Parameters are `$1`, `$2`, ... in the order of their `bind`.
    pub(crate) fn query(&mut self, sql: impl Into<Sql>) -> Query<'_> {
        match self {
            Self::Tx(tx) => tx.query(sql),
            Self::Read(db) => Query::on_pool(db, sql.into()),
        }
    }

    /// The transaction, for what only a transaction has: its time and its identities.
    ///
    /// # Errors
    /// `storage_failed` when this is not a transaction: a bug of the caller.
    pub(crate) fn tx(&mut self) -> Result<&mut Tx, crate::Error> {
        match self {
            Self::Tx(tx) => Ok(tx),
            Self::Read(_) => {
                Err(crate::Error::Internal { table: "(any)", source: "a write needs a transaction".into() })
            }
        }
    }
}
