//! The user of the process.

use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid};

use crate::error::{AtStep as _, JailError, Step};

/// Root becomes an ordinary user in no other group. Anybody else stays who they are: nothing more can be given up.
pub(crate) fn leave_root(run_as: Option<(u32, u32)>) -> Result<(), JailError> {
    if let Some((user, group)) = run_as
        && unistd::geteuid().is_root()
    {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        unistd::setgroups(&[]).at(Step::Identity, "leave all groups")?;
        unistd::setresgid(group, group, group).at(Step::Identity, &format!("become group {group}"))?;
        unistd::setresuid(user, user, user).at(Step::Identity, &format!("become user {user}"))?;
    }
    see_itself()
}

/// A change of user hides a process from itself: the maps of a user namespace could not be written.
pub(crate) fn see_itself() -> Result<(), JailError> {
    prctl::set_dumpable(true).at(Step::Identity, "see itself")
}

/// How many groups a process is in that it could not leave: an ordinary user cannot.
pub(crate) fn other_groups() -> usize {
    let own = unistd::getegid();
    unistd::getgroups().map_or(0, |groups| groups.into_iter().filter(|group| *group != own).count())
}
