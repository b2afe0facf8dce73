//! What the machine does at best: processes and sockets.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as Blocking;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::figures::Times;
use crate::{Failed, program};

/// Starts of whole processes, as rows. What is not installed has none.
pub(crate) fn processes(count: usize) -> Result<(), Failed> {
    let commands: [(&str, &str, &[&str]); 3] = [
        ("&nbsp; a process: `true`", "true", &[]),
        ("&nbsp; a process: `python3 -I -S -c 0`", "python3", &["-I", "-S", "-c", "0"]),
        ("&nbsp; a process: `node -e 0`", "node", &["-e", "0"]),
    ];
    for (name, program, words) in commands {
        let mut times = Times::default();
        for _ in 0..count {
            let mut command = Command::new(program);
            command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let begun = Instant::now();
            let Ok(status) = command.status() else { break };
            if !status.success() {
                return Err(format!("{program} ended with {status}").into());
            }
            times.push(begun.elapsed());
        }
        if times.at(0) > std::time::Duration::ZERO {
            times.row(name);
        }
    }
    Ok(())
}

/// A byte to another process and back, with the runtime that the server has on this side.
pub(crate) async fn socket(count: usize) -> Result<Times, Failed> {
    let (ours, theirs) = Blocking::pair()?;
    let theirs = std::os::fd::OwnedFd::from(theirs);
    let mut child = Command::new(program()).arg("echo").stdin(theirs).spawn()?;
    ours.set_nonblocking(true)?;
    let mut ours = UnixStream::from_std(ours)?;
    let mut times = Times::default();
    let mut byte = [1];
    for _ in 0..count {
        let begun = Instant::now();
        ours.write_all(&byte).await?;
        ours.read_exact(&mut byte).await?;
        times.push(begun.elapsed());
    }
    drop(ours);
    child.wait()?;
    Ok(times)
}

/// The other process.
pub(crate) fn echo() -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut socket = Blocking::from(socket);
    let mut byte = [0];
    while socket.read_exact(&mut byte).is_ok() && socket.write_all(&byte).is_ok() {}
    ExitCode::SUCCESS
}
