//! The whole program, from outside: over HTTP and as a command line, a file per resource.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod agents;
mod approvals;
mod bad_input;
mod cli;
mod dashboard;
mod deciding;
mod dev;
mod executions;
mod http;
mod keys;
mod lives;
mod openapi;
mod process;
mod sessions;
mod storage;
mod story;
mod triggers;
mod world;
