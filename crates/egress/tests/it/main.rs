//! The guarded client against real sockets on this machine.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it leaves out")]

mod addresses;
mod headers;
mod limits;
mod origin;
mod pool;
mod redirects;
mod server;
mod share;
mod ssrf;
mod world;
