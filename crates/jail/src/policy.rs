//! What a process may do once it is confined.

use std::os::fd::RawFd;
use std::path::PathBuf;

/// What a process may do. Whatever is not in it is denied.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which system calls are allowed.
    pub calls: Calls,
    /// What becomes of a step that the kernel refuses.
    pub enforcement: Enforcement,
    /// The files and folders that stay visible, to be read only, at their canonical paths. The user that the process
    /// becomes must be able to reach them; prefer descriptors over the socket.
    pub read_only: Vec<PathBuf>,
    /// Inherited descriptors that stay open beside the socket (0) and standard error (2).
    pub keep: Vec<RawFd>,
    /// What it may use.
    pub limits: Limits,
    /// The user and group that a process started by root becomes first. Without one it stays what it is, and is still
    /// without privileges.
    pub run_as: Option<(u32, u32)>,
}

/// The lists of system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// Runs compiled guests: threads, an event loop, executable memory (never writable at the same time).
    Worker,
    /// Compiles: threads, no event loop, no executable memory, nothing but reads and writes.
    Compiler,
}

/// What becomes of a step that the kernel refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// It is an error.
    Required,
    /// Namespaces, Landlock and the filter of system calls are left out where the kernel has none, and the report says
    /// so. For development on a machine that lacks something, never where strangers' code runs.
    BestEffort {
        /// Why, in the operator's words; it is part of the report.
        reason: String,
    },
}

/// Limits of the process itself. Those of its [`Group`](crate::Group) come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of private writable memory. Reserved address space does not count.
    pub memory: Option<u64>,
    /// Bytes of address space. Not for a worker: guests reserve gigabytes that they never touch.
    pub address_space: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub open_files: u64,
    /// Bytes of a file, which can be one in memory alone.
    pub file_size: u64,
    /// Seconds of processor time of the process in all.
    pub cpu_seconds: Option<u64>,
    /// How far it stands back for others when processors are short: 0 not at all, 19 wholly.
    pub nice: u8,
}

/// The user and group `nobody`.
const NOBODY: (u32, u32) = (65_534, 65_534);

impl Policy {
    /// For a process that runs guests.
    pub fn worker() -> Self {
        Self {
            calls: Calls::Worker,
            enforcement: Enforcement::Required,
            read_only: Vec::new(),
            keep: Vec::new(),
            limits: Limits {
                memory: None,
                address_space: None,
                threads: 64,
                open_files: 256,
                file_size: 512 << 20,
                cpu_seconds: None,
                // the server answers first
                nice: 5,
            },
            run_as: Some(NOBODY),
        }
    }

    /// For a process that compiles one component and ends.
    pub fn compiler() -> Self {
        let limits = Limits {
            memory: None,
            address_space: Some(4 << 30),
            threads: 64,
            open_files: 64,
            file_size: 512 << 20,
            cpu_seconds: Some(600),
            nice: 10,
        };
        Self { calls: Calls::Compiler, limits, ..Self::worker() }
    }
}
