//! Attempts to use more than there is for one process.

use std::io;
use std::sync::mpsc;
use std::thread;

use nix::libc;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::{Attempt, under};
use crate::kernel::{at, call, text};

const SMALL: &[&str] = &["small"];

pub(super) const ALL: &[Attempt] = &[
    under(SMALL, "much_memory", |_| map(256 << 20, libc::PROT_READ | libc::PROT_WRITE)),
    under(&["compiler"], "much_address_space", |_| map(8 << 30, libc::PROT_NONE)),
    under(&["worker", "compiler"], "many_threads", |_| {
        let mut ends = Vec::new();
        for _ in 0..100 {
            let (end, ended) = mpsc::channel::<()>();
            thread::Builder::new().stack_size(64 << 10).spawn(move || ended.recv())?;
            ends.push(end);
        }
        Ok(())
    }),
    under(&["worker", "compiler"], "many_descriptors", |_| {
        for _ in 0..300 {
            call(libc::SYS_fcntl, [0, usize::try_from(libc::F_DUPFD_CLOEXEC).unwrap(), 3])?;
        }
        Ok(())
    }),
    under(SMALL, "large_file", |_| {
        let made = call(libc::SYS_memfd_create, [at(text("x").as_c_str()), 0])?;
        let block = vec![0_u8; 1 << 20];
        for place in 0..4 {
            call(libc::SYS_pwrite64, [usize::try_from(made).unwrap(), at(block.as_slice()), block.len(), place << 20])?;
        }
        Ok(())
    }),
    under(SMALL, "much_time", |_| {
        let all = |used: Usage| (used.user_time() + used.system_time()).num_milliseconds();
        while all(getrusage(UsageWho::RUSAGE_SELF)?) < 4000 {}
        Ok(())
    }),
];

fn map(bytes: usize, protection: i32) -> io::Result<()> {
    let protection = usize::try_from(protection).unwrap();
    let flags = usize::try_from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE).unwrap();
    call(libc::SYS_mmap, [0, bytes, protection, flags, usize::MAX, 0]).map(drop)
}
