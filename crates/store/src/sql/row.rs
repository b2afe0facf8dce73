//! Rows, mapped by hand: every error names table and column.

use moltforge_types::{
    AgentId, AgentName, ApprovalId, DeploymentId, EnvironmentName, ExecutionId, KeyId, MessageId, NodeId,
    OrganisationId, ProjectId, RequestId, SessionId, Timestamp, TriggerId, VersionId,
};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo as _};

use crate::error::Error;

enum Inner<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

/// One row of a result.
pub struct Row<'r> {
    inner: Inner<'r>,
    table: &'static str,
}

impl<'r> Row<'r> {
    pub(super) fn sqlite(row: &'r SqliteRow, table: &'static str) -> Self {
        Self { inner: Inner::Sqlite(row), table }
    }

    pub(super) fn postgres(row: &'r PgRow, table: &'static str) -> Self {
        Self { inner: Inner::Postgres(row), table }
    }

    /// The value of a column. `Option<T>` for columns that may be null.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    pub fn get<T: Read>(&self, column: &'static str) -> Result<T, Error> {
        T::read(self, column)
    }

    /// A text column parsed as `T`: states, reasons, hashes.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    pub fn parse<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: String = self.get(column)?;
        text.parse().map_err(|error: T::Err| self.bad(column, error))
    }

    /// Like [`Row::parse`], for a column that may be null.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    pub fn parse_optional<T>(&self, column: &'static str) -> Result<Option<T>, Error>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|error: T::Err| self.bad(column, error))).transpose()
    }

    /// A text column that holds JSON.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| self.bad(column, error))
    }

    /// The error of a column that holds what it must not.
    pub fn bad(&self, column: &'static str, message: impl std::fmt::Display) -> Error {
        Error::Row { table: self.table, column, message: message.to_string() }
    }

    fn integer(&self, column: &'static str) -> Result<Option<i64>, Error> {
        let value = match self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::Postgres(row) => match row.try_column(column).map(|c| c.type_info().name().to_owned()).as_deref() {
                Ok("INT2") => row.try_get::<Option<i16>, _>(column).map(|v| v.map(i64::from)),
                Ok("INT4") => row.try_get::<Option<i32>, _>(column).map(|v| v.map(i64::from)),
                Ok("BOOL") => row.try_get::<Option<bool>, _>(column).map(|v| v.map(i64::from)),
                _ => row.try_get(column),
            },
        };
        value.map_err(|error| self.bad(column, error))
    }

    fn text(&self, column: &'static str) -> Result<Option<String>, Error> {
        match self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| self.bad(column, error))
    }

    fn blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        match self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| self.bad(column, error))
    }
}

/// A type that can be read from a column.
pub trait Read: Sized {
    /// Null is `None`.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error>;

    /// Null is an error.
    ///
    /// # Errors
    /// `row_unreadable`, naming table and column.
    fn read(row: &Row<'_>, column: &'static str) -> Result<Self, Error> {
        Self::read_optional(row, column)?.ok_or_else(|| row.bad(column, "it is null"))
    }
}

impl<T: Read> Read for Option<T> {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        Ok(Some(T::read_optional(row, column)?))
    }
}

impl Read for String {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        row.text(column)
    }
}

impl Read for Vec<u8> {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        row.blob(column)
    }
}

impl Read for i64 {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        row.integer(column)
    }
}

impl Read for bool {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        Ok(row.integer(column)?.map(|number| number != 0))
    }
}

impl Read for Timestamp {
    fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
        Ok(row.integer(column)?.map(Self::from_micros))
    }
}

macro_rules! read_integers {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
                row.integer(column)?
                    .map(|number| Self::try_from(number).map_err(|_| row.bad(column, format!("{number} is out of range"))))
                    .transpose()
            }
        }
    )*};
}
read_integers!(i32, i16, u64, u32, u16, u8);

macro_rules! read_text {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read_optional(row: &Row<'_>, column: &'static str) -> Result<Option<Self>, Error> {
                row.text(column)?.map(|text| text.parse().map_err(|error| row.bad(column, error))).transpose()
            }
        }
    )*};
}
read_text!(
    AgentId,
    ApprovalId,
    MessageId,
    TriggerId,
    DeploymentId,
    ExecutionId,
    KeyId,
    NodeId,
    OrganisationId,
    ProjectId,
    RequestId,
    SessionId,
    VersionId,
    AgentName,
    EnvironmentName
);
