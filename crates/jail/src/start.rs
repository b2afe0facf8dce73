//! The server's side: how a process is started that is to confine itself.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::begin::GO;
use crate::error::{AtStep as _, JailError, Step};
use crate::group::Group;

/// A process to be started: this program with a hidden subcommand.
#[derive(Debug)]
pub struct Start {
    program: OsString,
    arguments: Vec<OsString>,
}

/// The server's end of a process that is about to be started, or waits for its group.
#[derive(Debug)]
#[must_use = "the process waits until it is released"]
pub struct Starting {
    socket: UnixStream,
}

impl Start {
    /// This very program, also when its file was replaced meanwhile.
    pub fn this_program(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self::program("/proc/self/exe", arguments)
    }

    /// Another program.
    pub fn program(program: impl Into<OsString>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// Makes the socket and the command: an empty environment, the socket as input, no output, the server's standard
    /// error. The caller may change the last, turns it into a `tokio::process::Command` where that is needed, spawns
    /// it, and **drops it**: it holds the other end of the socket, which would never be seen closed. Then
    /// [`Starting::release`].
    ///
    /// # Errors
    /// The descriptors are used up.
    pub fn prepare(self) -> Result<(Command, Starting), JailError> {
        let (socket, theirs) = UnixStream::pair().at(Step::Descriptors, "make a socket")?;
        let mut command = Command::new(self.program);
        command.args(self.arguments).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::inherit());
        // what a terminal sends to the server is not for it
        command.process_group(0);
        Ok((command, Starting { socket }))
    }
}

impl Starting {
    /// Puts the spawned process into its group and lets it begin. Only then does it do anything.
    ///
    /// # Errors
    /// It could not be put there; it must be killed. Or it is gone already.
    pub fn release(self, id: u32, group: Option<&Group>) -> Result<UnixStream, JailError> {
        let Self { mut socket } = self;
        if let Some(group) = group {
            group.add(id)?;
        }
        socket.write_all(&[GO]).at(Step::Handshake, "let it begin")?;
        Ok(socket)
    }
}
