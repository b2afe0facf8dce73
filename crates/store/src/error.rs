//! What can go wrong in the store.

use moltforge_types::{Fault, Kind};

/// A failed storage operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique key is taken. Callers turn it into their own error: `insert(..).await.unique(|| Error::NameTaken)`.
    #[error("cannot write {table}: a row with this key exists")]
    Unique {
        /// The table of the statement.
        table: &'static str,
    },
    /// The row refers to one that does not exist, or is still referred to.
    #[error("cannot write {table}: it refers to a row that does not exist, or another row refers to it")]
    Reference {
        /// The table of the statement.
        table: &'static str,
    },
    /// A text with a NUL character, which PostgreSQL cannot store.
    #[error("cannot store a text that contains a NUL character")]
    TextHasNul,
    /// A number outside the 64-bit signed range of a column.
    #[error("cannot store {0}: larger than a 64-bit signed integer")]
    NumberTooLarge(u64),
    /// The database is locked by somebody else, or gave up a deadlock. The same transaction may work later.
    #[error("the database is busy")]
    Busy(#[source] Source),
    /// The disk, or a quota of it, is full. Nothing was written.
    #[error("the storage is full")]
    Full(#[source] Source),
    /// The connection is lost or cannot be made.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Source),
    /// A statement took longer than allowed.
    #[error("the database did not answer in time")]
    Timeout,
    /// Another process uses the data folder.
    #[error("the data folder {folder} is in use{}", .pid.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    DataFolderInUse {
        /// The folder.
        folder: String,
        /// The process, when its lock file names one.
        pid: Option<u32>,
    },
    /// The data folder cannot be made or opened.
    #[error("cannot open the data folder {folder}")]
    DataFolder {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database was migrated by a newer MoltForge. Nothing was touched.
    #[error("the database has migration {found}, this program knows migrations up to {known}")]
    DatabaseNewer {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration in this program.
        known: i64,
    },
    /// A migration that was applied is not the one that this program has. Nothing was touched.
    #[error("migration {number} ({name}) was applied with another content")]
    MigrationChanged {
        /// Its number.
        number: i64,
        /// Its name in this program.
        name: &'static str,
    },
    /// A migration failed; it was rolled back.
    #[error("cannot apply migration {number} ({name})")]
    Migration {
        /// Its number.
        number: i64,
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// The database's URL cannot be read.
    #[error("cannot read the database's url")]
    Url(#[source] Source),
    /// A row holds what this program cannot read.
    #[error("cannot read {table}.{column}: {message}")]
    Row {
        /// The table of the statement.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A bug or a damaged database: a statement failed in a way that no caller can act on.
    #[error("a statement on {table} failed")]
    Internal {
        /// The table of the statement.
        table: &'static str,
        /// Why.
        #[source]
        source: Source,
    },
}

/// The driver's error.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether the same transaction may work when it is tried again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Full(_) | Self::Unavailable(_) | Self::Timeout)
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Unique { .. } | Self::Reference { .. } | Self::DataFolderInUse { .. } => Kind::Conflict,
            Self::TextHasNul | Self::NumberTooLarge(_) | Self::Url(_) => Kind::Invalid,
            Self::Busy(_) | Self::Full(_) | Self::Unavailable(_) => Kind::Unavailable,
            Self::Timeout => Kind::Timeout,
            Self::DataFolder { .. }
            | Self::DatabaseNewer { .. }
            | Self::MigrationChanged { .. }
            | Self::Migration { .. }
            | Self::Row { .. }
            | Self::Internal { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unique { .. } => "row_exists",
            Self::Reference { .. } => "row_reference",
            Self::TextHasNul => "text_has_nul",
            Self::NumberTooLarge(_) => "number_too_large",
            Self::Busy(_) => "storage_busy",
            Self::Full(_) => "storage_full",
            Self::Unavailable(_) => "storage_unavailable",
            Self::Timeout => "storage_timeout",
            Self::DataFolderInUse { .. } => "data_folder_in_use",
            Self::DataFolder { .. } => "data_folder_unusable",
            Self::DatabaseNewer { .. } => "database_newer",
            Self::MigrationChanged { .. } => "migration_changed",
            Self::Migration { .. } => "migration_failed",
            Self::Url(_) => "database_url_invalid",
            Self::Row { .. } => "row_unreadable",
            Self::Internal { .. } => "storage_failed",
        }
    }
}

/// Turns a taken key into the caller's own error.
pub trait OnUnique<T> {
    /// `Err(taken())` for [`Error::Unique`]; every other error is converted.
    fn unique<E: From<Error>>(self, taken: impl FnOnce() -> E) -> Result<T, E>;
}

impl<T> OnUnique<T> for Result<T, Error> {
    fn unique<E: From<Error>>(self, taken: impl FnOnce() -> E) -> Result<T, E> {
        self.map_err(|error| if matches!(error, Error::Unique { .. }) { taken() } else { error.into() })
    }
}
