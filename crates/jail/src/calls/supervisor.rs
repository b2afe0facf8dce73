//! What the process that waits for another may call.

use nix::libc;
use seccompiler::BackendError;

use super::list::{List, data_only, shared};

pub(super) fn list() -> Result<List, BackendError> {
    let mut list = shared()?;
    data_only(&mut list)?;
    // the child, and itself to end as the child did: no other process is of its user and its namespace
    list.allowed.extend([libc::SYS_waitid, libc::SYS_wait4, libc::SYS_kill, libc::SYS_pidfd_send_signal]);
    list.refused.push(libc::SYS_ioctl);
    Ok(list)
}
