//! Models and tools against real sockets and a real store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cuts;
mod faults;
mod limits;
mod models;
mod provider;
mod replies;
mod requests;
mod server;
mod tools_fetch;
mod tools_http;
mod tools_state;
mod world;
