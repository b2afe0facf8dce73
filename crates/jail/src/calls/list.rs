//! What a list holds, and what all lists share.

use nix::libc;
use nix::unistd::getpid;
use seccompiler::{BackendError, SeccompRule};

use super::condition::{has_all_of, has_none_of, int, one_of, rule, word};

/// What becomes of a call whose arguments do not fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Otherwise {
    /// The process ends.
    Kill,
    /// `EPERM`.
    Refuse,
}

/// System calls by the answer to them. A call stands in one of the three.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) allowed: Vec<i64>,
    pub(super) conditional: Vec<(i64, Vec<SeccompRule>, Otherwise)>,
    pub(super) refused: Vec<i64>,
}

impl List {
    pub(super) fn when(&mut self, call: i64, rules: Vec<SeccompRule>, otherwise: Otherwise) {
        self.conditional.push((call, rules, otherwise));
    }
}

/// Memory, time, locks, signals of its own, and the descriptors that it has.
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_recvmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_membarrier,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_capget,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The same under the names of an older machine.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// What allocators, C libraries and panics try in passing, and do without.
const REFUSED: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler,
    libc::SYS_setpriority,
    libc::SYS_getpriority,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
    libc::SYS_mlock,
    libc::SYS_getppid,
    libc::SYS_pkey_alloc,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] =
    &[libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink, libc::SYS_arch_prctl];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// How C libraries start a thread.
const THREAD: i32 = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID;
/// One of them adds this, which means nothing.
const DETACHED: i32 = libc::CLONE_DETACHED;
/// Names for memory, seen in maps.
const PR_SET_VMA: i32 = 0x5356_4d41;
/// What can be asked of a descriptor.
const FCNTL: [i32; 5] = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC];

/// What a compiler and a worker share.
pub(super) fn shared() -> Result<List, BackendError> {
    let mut list = List {
        allowed: [ALLOWED, ALLOWED_HERE].concat(),
        conditional: Vec::new(),
        refused: [REFUSED, REFUSED_HERE].concat(),
    };
    let bits = |flags: i32| u64::from(flags.cast_unsigned());
    // threads, no processes
    list.when(libc::SYS_clone, vec![rule([word(0, bits(THREAD), bits(DETACHED))?])?], Otherwise::Kill);
    list.when(libc::SYS_tgkill, one_of(0, &[getpid().as_raw()])?, Otherwise::Kill);
    // its own limits, to be read
    list.when(libc::SYS_prlimit64, vec![rule([int(0, 0)?, word(2, 0, 0)?])?], Otherwise::Refuse);
    // by descriptor alone
    list.when(libc::SYS_newfstatat, vec![rule([has_all_of(3, libc::AT_EMPTY_PATH)?])?], Otherwise::Refuse);
    list.when(libc::SYS_statx, vec![rule([has_all_of(2, libc::AT_EMPTY_PATH)?])?], Otherwise::Refuse);
    list.when(libc::SYS_prctl, one_of(0, &[libc::PR_SET_NAME, PR_SET_VMA])?, Otherwise::Refuse);
    list.when(libc::SYS_fcntl, one_of(1, &FCNTL)?, Otherwise::Refuse);
    Ok(list)
}

/// Memory that is never executable.
pub(super) fn data_only(list: &mut List) -> Result<(), BackendError> {
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        list.when(call, vec![rule([has_none_of(2, libc::PROT_EXEC)?])?], Otherwise::Refuse);
    }
    Ok(())
}

/// Memory that is executable or writable, never both.
pub(super) fn data_or_code(list: &mut List) -> Result<(), BackendError> {
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let data = rule([has_none_of(2, libc::PROT_EXEC)?])?;
        let code = rule([has_none_of(2, libc::PROT_WRITE)?])?;
        list.when(call, vec![data, code], Otherwise::Refuse);
    }
    Ok(())
}

/// Files can be opened to be read.
pub(super) fn with_reads(mut list: List) -> Result<List, BackendError> {
    list.refused.retain(|call| *call != libc::SYS_openat);
    let writes = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    list.when(libc::SYS_openat, vec![rule([has_none_of(2, writes)?])?], Otherwise::Refuse);
    Ok(list)
}
