//! Starts worker processes.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::process::Stdio;
use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::process::Command;

use super::Config;
use super::process::{Link, Worker};
use crate::error::Error;

/// A new worker. Whether it comes up is seen later: until then messages wait in the socket.
pub(crate) fn worker(config: &Config, fingerprint: [u8; 32]) -> Result<Arc<Worker>, Error> {
    let link = link(config).map_err(|error| Error::Worker(error.to_string()))?;
    Worker::start(link, config.guests_per_project, fingerprint, config.idle)
}

fn link(config: &Config) -> io::Result<Link> {
    let (ours, theirs) = Pair::pair()?;
    ours.set_nonblocking(true)?;
    let child = Command::new(&config.program)
        .args(&config.worker)
        .env_clear()
        .current_dir("/")
        // a signal to the terminal is for the server, which decides about its workers
        .process_group(0)
        .kill_on_drop(true)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(Link { child, socket: UnixStream::from_std(ours)? })
}
