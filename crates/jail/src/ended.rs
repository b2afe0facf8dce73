//! How a confined process ended, as its server sees it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with a code.
    Exited(i32),
    /// It made a system call that is not on its list.
    Violation,
    /// It was killed: by the server, or by the kernel at the limit of processor time or when memory ran out (see
    /// [`Group::out_of_memory`](crate::Group::out_of_memory)).
    Killed,
    /// By another signal; a crash.
    Signal(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        let Some(number) = status.signal() else { return Self::Exited(status.code().unwrap_or(1)) };
        match Signal::try_from(number) {
            Ok(Signal::SIGSYS) => Self::Violation,
            Ok(Signal::SIGKILL) => Self::Killed,
            _ => Self::Signal(number),
        }
    }
}
