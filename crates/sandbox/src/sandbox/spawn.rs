//! Starts the processes: nothing in their environment, a socket as their standard input.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use moltforge_jail::{Group, Start};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};

use crate::confine::Arguments;

/// A process and the socket to it. It is killed when this is dropped.
pub(crate) struct Link {
    pub(crate) child: Child,
    pub(crate) socket: UnixStream,
    /// Its group, where there are any.
    pub(crate) group: Option<Group>,
}

/// Starts a process, which confines itself.
pub(crate) fn start(
    program: &Path,
    subcommand: &[OsString],
    args: &Arguments,
    group: Option<Group>,
) -> io::Result<Link> {
    let args = subcommand.iter().cloned().chain(args.write());
    let (command, starting) = Start::program(program, args).prepare().map_err(io::Error::other)?;
    let mut command = Command::from(command);
    let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    // it holds the other end of the socket
    drop(command);
    let id = child.id().ok_or_else(|| io::Error::other("it has ended"))?;
    let socket = starting.release(id, group.as_ref()).map_err(io::Error::other)?;
    socket.set_nonblocking(true)?;
    Ok(Link { child, socket: UnixStream::from_std(socket)?, group })
}

/// Removes the group of a process that has ended: what was below that may take a moment longer.
pub(crate) async fn clear(mut group: Group) {
    for _ in 0..200 {
        if group.remove() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tracing::warn!("the control group of a process that has ended cannot be removed");
}

/// Kills it, with whatever it may have started.
pub(crate) fn kill(child: &mut Child) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    // one that is gone already is what was wanted
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.start_kill();
}

/// The beginning of what it wrote to its standard error. The rest is read and dropped: it must not block there.
pub(crate) async fn said(from: Option<ChildStderr>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let room = 4096_usize.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
