//! One statement with its parameters, sent to whichever database is there.

use futures::TryStreamExt as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{PgPool, SqlitePool};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::fault::classify;
use super::row::Row;
use super::tx::{Inner, Tx};
use super::value::{Bind, Value};
use super::{Db, STATEMENT_LIMIT, Sql};
use crate::error::Error;

enum Target<'c> {
    SqliteTx(&'c mut sqlx::SqliteConnection, SqliteArguments),
    SqlitePool(&'c SqlitePool, SqliteArguments),
    PostgresTx(&'c mut sqlx::PgConnection, PgArguments),
    PostgresPool(&'c PgPool, PgArguments),
}

/// A statement being put together: `bind` its parameters, then `execute`, `optional`, `one` or `all`.
pub struct Query<'c> {
    target: Target<'c>,
    text: &'static str,
    /// The first parameter that could not be bound; reported when the statement is sent.
    error: Option<Error>,
}

impl<'c> Query<'c> {
    pub(super) fn in_tx(tx: &'c mut Tx, sql: Sql) -> Self {
        let (target, text) = match &mut tx.inner {
            Inner::Sqlite(tx) => (Target::SqliteTx(tx, SqliteArguments::default()), sql.sqlite),
            Inner::Postgres(tx) => (Target::PostgresTx(tx, PgArguments::default()), sql.postgres),
        };
        Self { target, text, error: None }
    }

    pub(crate) fn on_pool(db: &'c Db, sql: Sql) -> Self {
        let (target, text) = match db {
            Db::Sqlite(db) => (Target::SqlitePool(&db.read, SqliteArguments::default()), sql.sqlite),
            Db::Postgres(db) => (Target::PostgresPool(&db.read, PgArguments::default()), sql.postgres),
        };
        Self { target, text, error: None }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Bind) -> Self {
        let added = value.value().and_then(|value| self.add(value));
        if let Err(error) = added {
            self.error.get_or_insert(error);
        }
        self
    }

    fn add(&mut self, value: Value) -> Result<(), Error> {
        match &mut self.target {
            Target::SqliteTx(_, arguments) | Target::SqlitePool(_, arguments) => add(arguments, value),
            Target::PostgresTx(_, arguments) | Target::PostgresPool(_, arguments) => add(arguments, value),
        }
        .map_err(|source| Error::Internal { table: table_of(self.text), source })
    }

    /// Sends it; the number of rows that it wrote.
    ///
    /// # Errors
    /// [`Error`]; outside a transaction always `storage_failed`, since the read connections do not write.
    pub async fn execute(self) -> Result<u64, Error> {
        let text = self.text;
        let target = self.ready()?;
        send(text, async move {
            Ok(match target {
                Target::SqliteTx(connection, arguments) => {
                    sqlx::query_with(text, arguments).execute(connection).await?.rows_affected()
                }
                Target::PostgresTx(connection, arguments) => {
                    sqlx::query_with(text, arguments).execute(connection).await?.rows_affected()
                }
                Target::SqlitePool(pool, arguments) => {
                    sqlx::query_with(text, arguments).execute(pool).await?.rows_affected()
                }
                Target::PostgresPool(pool, arguments) => {
                    sqlx::query_with(text, arguments).execute(pool).await?.rows_affected()
                }
            })
        })
        .await
    }

    /// The first row, mapped, if there is one.
    ///
    /// # Errors
    /// [`Error`], also of the mapping.
    pub async fn optional<T>(self, map: impl FnOnce(Row<'_>) -> Result<T, Error>) -> Result<Option<T>, Error> {
        let text = self.text;
        let table = table_of(text);
        let target = self.ready()?;
        send(text, async move {
            Ok(match target {
                Target::SqliteTx(connection, arguments) => sqlx::query_with(text, arguments)
                    .fetch_optional(connection)
                    .await?
                    .map(|row| map(Row::sqlite(&row, table))),
                Target::SqlitePool(pool, arguments) => sqlx::query_with(text, arguments)
                    .fetch_optional(pool)
                    .await?
                    .map(|row| map(Row::sqlite(&row, table))),
                Target::PostgresTx(connection, arguments) => sqlx::query_with(text, arguments)
                    .fetch_optional(connection)
                    .await?
                    .map(|row| map(Row::postgres(&row, table))),
                Target::PostgresPool(pool, arguments) => sqlx::query_with(text, arguments)
                    .fetch_optional(pool)
                    .await?
                    .map(|row| map(Row::postgres(&row, table))),
            })
        })
        .await?
        .transpose()
    }

    /// The one row, mapped: for statements that always give one, such as a count.
    ///
    /// # Errors
    /// [`Error`], also of the mapping; `storage_failed` when there is no row.
    pub async fn one<T>(self, map: impl FnOnce(Row<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let table = table_of(self.text);
        self.optional(map).await?.ok_or_else(|| Error::Internal { table, source: "it gave no row".into() })
    }

    /// All rows, mapped. The statement carries a `LIMIT` unless the number of rows is small by nature.
    ///
    /// # Errors
    /// [`Error`], also of the mapping.
    pub async fn all<T>(self, mut map: impl FnMut(Row<'_>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let text = self.text;
        let table = table_of(text);
        let mut failed = None;
        let mut out = Vec::new();
        let mut keep = |mapped: Result<T, Error>| match mapped {
            Ok(value) => out.push(value),
            Err(error) => failed = failed.take().or(Some(error)),
        };
        let target = self.ready()?;
        send(text, async {
            match target {
                Target::SqliteTx(connection, arguments) => {
                    let mut rows = sqlx::query_with(text, arguments).fetch(connection);
                    while let Some(row) = rows.try_next().await? {
                        keep(map(Row::sqlite(&row, table)));
                    }
                }
                Target::SqlitePool(pool, arguments) => {
                    let mut rows = sqlx::query_with(text, arguments).fetch(pool);
                    while let Some(row) = rows.try_next().await? {
                        keep(map(Row::sqlite(&row, table)));
                    }
                }
                Target::PostgresTx(connection, arguments) => {
                    let mut rows = sqlx::query_with(text, arguments).fetch(connection);
                    while let Some(row) = rows.try_next().await? {
                        keep(map(Row::postgres(&row, table)));
                    }
                }
                Target::PostgresPool(pool, arguments) => {
                    let mut rows = sqlx::query_with(text, arguments).fetch(pool);
                    while let Some(row) = rows.try_next().await? {
                        keep(map(Row::postgres(&row, table)));
                    }
                }
            }
            Ok(())
        })
        .await?;
        failed.map_or(Ok(out), Err)
    }

    fn ready(self) -> Result<Target<'c>, Error> {
        self.error.map_or(Ok(self.target), Err)
    }
}

/// The one place where a statement leaves: its span, its time limit, its errors. A future and not an async closure:
/// futures of those are not `Send` for every lifetime, and handlers must be.
async fn send<T>(text: &'static str, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    let table = table_of(text);
    let span = tracing::debug_span!("statement", table, sql = text);
    match timeout(STATEMENT_LIMIT, call).instrument(span).await {
        Ok(result) => result.map_err(|error| classify(error, table)),
        Err(_) => Err(Error::Timeout),
    }
}

fn add<A: sqlx::Arguments>(arguments: &mut A, value: Value) -> Result<(), sqlx::error::BoxDynError>
where
    Option<i64>: for<'t> sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
    Option<String>: for<'t> sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
    Option<Vec<u8>>: for<'t> sqlx::Encode<'t, A::Database> + sqlx::Type<A::Database>,
{
    match value {
        Value::Integer(value) => arguments.add(value),
        Value::Text(value) => arguments.add(value),
        Value::Blob(value) => arguments.add(value),
    }
}

/// The table that a statement is about, for errors and spans: the word after the first `INTO`, `UPDATE` or `FROM`.
pub(crate) fn table_of(sql: &'static str) -> &'static str {
    let mut words = sql.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if ["INTO", "UPDATE", "FROM"].contains(&word) {
            let name = words.next().unwrap_or("(none)");
            return name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(name);
        }
    }
    "(none)"
}

#[cfg(test)]
mod tests {
    use super::table_of;

    #[test]
    fn the_table_is_found() {
        assert_eq!(table_of("INSERT INTO agent(project_id) VALUES ($1)"), "agent");
        assert_eq!(table_of("SELECT *\n FROM execution WHERE x = 1"), "execution");
        assert_eq!(table_of("SELECT 1"), "(none)");
    }
}
