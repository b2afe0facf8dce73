//! What a process that runs guests may call.

use nix::libc;
use seccompiler::BackendError;

use super::condition::one_of;
use super::list::{List, Otherwise, data_or_code, shared};

/// The event loop, and files in memory that start images of guests are mapped from.
const ALLOWED: &[i64] = &[
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
];
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_epoll_wait];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// `FIONBIO`, `FIOCLEX`, and `PAGEMAP_SCAN`: which pages of one's own were written.
const IOCTL: [i32; 3] = [0x5421, 0x5451, 0xc060_6610_u32.cast_signed()];

pub(super) fn list() -> Result<List, BackendError> {
    let mut list = shared()?;
    list.allowed.extend([ALLOWED, ALLOWED_HERE].concat());
    data_or_code(&mut list)?;
    // between threads of its own
    list.when(libc::SYS_socketpair, one_of(0, &[libc::AF_UNIX])?, Otherwise::Kill);
    list.when(libc::SYS_ioctl, one_of(1, &IOCTL)?, Otherwise::Refuse);
    // a file in memory is sealed before it is mapped
    for (_, rules, _) in list.conditional.iter_mut().filter(|(call, ..)| *call == libc::SYS_fcntl) {
        rules.extend(one_of(1, &[libc::F_ADD_SEALS])?);
    }
    Ok(list)
}
