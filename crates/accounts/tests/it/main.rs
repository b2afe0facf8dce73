//! The service behind its router and the caller's check, on a real SQLite store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bootstrap;
mod keys;
mod sessions;
mod world;
