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
use tokio::runtime::Handle;

use crate::confine::Arguments;

/// A process and the socket to it. It is killed when this is dropped.
pub(crate) struct Link {
    pub(crate) child: Child,
    pub(crate) socket: UnixStream,
    pub(crate) group: Grouped,
}

/// The group of a process, where there are any. Dropped after the process was killed: it is removed as soon as nothing is
/// left in it.
#[derive(Debug)]
pub(crate) struct Grouped(Option<Group>);

impl Grouped {
    /// Whether the kernel has killed something in it because memory ran out.
    pub(crate) fn ran_out(&self) -> bool {
        self.0.as_ref().and_then(Group::out_of_memory).is_some_and(|times| times > 0)
    }
}

impl Drop for Grouped {
    fn drop(&mut self) {
        // without a runtime the server ends, and its next start removes what is left
        if let (Some(group), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(clear(group));
        }
    }
}

/// Starts a process, which confines itself, in a group that is made for it.
pub(crate) async fn start(
    program: &Path,
    subcommand: &[OsString],
    args: Arguments,
    group: impl FnOnce() -> Option<Group> + Send + 'static,
) -> io::Result<Link> {
    let (program, subcommand) = (program.to_owned(), subcommand.to_owned());
    // the kernel takes its time for groups: not on a thread that others wait for
    let started = tokio::task::spawn_blocking(move || start_in(&program, &subcommand, &args, Grouped(group())));
    started.await.map_err(io::Error::other)?
}

fn start_in(program: &Path, subcommand: &[OsString], args: &Arguments, group: Grouped) -> io::Result<Link> {
    let args = subcommand.iter().cloned().chain(args.write());
    let (command, starting) = Start::program(program, args).prepare().map_err(io::Error::other)?;
    let mut command = Command::from(command);
    let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    // it holds the other end of the socket
    drop(command);
    let id = child.id().ok_or_else(|| io::Error::other("it has ended"))?;
    let socket = starting.release(id, group.0.as_ref()).map_err(io::Error::other)?;
    socket.set_nonblocking(true)?;
    Ok(Link { child, socket: UnixStream::from_std(socket)?, group })
}

/// Removes the group of a process that has ended: what was below that may take a moment longer.
async fn clear(mut group: Group) {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use moltforge_jail::Enforcement;

    use super::*;
    use crate::sandbox::groups::ProcessGroups;

    /// The groups of processes that this process has made, in all hierarchies.
    fn groups() -> Vec<PathBuf> {
        let (node, group) =
            (format!("moltforge-node-{}-", std::process::id()), format!("moltforge-{}-", std::process::id()));
        let (mut open, mut found) = (vec![PathBuf::from("/sys/fs/cgroup")], Vec::new());
        while let Some(folder) = open.pop() {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for folder in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let path = folder.path();
                let is_ours = path
                    .parent()
                    .and_then(Path::file_name)
                    .is_some_and(|name| name.to_string_lossy().starts_with(&node));
                if is_ours && folder.file_name().to_string_lossy().starts_with(&group) {
                    found.push(path);
                } else {
                    open.push(path);
                }
            }
        }
        found
    }

    #[tokio::test]
    async fn a_process_that_nobody_waits_for_leaves_no_group() {
        let kept = ProcessGroups::find(None);
        if kept.compiler().is_none() {
            println!("left out: {}", kept.words());
            return;
        }
        let args = Arguments { guests: 0, is_component: true, enforcement: Enforcement::Required };
        let groups_of_it = kept.clone();
        let shell = ["-c".into(), "exec sleep 1000".into()];
        let link = start(Path::new("/bin/sh"), &shell, args, move || groups_of_it.compiler()).await.unwrap();
        assert!(!groups().is_empty());
        // as when whoever wanted an image stops waiting for it
        drop(link);
        let gone = async {
            while !groups().is_empty() {
                // a real wait: the kernel empties the group
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the group is removed");
    }
}
