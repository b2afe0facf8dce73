//! The guarded client against real sockets on this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod headers;
mod limits;
mod origin;
mod pool;
mod redirects;
mod server;
mod ssrf;
mod world;
