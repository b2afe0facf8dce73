//! The confinement of a process of our own: a worker that runs guests, the process that compiles them.
//!
//! A server starts its own program again with a hidden subcommand, through [`Start`]: an empty environment, a Unix
//! socket as standard input, where there is one a [`Group`] with limits. The first thing that the child does, before
//! it starts a thread or reads anything from outside, is [`confine`]:
//!
//! ```no_run
//! # fn main() -> Result<(), moltforge_jail::JailError> {
//! let report = moltforge_jail::confine(&moltforge_jail::Policy::worker())?;
//! let socket = moltforge_jail::socket()?; // the other end is the server's
//! # drop((report, socket)); Ok(()) }
//! ```
//!
//! After it the process has no privileges, no file system but what its [`Policy`] lists, no network, no other process
//! in sight, a list of system calls that are allowed, and limits. A step that the kernel refuses is an error that
//! names it; nothing runs half confined unless the policy says why it may ([`Enforcement`]).
//!
//! What must be opened by path (the own page map, say) is opened between [`begin()`] and [`Begun::confine`]; files that
//! belong to a project come as descriptors over the socket, never as paths.
//!
//! The supervisor: process ids of its own need a child of a child. [`begin()`] therefore starts the program once more and
//! stays behind as its supervisor, which holds nothing, ends the child when the server is gone, and ends as the child
//! did. The server sees one process.
//!
//! **Never here:** guests, WebAssembly, what is said over the socket. Linux alone. No unsafe code.

#![forbid(unsafe_code)]

mod begin;
mod calls;
mod capabilities;
mod descriptors;
mod ended;
mod error;
mod files;
mod group;
mod identity;
mod limits;
mod namespaces;
mod policy;
mod report;
mod root;
mod start;
mod supervisor;

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

pub use begin::{Begun, begin};
pub use ended::Ended;
pub use error::{JailError, Step};
pub use group::{Group, GroupLimits, Groups, memory};
pub use policy::{Calls, Enforcement, Limits, Policy};
pub use report::{Missing, Report};
pub use start::{Start, Starting};

/// Confines this process for good. Not all of it returns: see [`begin()`].
///
/// # Errors
/// The step that the kernel refused, why, and what to do about it. The process must end then.
pub fn confine(policy: &Policy) -> Result<Report, JailError> {
    begin(policy)?.confine()
}

/// The socket to the server: standard input of a process that [`Start`] prepared.
///
/// # Errors
/// It is closed, or the descriptors are used up.
pub fn socket() -> Result<UnixStream, JailError> {
    let fd = std::io::stdin().as_fd().try_clone_to_owned();
    fd.map(UnixStream::from).map_err(|error| JailError::new(Step::Descriptors, error))
}
