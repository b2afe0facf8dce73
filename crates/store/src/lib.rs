//! The store: every SQL statement of MoltForge, written once for SQLite and PostgreSQL.
//!
//! [`Store::open`] gives a handle; [`Store::begin`] a write transaction. Tables are reached through accessors that
//! demand the project: `tx.agents(project_id).insert(..)` writes, `store.agents(project_id).get(..)` reads outside a
//! transaction. Start reading at [`sql`], then a table's file.
//!
//! **Never here:** HTTP, rules, decisions. **Never elsewhere:** SQL.
//!
//! # Adding a table
//!
//! 1. The migration, in both trees, same number and name (`migrations/{sqlite,postgres}/0007_notes.sql`), and one
//!    line in `migrations.rs`:
//!
//!    ```sql
//!    -- sqlite                                          -- postgres
//!    CREATE TABLE note (                                CREATE TABLE note (
//!      project_id TEXT NOT NULL,                          project_id TEXT COLLATE "C" NOT NULL,
//!      name TEXT NOT NULL,                                name TEXT COLLATE "C" NOT NULL,
//!      text TEXT NOT NULL,                                text TEXT NOT NULL,
//!      pinned INTEGER NOT NULL,                           pinned BIGINT NOT NULL,
//!      created_at INTEGER NOT NULL,                       created_at BIGINT NOT NULL,
//!      PRIMARY KEY (project_id, name)                     PRIMARY KEY (project_id, name)
//!    ) STRICT, WITHOUT ROWID;                           );
//!    ```
//!
//!    `TEXT COLLATE "C"` for everything that is compared or sorted, `INTEGER`/`BIGINT` for numbers, booleans (0, 1) and
//!    times (microseconds), `TEXT` for JSON, `BLOB`/`BYTEA` for bytes. `BIGINT` also for small numbers.
//!
//! 2. One file `notes.rs`: the row, the accessor, one method per statement; `mod notes; pub use notes::...` below.
//!
//!    ```ignore
//!    //! The table `note`.
//!
//!    use moltforge_types::{ProjectId, Timestamp};
//!
//!    use crate::error::Error;
//!    use crate::sql::{At, Row};
//!
//!    /// One note.
//!    #[derive(Debug, Clone, PartialEq, Eq)]
//!    pub struct Note { pub name: String, pub text: String, pub pinned: bool, pub created_at: Timestamp }
//!
//!    impl Note {
//!        fn from_row(row: &Row<'_>) -> Result<Self, Error> {
//!            Ok(Self {
//!                name: row.get("name")?,             // Option<T> where it may be null
//!                text: row.get("text")?,             // row.json("column") for JSON, row.parse("column") for states
//!                pinned: row.get("pinned")?,
//!                created_at: row.get("created_at")?,
//!            })
//!        }
//!    }
//!
//!    /// The notes of a project.
//!    #[derive(Debug)]
//!    pub struct Notes<'c> { at: At<'c>, project_id: ProjectId }
//!
//!    // gives `Tx::notes(&mut self, project_id)` and `Store::notes(&self, project_id)`
//!    crate::accessor!(notes -> Notes { project_id: ProjectId });
//!
//!    impl Notes<'_> {
//!        /// Writes a new note.
//!        ///
//!        /// # Errors
//!        /// [`Error::Unique`] when the name is taken.
//!        pub async fn insert(&mut self, name: &str, text: &str) -> Result<(), Error> {
//!            let now = self.at.tx()?.now();          // `self.at.tx()?.id::<T>()` for a new identity
//!            self.at
//!                .query("INSERT INTO note(project_id, name, text, pinned, created_at) VALUES ($1, $2, $3, 0, $4)")
//!                .bind(self.project_id).bind(name).bind(text).bind(now)
//!                .execute()
//!                .await?;
//!            Ok(())
//!        }
//!
//!        /// A note by name.
//!        pub async fn find(&mut self, name: &str) -> Result<Option<Note>, Error> {
//!            self.at
//!                .query("SELECT name, text, pinned, created_at FROM note WHERE project_id = $1 AND name = $2")
//!                .bind(self.project_id).bind(name)
//!                .optional(|row| Note::from_row(&row))
//!                .await
//!        }
//!
//!        /// A page in order of name, after `after`.
//!        pub async fn list(&mut self, after: Option<&str>, limit: u32) -> Result<Vec<Note>, Error> {
//!            self.at
//!                .query("SELECT name, text, pinned, created_at FROM note \
//!                        WHERE project_id = $1 AND ($2 IS NULL OR name > $2) ORDER BY name LIMIT $3")
//!                .bind(self.project_id).bind(after).bind(limit)
//!                .all(|row| Note::from_row(&row))
//!                .await
//!        }
//!    }
//!    ```
//!
//! 3. `tests/conformance/notes.rs`, which names every method and is run on both databases, and `notes` in the list of
//!    `tests/conformance/main.rs`.
//!
//! The service: `let mut tx = store.begin().await?; tx.notes(project_id).insert(name, text).await.unique(||
//! Error::NameTaken)?; tx.commit().await?;` ([`OnUnique`]). After a failed statement a transaction is useless on
//! PostgreSQL: drop it. What only one text cannot say on both databases is a named [`Sql::pair`] with its reason.

mod agents;
mod approvals;
mod bundles;
mod changes;
mod credentials;
mod deployments;
pub mod error;
mod executions;
mod fires;
mod holds;
mod idempotency;
mod installation;
pub mod journal;
mod keys;
mod location;
mod migrations;
mod nodes;
mod organisations;
mod projects;
mod retention;
mod sessions;
mod sign_in_codes;
mod snapshots;
pub mod sql;
mod state;
mod store;
mod triggers;
mod versions;

pub use agents::{Agent, AgentFilter, AgentPage, Agents, ListedAgent};
pub use approvals::{ApprovalChange, ApprovalFilter, ApprovalRow, Approvals};
pub use bundles::{Bundle, Bundles, PackedBundle};
pub use changes::{Change, Changes};
pub use credentials::{Credentials, RedeemedCode};
pub use deployments::{Deployment, Deployments, Ended, NewDeployment};
pub use error::{Error, OnUnique};
pub use executions::{ExecutionFilter, ExecutionRow, Executions, LiveExecution, LiveExecutions};
pub use fires::{Fire, Fires, LiveFires, NewFire, PendingFire, Settled};
pub use holds::{AllHolds, Hold, Holds};
pub use idempotency::{Idempotency, IdempotencyScope, Lapse, Remembered, StoredAnswer};
pub use installation::Installation;
pub use journal::{
    Apart, Batch, Columns, CommitError, EntryRow, Fold, Journal, LaneToken, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES,
    Membership, Message, NewEntry, NewExecution, Reads, Side, StateRow,
};
pub use keys::{Key, Keys, NewKey};
pub use location::Location;
pub use migrations::{Applied, Migrations, migrations_text};
pub use nodes::{Nodes, OwnedShard};
pub use organisations::{Organisation, Organisations};
pub use projects::{Project, Projects};
pub use retention::{Ended as EndedExecution, Orphans, Retention};
pub use sessions::{Session, Sessions};
pub use sign_in_codes::SignInCodes;
pub use snapshots::{Snapshot, Snapshots};
pub use sql::{Sql, Tx};
pub use state::{AgentState, StateValue};
pub use store::Store;
pub use triggers::{LiveTriggers, NewTrigger, Ran, Trigger, TriggerCounts, Triggers};
pub use versions::{AgentRef, NewVersion, Resolved, ResolvedVersion, Version, VersionRef, Versions};

/// The way to a table: a method of the same name on [`Tx`] and on [`Store`]. The accessor is a struct with a field
/// `at: At<'c>` and the fields named here.
macro_rules! accessor {
    ($method:ident -> $accessor:ident $({ $($field:ident: $type:ty),* $(,)? })?) => {
        impl $crate::Tx {
            /// The table's statements inside this transaction.
            pub fn $method(&mut self $($(, $field: $type)*)?) -> $accessor<'_> {
                $accessor { at: $crate::sql::At::Tx(self) $($(, $field)*)? }
            }
        }

        impl $crate::Store {
            /// The table's reading statements, outside a transaction.
            pub fn $method(&self $($(, $field: $type)*)?) -> $accessor<'_> {
                $accessor { at: self.at() $($(, $field)*)? }
            }
        }
    };
}
pub(crate) use accessor;
