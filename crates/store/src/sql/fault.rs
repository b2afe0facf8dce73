//! From a driver's error to ours, by kind: SQLite gives no constraint names, so nothing here looks at names.

use sqlx::error::ErrorKind;

use crate::error::Error;

/// `table` is the table of the statement that failed.
pub(crate) fn classify(error: sqlx::Error, table: &'static str) -> Error {
    match &error {
        sqlx::Error::Database(database) => match database.kind() {
            ErrorKind::UniqueViolation => Error::Unique { table },
            ErrorKind::ForeignKeyViolation => Error::Reference { table },
            _ => {
                let code = database.code().unwrap_or_default().into_owned();
                if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                    postgres(&code, error, table)
                } else {
                    sqlite(&code, error, table)
                }
            }
        },
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Error::Full(error.into()),
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => Error::Unavailable(error.into()),
        _ => Error::Internal { table, source: error.into() },
    }
}

/// SQLSTATE classes: 08 connection, 40 transaction rollback, 53 resources, 57 operator intervention.
fn postgres(code: &str, error: sqlx::Error, table: &'static str) -> Error {
    match code {
        "57014" => Error::Timeout,
        "53100" => Error::Full(error.into()),
        "40001" | "40P01" | "55P03" => Error::Busy(error.into()),
        // 25006: a failed-over server that became a standby; a write on our own read pool is a bug and says so there
        "57P01" | "57P02" | "57P03" | "53300" | "25P03" => Error::Unavailable(error.into()),
        code if code.starts_with("08") => Error::Unavailable(error.into()),
        _ => Error::Internal { table, source: error.into() },
    }
}

/// Extended result codes; the low byte is the primary one.
fn sqlite(code: &str, error: sqlx::Error, table: &'static str) -> Error {
    let code: u32 = code.parse().unwrap_or(0);
    match (code, code & 0xff) {
        // SQLITE_CONSTRAINT_ROWID, which sqlx does not count as unique
        (2579, _) => Error::Unique { table },
        (_, 5 | 6) => Error::Busy(error.into()),
        (_, 13) => Error::Full(error.into()),
        (_, 9) => Error::Timeout,
        // SQLITE_IOERR, SQLITE_CANTOPEN
        (_, 10 | 14) => Error::Unavailable(error.into()),
        _ => Error::Internal { table, source: error.into() },
    }
}
