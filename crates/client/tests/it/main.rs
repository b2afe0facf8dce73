//! The client against a real server on a loopback port.

mod events;
mod requests;
mod server;
