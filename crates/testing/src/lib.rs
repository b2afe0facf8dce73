//! What tests share: stores that live as long as the test.
//!
//! `store_sqlite()` is the fake of every service's tests: a real SQLite store in a temporary folder. `World` is what
//! a conformance suite runs on, once per database (`worlds!`). **Never** a normal dependency.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "only tests use it; they print for people")]

mod postgres;
mod world;

pub use world::{TestStore, World, required, store_sqlite, stores};
