//! Every function of the store, on every database. One file per table, named like the table's file in `src`.
//!
//! SQLite always runs. PostgreSQL runs when `MOLTFORGE_TEST_POSTGRES` names a server (a superuser's URL); without it
//! those tests print that they are skipped, or fail when `MOLTFORGE_TEST_REQUIRE=1`.

#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

mod agents;
mod approvals;
mod bundles;
mod changes;
mod complete;
mod credentials;
mod deployments;
mod executions;
mod fires;
mod fixture;
mod holds;
mod idempotency;
mod installation;
mod journal;
mod keys;
mod migrations;
mod nodes;
mod organisations;
mod projects;
mod retention;
mod schema;
mod sessions;
mod sign_in_codes;
mod snapshots;
mod sql;
mod state;
mod store;
mod triggers;
mod versions;
