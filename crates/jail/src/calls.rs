//! The filter of system calls (seccomp).
//!
//! Three answers: a call on the list happens; one that libraries try in passing and can do without is refused with
//! `EPERM`; anything else ends the process. Two filters say that, because a filter knows two answers; the kernel takes
//! the strictest. A third one answers `clone3` with `ENOSYS`: its flags cannot be looked at, those of `clone` can, and
//! every C library falls back to it.

mod compiler;
mod condition;
mod list;
mod supervisor;
mod worker;

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, apply_filter};

use self::list::{List, Otherwise};
use crate::error::{JailError, Step};
use crate::policy::Calls;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Allows these calls and no others, for this thread and those that it starts. With `reads` also to open what is
/// listed.
pub(crate) fn allow(calls: Calls, reads: bool) -> Result<(), JailError> {
    let list = match calls {
        Calls::Worker => worker::list(),
        Calls::Compiler => compiler::list(),
    };
    apply(if reads { list.and_then(list::with_reads) } else { list })
}

/// For the process that only waits for another.
pub(crate) fn allow_supervisor() -> Result<(), JailError> {
    apply(supervisor::list())
}

fn apply(list: Result<List, seccompiler::BackendError>) -> Result<(), JailError> {
    let programs = list.and_then(|list| programs(&list)).map_err(|error| JailError::new(Step::SystemCalls, error))?;
    programs.iter().try_for_each(|program| apply_filter(program)).map_err(|e| JailError::new(Step::SystemCalls, e))
}

/// The filters, in the order in which they are applied: the first must still allow the others to come.
fn programs(list: &List) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let (mut known, mut free): (Rules, Rules) = (BTreeMap::new(), BTreeMap::new());
    for call in &list.allowed {
        known.insert(*call, Vec::new());
        free.insert(*call, Vec::new());
    }
    for call in &list.refused {
        known.insert(*call, Vec::new());
    }
    for (call, rules, otherwise) in &list.conditional {
        let (to_know, to_be_free) = match otherwise {
            Otherwise::Kill => (rules.clone(), Vec::new()),
            Otherwise::Refuse => (Vec::new(), rules.clone()),
        };
        known.insert(*call, to_know);
        free.insert(*call, to_be_free);
    }
    let third = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    known.insert(libc::SYS_clone3, Vec::new());
    free.insert(libc::SYS_clone3, Vec::new());
    let refuse = |errno: i32| SeccompAction::Errno(errno.unsigned_abs());
    // while this one is the last, the next can still be applied; that one then refuses any further
    known.insert(libc::SYS_seccomp, Vec::new());
    let filters = [
        SeccompFilter::new(third, SeccompAction::Allow, refuse(libc::ENOSYS), arch)?,
        SeccompFilter::new(known, SeccompAction::KillProcess, SeccompAction::Allow, arch)?,
        SeccompFilter::new(free, refuse(libc::EPERM), SeccompAction::Allow, arch)?,
    ];
    filters.into_iter().map(BpfProgram::try_from).collect()
}
