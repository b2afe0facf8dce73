//! The client against a real server on a loopback port.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod events;
mod requests;
mod server;
