//! The agent service over HTTP, as the gateway would call it, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod bodies;
mod bundles;
mod concurrency;
mod deletion;
mod deployments;
mod isolation;
mod service;
mod state;
mod updates;
mod versions;
