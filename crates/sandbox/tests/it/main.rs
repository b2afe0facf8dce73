//! Guests in real worker processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod driver;
mod hostile;
mod javascript;
mod limits;
mod lives;
mod replay;
mod world;
