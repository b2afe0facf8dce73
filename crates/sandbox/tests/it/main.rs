//! Guests in real worker processes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it leaves out")]

mod component;
mod driver;
mod escape;
mod hostile;
mod javascript;
mod limits;
mod lives;
mod meter;
mod python;
mod replay;
mod reserved;
mod room;
mod share;
mod suites;
mod typescript;
mod world;
