//! The whole program, from outside: over HTTP and as a command line, a file per resource.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says what it leaves out")]

mod agents;
mod allocator;
mod approvals;
mod bad_input;
mod capabilities;
mod cli;
mod code;
mod confinement;
mod dashboard;
mod deciding;
mod dev;
mod escape;
mod executions;
mod http;
mod keys;
mod limits;
mod lives;
mod openapi;
mod process;
mod programs;
mod sessions;
mod storage;
mod story;
mod triggers;
mod waits;
mod world;
