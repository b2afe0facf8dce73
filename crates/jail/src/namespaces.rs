//! Namespaces: what other processes have is not there.

use std::fs;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid, sethostname};

use crate::error::{AtStep as _, JailError, Step};

/// Children are in a namespace of process ids of their own.
pub(crate) fn new_process_ids() -> Result<(), JailError> {
    enter(Step::ProcessNamespace, CloneFlags::CLONE_NEWPID)
}

/// Network, mounts, IPC, host name and control groups of its own. No interface is up, not even loopback.
pub(crate) fn leave_the_machine() -> Result<(), JailError> {
    let all = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    enter(Step::Namespaces, all)?;
    sethostname("jail").at(Step::Namespaces, "name the host")
}

/// A user namespace in which the user is alone, and the others owned by it.
fn enter(step: Step, others: CloneFlags) -> Result<(), JailError> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | others).at(step, "make them")?;
    let map =
        |file: &str, line: String| fs::write(format!("/proc/self/{file}"), line).at(step, &format!("write {file}"));
    // the kernel takes a map of groups from a process without privileges only after this
    map("setgroups", "deny".to_owned())?;
    map("uid_map", format!("{user} {user} 1"))?;
    map("gid_map", format!("{group} {group} 1"))
}
