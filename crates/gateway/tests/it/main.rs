//! The gateway in front of the real accounts service and of a service that tells what it got, on a real SQLite store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod credentials;
mod crossing;
mod hosts;
mod idempotency;
mod limits;
mod log;
mod probes;
mod routing;
mod service;
mod sessions;
mod sockets;
mod world;
