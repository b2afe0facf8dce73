//! What the server tells a process at its start, and what that gives up before it reads a byte that a stranger wrote.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;

use moltforge_jail::{Begun, Enforcement, Policy, Report};

const BEST_EFFORT: &str = "--best-effort=";
const GUESTS: &str = "--guests=";
const COMPONENT: &str = "--component";

/// Processor time for a component of a user.
pub(crate) const COMPILE_SECONDS: u64 = 120;
/// Address space for a component of a user.
pub(crate) const COMPILE_MEMORY: u64 = 2 << 30;

/// The arguments of a process, after those of its subcommand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Guests at once, of a worker.
    pub(crate) guests: u32,
    /// Of a compile process: it gets a component of a user, not an image of ours.
    pub(crate) is_component: bool,
    /// What becomes of a step of the confinement that the kernel refuses.
    pub(crate) enforcement: Enforcement,
}

impl Arguments {
    /// As texts.
    pub(crate) fn write(&self) -> Vec<OsString> {
        let mut args = vec![format!("{GUESTS}{}", self.guests).into()];
        if self.is_component {
            args.push(COMPONENT.into());
        }
        if let Enforcement::BestEffort { reason } = &self.enforcement {
            args.push(format!("{BEST_EFFORT}{reason}").into());
        }
        args
    }

    /// Of texts. An unknown one is an error: it could have been a promise.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> io::Result<Self> {
        let mut read = Self { guests: 0, is_component: false, enforcement: Enforcement::Required };
        for arg in args {
            let arg = arg.to_string_lossy();
            if let Some(guests) = arg.strip_prefix(GUESTS) {
                read.guests = guests.parse().map_err(io::Error::other)?;
            } else if arg == COMPONENT {
                read.is_component = true;
            } else if let Some(reason) = arg.strip_prefix(BEST_EFFORT) {
                read.enforcement = Enforcement::BestEffort { reason: reason.to_owned() };
            } else {
                return Err(io::Error::other(format!("unknown argument {arg}")));
            }
        }
        Ok(read)
    }

    /// The policy of a worker. Its memory is address space mostly: admission and the group of the process bound it.
    pub(crate) fn worker(&self) -> Policy {
        Policy { enforcement: self.enforcement.clone(), ..Policy::worker() }
    }

    /// The policy of a compile process. What users bring is smaller than our images, and may be made to take for ever.
    pub(crate) fn compiler(&self) -> Policy {
        let mut policy = Policy { enforcement: self.enforcement.clone(), ..Policy::compiler() };
        if self.is_component {
            policy.limits.cpu_seconds = Some(COMPILE_SECONDS);
            policy.limits.address_space = Some(COMPILE_MEMORY);
        }
        policy
    }
}

/// The first half: from here the process is nobody. It can still open files of the machine.
pub(crate) fn begin(policy: &Policy) -> io::Result<Begun<'_>> {
    moltforge_jail::begin(policy).map_err(io::Error::other)
}

/// The second half, and the socket to the server.
pub(crate) fn finish(begun: Begun<'_>) -> io::Result<(Report, UnixStream)> {
    let report = begun.confine().map_err(io::Error::other)?;
    Ok((report, moltforge_jail::socket().map_err(io::Error::other)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_arrive() {
        let reason = "no Landlock here".to_owned();
        let best_effort = Arguments { guests: 7, is_component: true, enforcement: Enforcement::BestEffort { reason } };
        assert_eq!(Arguments::read(best_effort.write()).unwrap(), best_effort);
        let required = Arguments { guests: 0, is_component: false, enforcement: Enforcement::Required };
        assert_eq!(Arguments::read(required.write()).unwrap(), required);
        assert!(Arguments::read(["--best-efort=x".into()]).is_err());
    }
}
