//! Attempts on the kernel: what it offers beside files, sockets and processes.

use std::io;

use nix::libc;

use super::files::at_mut;
use super::{Attempt, anybody, root, under};
use crate::kernel::{at, call, text};

const PAGE: usize = 4096;
const WRITE: usize = libc::PROT_WRITE as usize;
const READ: usize = libc::PROT_READ as usize;
const RUN: usize = libc::PROT_EXEC as usize;
const PRIVATE: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;

pub(super) const ALL: &[Attempt] = &[
    root("mount", |_| {
        let (kind, place) = (text("tmpfs"), text("/tmp"));
        let [kind, place] = [at(kind.as_c_str()), at(place.as_c_str())];
        call(libc::SYS_unshare, [libc::CLONE_NEWNS as usize])?;
        call(libc::SYS_mount, [0, at(text("/").as_c_str()), 0, (libc::MS_PRIVATE | libc::MS_REC) as usize, 0])?;
        call(libc::SYS_mount, [kind, place, kind, 0, 0]).map(drop)
    }),
    root("open_mount_tree", |_| call(libc::SYS_open_tree, [0, at(text("/").as_c_str()), 1]).map(drop)),
    root("begin_file_system", |_| call(libc::SYS_fsopen, [at(text("tmpfs").as_c_str()), 0]).map(drop)),
    root("unmount", |_| {
        call(libc::SYS_unshare, [libc::CLONE_NEWNS as usize])?;
        call(libc::SYS_umount2, [at(text("/dev/shm").as_c_str()), libc::MNT_DETACH as usize]).map(drop)
    }),
    root("change_root", |_| call(libc::SYS_chroot, [at(text("/tmp").as_c_str())]).map(drop)),
    anybody("new_user_namespace", |_| call(libc::SYS_unshare, [libc::CLONE_NEWUSER as usize]).map(drop)),
    anybody("join_namespace_of_neighbour", |facts| {
        // a neighbour is in the same one here: joining it is refused only for that
        let held = call(libc::SYS_pidfd_open, [facts.number("victim"), 0])?;
        let joined = call(libc::SYS_setns, [usize::try_from(held).unwrap(), libc::CLONE_NEWNET as usize]);
        joined.map(drop).or_else(|e| if e.raw_os_error() == Some(libc::EPERM) { Ok(()) } else { Err(e) })
    }),
    root("name_host", |_| {
        call(libc::SYS_unshare, [libc::CLONE_NEWUTS as usize])?;
        call(libc::SYS_sethostname, [at("x"), 1]).map(drop)
    }),
    anybody("see_host_name", |_| call(libc::SYS_uname, [at_mut(&mut [0_u8; 512])]).map(drop)),
    anybody("see_machine", |_| call(libc::SYS_sysinfo, [at_mut(&mut [0_u8; 512])]).map(drop)),
    root("read_kernel_log", |_| call(libc::SYS_syslog, [3, at_mut(&mut [0_u8; 256]), 256]).map(drop)),
    anybody("keyring", |_| call(libc::SYS_keyctl, [0, -3_isize as usize, 1]).map(drop)),
    anybody("add_key", |_| {
        let (kind, name) = (text("user"), text("moltforge"));
        let arguments = [at(kind.as_c_str()), at(name.as_c_str()), at("x"), 1, -2_isize as usize];
        call(libc::SYS_add_key, arguments).map(drop)
    }),
    root("bpf", |_| {
        // an array of one number
        let attributes = [2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        call(libc::SYS_bpf, [0, at(&attributes), 72]).map(drop)
    }),
    root("perf_event", |_| {
        let mut attributes = [0_u64; 16];
        // a clock of the software, 128 bytes
        attributes[0] = (128 << 32) | 1;
        call(libc::SYS_perf_event_open, [at(&attributes), 0, usize::MAX, usize::MAX, 0]).map(drop)
    }),
    root("io_uring", |_| call(libc::SYS_io_uring_setup, [4, at_mut(&mut [0_u8; 120])]).map(drop)),
    root("userfaultfd", |_| call(libc::SYS_userfaultfd, [libc::O_CLOEXEC as usize]).map(drop)),
    anybody("personality", |_| call(libc::SYS_personality, [0x0004_0000]).map(drop)),
    anybody("another_filter", |_| {
        // allow everything
        let program = [(0x06_u16, 0_u16, 0x7fff_0000_u32)];
        let filter = (1_u16, at(&program));
        let packed: [usize; 2] = [usize::from(filter.0), filter.1];
        call(libc::SYS_prctl, [38, 1, 0, 0, 0])?;
        call(libc::SYS_seccomp, [1, 0, at(&packed)]).map(drop)
    }),
    anybody("be_dumpable", |_| call(libc::SYS_prctl, [4, 1, 0, 0, 0]).map(drop)),
    anybody("outlive_supervisor", |_| call(libc::SYS_prctl, [1, 0, 0, 0, 0]).map(drop)),
    anybody("keep_capabilities", |_| call(libc::SYS_prctl, [8, 1, 0, 0, 0]).map(drop)),
    anybody("landlock_again", |_| {
        let handled = [1_u64, 0, 0];
        call(libc::SYS_landlock_create_ruleset, [at(&handled), 8, 0]).map(drop)
    }),
    anybody("shared_memory", |_| call(libc::SYS_shmget, [0, PAGE, 0o1600]).and_then(remove(libc::SYS_shmctl))),
    anybody("message_queue", |_| call(libc::SYS_msgget, [0, 0o1600]).and_then(remove(libc::SYS_msgctl))),
    anybody("semaphores", |_| {
        let made = call(libc::SYS_semget, [0, 1, 0o1600])?;
        call(libc::SYS_semctl, [usize::try_from(made).unwrap(), 0, 0]).map(drop)
    }),
    anybody("named_queue", |_| {
        let name = text("moltforge-jail");
        let flags = (libc::O_CREAT | libc::O_RDWR) as usize;
        call(libc::SYS_mq_open, [at(name.as_c_str()), flags, 0o600, 0])?;
        call(libc::SYS_mq_unlink, [at(name.as_c_str())]).map(drop)
    }),
    anybody("timer_signal", |_| {
        let mut timer = 0_i32;
        call(libc::SYS_timer_create, [1, 0, at_mut(&mut timer)]).map(drop)
    }),
    anybody("clock_adjustment", |_| call(libc::SYS_adjtimex, [at_mut(&mut [0_u8; 256])]).map(drop)),
    root("real_time_scheduling", |_| {
        let priority = [1_i32];
        call(libc::SYS_sched_setscheduler, [0, libc::SCHED_FIFO as usize, at(&priority)]).map(drop)
    }),
    root("higher_priority", |_| call(libc::SYS_setpriority, [0, 0, -5_isize as usize]).map(drop)),
    anybody("lock_memory", |_| {
        let page = call(libc::SYS_mmap, [0, PAGE, READ | WRITE, PRIVATE, usize::MAX, 0])?;
        call(libc::SYS_mlock, [usize::try_from(page).unwrap(), PAGE]).map(drop)
    }),
    anybody("secret_pages_of_files", |_| call(libc::SYS_mincore, [0, 0, 0]).map(drop)),
    anybody("own_limits", |_| {
        let limits = [64_u64, 64];
        call(libc::SYS_prlimit64, [0, 7, at(&limits), 0]).map(drop)
    }),
    #[cfg(target_arch = "x86_64")]
    anybody("segments", |_| call(libc::SYS_modify_ldt, [0, at_mut(&mut [0_u8; 16]), 16]).map(drop)),
    anybody("memory_to_write_and_run", |_| {
        call(libc::SYS_mmap, [0, PAGE, READ | WRITE | RUN, PRIVATE, usize::MAX, 0]).map(drop)
    }),
    anybody("memory_made_to_write_and_run", |_| {
        let page = call(libc::SYS_mmap, [0, PAGE, READ | WRITE, PRIVATE, usize::MAX, 0])?;
        call(libc::SYS_mprotect, [usize::try_from(page).unwrap(), PAGE, READ | WRITE | RUN]).map(drop)
    }),
    under(&["compiler"], "memory_to_run", |_| {
        call(libc::SYS_mmap, [0, PAGE, READ | RUN, PRIVATE, usize::MAX, 0]).map(drop)
    }),
    under(&["compiler"], "file_in_memory", |_| call(libc::SYS_memfd_create, [at(text("x").as_c_str()), 0]).map(drop)),
    under(&["compiler"], "event_loop", |_| call(libc::SYS_epoll_create1, [0]).map(drop)),
    anybody("inject_terminal_input", |_| {
        // the socket is no terminal: that the kernel said so is an answer
        let asked = call(libc::SYS_ioctl, [0, libc::TIOCSTI as usize, at("x")]);
        asked.map(drop).or_else(|e| if e.raw_os_error() == Some(libc::ENOTTY) { Ok(()) } else { Err(e) })
    }),
    anybody("move_bytes_within_the_kernel", |_| {
        // neither end is a pipe
        let moved = call(libc::SYS_splice, [0, 0, 0, 0, 1, 0]);
        moved.map(drop).or_else(|e| if e.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(e) })
    }),
    root("watch_every_file", |_| call(libc::SYS_fanotify_init, [0, 0]).map(drop)),
    anybody("pipe_into_pipe", |_| {
        let mut ends = [0_i32; 2];
        call(libc::SYS_pipe2, [at_mut(&mut ends), 0]).map(drop)
    }),
];

/// What was made is not left behind.
fn remove(control: i64) -> impl Fn(i64) -> io::Result<()> {
    move |made| call(control, [usize::try_from(made).unwrap(), 0, 0]).map(drop)
}
