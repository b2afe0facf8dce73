//! Descriptors that were inherited.

use std::fs;
use std::io;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd;

use crate::error::{AtStep as _, JailError, Step};

/// Closes every descriptor but the first three and those to keep. Standard output, if it is not among them, becomes one
/// that nothing reads: what is printed by mistake must not reach a terminal.
pub(crate) fn close_all_but(keep: &[RawFd]) -> Result<(), JailError> {
    let open = open().at(Step::Descriptors, "list them")?;
    for fd in open.into_iter().filter(|fd| *fd > 2 && !keep.contains(fd)) {
        match unistd::close(fd) {
            // the one that the list was read from
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(JailError::new(Step::Descriptors, format!("close {fd}: {error}"))),
        }
    }
    if keep.contains(&1) {
        return Ok(());
    }
    let nothing = fs::OpenOptions::new().write(true).open("/dev/null").at(Step::Descriptors, "open /dev/null")?;
    unistd::dup2_stdout(&nothing).at(Step::Descriptors, "replace standard output")
}

/// As the kernel lists them; without `/proc`, all that there can be.
fn open() -> io::Result<Vec<RawFd>> {
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().parse().unwrap_or(-1)));
        return names.collect();
    }
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let most = i32::try_from(most).map_err(|_| io::Error::other("too many descriptors to close without /proc"))?;
    Ok((0..most).collect())
}
