//! Migrations: which there are, and bringing a database up to them.
//!
//! Each is one file in both trees, `migrations/{sqlite,postgres}/NNNN_name.sql`, with the same number and name. A file
//! may hold several statements and is applied in one transaction. Once released it is never edited: its checksum
//! stands in the database. There are no down files. A step that one database does not need holds a comment saying so.

mod run;

pub(crate) use run::run;

use crate::error::Error;
use crate::sql::At;
use moltforge_types::Timestamp;

/// One migration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal,)*) => {
        /// Every migration, in order.
        pub(crate) const ALL: &[Migration] = &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        },)*];
    };
}

migrations! {
    1 "0001_accounts",
    2 "0002_agents",
    3 "0003_executions",
    4 "0004_messages",
    5 "0005_holds",
    6 "0006_triggers",
    7 "0007_approvals",
    8 "0008_long_lives",
    9 "0009_listening",
    10 "0010_approvals_scope",
    11 "0011_turns",
    12 "0012_bundles",
}

/// One applied migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// Its name: number and subject.
    pub name: String,
    /// SHA-256 of its text in this database's tree.
    pub checksum: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

/// The table `migration`.
#[derive(Debug)]
pub struct Migrations<'c> {
    at: At<'c>,
}

crate::accessor!(migrations -> Migrations);

impl Migrations<'_> {
    /// Every applied migration, in order.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self) -> Result<Vec<Applied>, Error> {
        self.at
            .query("SELECT number, name, checksum, applied_at FROM migration ORDER BY number")
            .all(|row| {
                Ok(Applied {
                    number: row.get("number")?,
                    name: row.get("name")?,
                    checksum: row.get("checksum")?,
                    applied_at: row.get("applied_at")?,
                })
            })
            .await
    }
}

/// All texts of this program's migrations: changes when any of them does. For tests that keep a migrated template.
pub fn migrations_text() -> String {
    ALL.iter().flat_map(|migration| [migration.name, migration.sqlite, migration.postgres]).collect()
}
