//! Limits that the kernel keeps for one process.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use rustix::process::{getpriority_process, setpriority_process};

use crate::error::{AtStep as _, JailError, Step};
use crate::policy::Limits;

/// Sets them, soft and hard. A limit that is lower already stays.
pub(crate) fn set(limits: &Limits) -> Result<(), JailError> {
    let all = [
        (Resource::RLIMIT_CORE, Some(0)),
        (Resource::RLIMIT_NOFILE, Some(limits.open_files)),
        (Resource::RLIMIT_NPROC, Some(limits.threads)),
        (Resource::RLIMIT_FSIZE, Some(limits.file_size)),
        (Resource::RLIMIT_DATA, limits.memory),
        (Resource::RLIMIT_AS, limits.address_space),
        (Resource::RLIMIT_CPU, limits.cpu_seconds),
        (Resource::RLIMIT_MEMLOCK, Some(0)),
        (Resource::RLIMIT_MSGQUEUE, Some(0)),
        (Resource::RLIMIT_SIGPENDING, Some(64)),
        (Resource::RLIMIT_RTPRIO, Some(0)),
        (Resource::RLIMIT_NICE, Some(0)),
        (Resource::RLIMIT_LOCKS, Some(0)),
    ];
    for (resource, most) in all {
        let what = format!("{resource:?}");
        let (_, hard) = getrlimit(resource).at(Step::Limits, &what)?;
        let most = most.unwrap_or(RLIM_INFINITY).min(hard);
        setrlimit(resource, most, most).at(Step::Limits, &what)?;
    }
    let nice = i32::from(limits.nice.min(19));
    // more of it than it has already cannot be taken back
    if getpriority_process(None).at(Step::Limits, "see how nice it is")? < nice {
        setpriority_process(None, nice).at(Step::Limits, "be nice")?;
    }
    Ok(())
}
