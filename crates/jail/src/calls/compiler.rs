//! What a process that compiles may call.

use nix::libc;
use seccompiler::BackendError;

use super::list::{List, data_only, shared};

pub(super) fn list() -> Result<List, BackendError> {
    let mut list = shared()?;
    data_only(&mut list)?;
    list.refused.push(libc::SYS_ioctl);
    // the result may go to a file that it was given
    list.allowed.push(libc::SYS_ftruncate);
    Ok(list)
}
