//! Guests: programs of strangers, run as WebAssembly in worker processes, each a function of what it is handed.
//!
//! [`Sandbox`] is the server's side. It compiles images in one process ([`compile`]), runs the guests of a project in
//! another ([`worker`]), and believes neither. A guest is a pure function of its image, files, input, seed, start time
//! and the sequence of its completions: rebuilt with the same, it asks for the same ([`Commands`] compares). Start
//! reading at [`Sandbox::run`], and on the other side at `worker/host.rs`.
//!
//! **Never here:** what a capability does; the journal; secrets. Nobody else knows wasmtime.

pub mod commands;
pub mod compile;
pub mod error;
pub mod images;
pub mod limits;
pub mod sandbox;
pub mod worker;

mod component;
mod config;
mod confine;
mod protocol;
mod world;

pub use commands::{Commands, Divergence};
pub use component::Refusal;
pub use config::fingerprint;
pub use error::Error;
pub use images::{Component, Image};
pub use limits::{Limit, Limits};
pub use protocol::{Asked, Call, Cancelled, Completion, End, Failure, FailureKind, File, Log, Usage};
pub use sandbox::{
    Config, Enforcement, Event, Guest, GuestRequest, Load, Meter, Room, Sandbox, StripError, machine_memory,
};
