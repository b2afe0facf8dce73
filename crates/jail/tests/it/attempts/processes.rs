//! Attempts to start, see, trace and kill processes, and to become somebody else.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::libc;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use super::files::at_mut;
use super::{Attempt, anybody, root};
use crate::kernel::{at, call, text};

/// What a parent is told by.
const SIGCHLD: usize = libc::SIGCHLD as usize;

pub(super) const ALL: &[Attempt] = &[
    anybody("start_program", |_| Command::new("/bin/true").status().map(drop)),
    anybody("become_program", |_| {
        // it says for itself that it runs
        Err(Command::new("/bin/sh").args(["-c", "echo done >&0"]).exec())
    }),
    anybody("fork", |_| child_of(call(libc::SYS_clone, [SIGCHLD, 0, 0, 0, 0]))),
    #[cfg(target_arch = "x86_64")]
    anybody("fork_as_before", |_| child_of(call(libc::SYS_fork, []))),
    anybody("fork_with_clone3", |_| {
        let mut how = [0_u64; 11];
        how[4] = SIGCHLD as u64;
        child_of(call(libc::SYS_clone3, [at(&how), 88]))
    }),
    anybody("thread_in_new_namespaces", |_| {
        let flags = SIGCHLD | libc::CLONE_NEWUSER as usize;
        child_of(call(libc::SYS_clone, [flags, 0, 0, 0, 0]))
    }),
    anybody("run_descriptor", |_| {
        let file = std::fs::File::open("/bin/true")?;
        let descriptor = usize::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
        let child = call(libc::SYS_clone, [SIGCHLD, 0, 0, 0, 0])?;
        if child == 0 {
            let (empty, none) = (text(""), [0_usize]);
            let arguments = [descriptor, at(empty.as_c_str()), at(&none), at(&none), libc::AT_EMPTY_PATH as usize];
            let _ = call(libc::SYS_execveat, arguments);
            let _ = call(libc::SYS_exit_group, [1]);
        }
        child_of(Ok(child))
    }),
    anybody("become_file_in_memory", |_| {
        let script = "#!/bin/sh\necho done >&0\n";
        let file = usize::try_from(call(libc::SYS_memfd_create, [at(text("x").as_c_str()), 0])?).unwrap();
        call(libc::SYS_write, [file, at(script), script.len()])?;
        let (empty, none) = (text(""), [0_usize]);
        let arguments = [file, at(empty.as_c_str()), at(&none), at(&none), libc::AT_EMPTY_PATH as usize];
        call(libc::SYS_execveat, arguments).map(drop)
    }),
    anybody("adopt_orphans", |_| call(libc::SYS_prctl, [36, 1, 0, 0, 0]).map(drop)),
    anybody("signal_through_descriptor", |facts| {
        let held = call(libc::SYS_pidfd_open, [facts.number("victim"), 0])?;
        call(libc::SYS_pidfd_send_signal, [usize::try_from(held).unwrap(), 0, 0, 0]).map(drop)
    }),
    anybody("write_memory_of_neighbour", |facts| {
        let buffer = [0_u8; 8];
        let (local, remote) = ([at(&buffer), 8], [0x1000_usize, 8]);
        let written = call(libc::SYS_process_vm_writev, [facts.number("victim"), at(&local), 1, at(&remote), 1, 0]);
        written.map(drop).or_else(|e| if e.raw_os_error() == Some(libc::EFAULT) { Ok(()) } else { Err(e) })
    }),
    anybody("kill_neighbour", |facts| call(libc::SYS_kill, [facts.number("victim"), 0]).map(drop)),
    root("kill_server", |facts| call(libc::SYS_kill, [facts.number("server"), 0]).map(drop)),
    anybody("kill_everybody", |_| call(libc::SYS_kill, [usize::MAX, 0]).map(drop)),
    anybody("kill_thread_of_neighbour", |facts| {
        call(libc::SYS_tgkill, [facts.number("victim"), facts.number("victim"), 0]).map(drop)
    }),
    anybody("queue_signal", |facts| {
        let mut information = [0_i32; 32];
        (information[0], information[2]) = (libc::SIGCONT, libc::SI_QUEUE);
        let arguments = [facts.number("victim"), usize::try_from(libc::SIGCONT).unwrap(), at(&information)];
        call(libc::SYS_rt_sigqueueinfo, arguments).map(drop)
    }),
    anybody("hold_neighbour", |facts| call(libc::SYS_pidfd_open, [facts.number("victim"), 0]).map(drop)),
    anybody("take_descriptor_of_neighbour", |facts| {
        let held = call(libc::SYS_pidfd_open, [facts.number("victim"), 0])?;
        call(libc::SYS_pidfd_getfd, [usize::try_from(held).unwrap(), 0, 0]).map(drop)
    }),
    anybody("trace_neighbour", |facts| {
        const PTRACE_SEIZE: usize = 0x4206;
        call(libc::SYS_ptrace, [PTRACE_SEIZE, facts.number("victim"), 0, 0]).map(drop)
    }),
    anybody("be_traced", |_| call(libc::SYS_ptrace, [0, 0, 0, 0]).map(drop)),
    anybody("read_memory_of_neighbour", |facts| {
        // whether there is something at an address is an answer too
        let mut buffer = [0_u8; 8];
        let (local, remote) = ([at_mut(&mut buffer), 8], [0x1000_usize, 8]);
        let read = call(libc::SYS_process_vm_readv, [facts.number("victim"), at(&local), 1, at(&remote), 1, 0]);
        read.map(drop).or_else(|error| if error.raw_os_error() == Some(libc::EFAULT) { Ok(()) } else { Err(error) })
    }),
    anybody("compare_with_neighbour", |facts| {
        const KCMP_VM: usize = 1;
        call(libc::SYS_kcmp, [facts.number("victim"), facts.number("victim"), KCMP_VM, 0, 0]).map(drop)
    }),
    anybody("see_session_of_neighbour", |facts| call(libc::SYS_getsid, [facts.number("victim")]).map(drop)),
    anybody("see_scheduling_of_neighbour", |facts| {
        call(libc::SYS_sched_getscheduler, [facts.number("victim")]).map(drop)
    }),
    anybody("see_limits_of_neighbour", |facts| {
        let mut limits = [0_u64; 2];
        call(libc::SYS_prlimit64, [facts.number("victim"), 7, 0, at_mut(&mut limits)]).map(drop)
    }),
    root("become_root", |_| Ok(setuid(Uid::from_raw(0))?)),
    root("become_group_root", |_| Ok(setgid(Gid::from_raw(0))?)),
    root("join_groups", |_| Ok(setgroups(&[Gid::from_raw(0)])?)),
    root("gain_capabilities", |_| {
        let header = [0x2008_0522_u32, 0];
        let sets = [0x2000_u32; 6];
        call(libc::SYS_capset, [at(&header), at(&sets)]).map(drop)
    }),
];

/// In the child it ends; in the parent it waits for it.
fn child_of(started: io::Result<i64>) -> io::Result<()> {
    let child = started?;
    if child == 0 {
        let _ = call(libc::SYS_exit_group, [0]);
    }
    call(libc::SYS_wait4, [usize::try_from(child).unwrap(), 0, 0, 0]).map(drop)
}
