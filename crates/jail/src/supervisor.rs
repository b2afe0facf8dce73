//! The process that stays behind: it waits for the confined one, and ends as that one does.

use std::env;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, exit};

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::begin::MARK;
use crate::calls;
use crate::capabilities;
use crate::descriptors;
use crate::error::{AtStep as _, JailError, Step};
use crate::policy::Enforcement;

/// What a shell adds to the number of a signal.
const BY_SIGNAL: i32 = 128;

/// Starts this program again, in the namespace that was made for children, and waits for it. Does not return but with
/// an error.
pub(crate) fn run(enforcement: &Enforcement) -> Result<(), JailError> {
    prctl::set_no_new_privs().at(Step::NoNewPrivileges, "set it")?;
    let mut command = Command::new("/proc/self/exe");
    command.args(env::args_os().skip(1)).env_clear().env(MARK, "inside");
    let mut child = command.spawn().at(Step::Supervisor, "start the program again")?;
    match watch(&mut child, enforcement) {
        Ok(status) => end_like(status),
        Err(error) => {
            // a supervisor that cannot watch must not leave it behind
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Gives up what is not needed to wait, and waits.
fn watch(child: &mut Child, enforcement: &Enforcement) -> Result<ExitStatus, JailError> {
    descriptors::close_all_but(&[])?;
    capabilities::drop_all()?;
    prctl::set_dumpable(false).at(Step::Traces, "hide from tracers")?;
    wait(child, enforcement)
}

/// Until it has ended, or the server has: then it is ended.
fn wait(child: &mut Child, enforcement: &Enforcement) -> Result<ExitStatus, JailError> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| JailError::new(Step::Supervisor, "the child has no id"))?;
    let ended = pidfd_open(pid, PidfdFlags::empty()).at(Step::Supervisor, "watch the child")?;
    let server = std::io::stdin();
    match calls::allow_supervisor() {
        // the child's report says that this kernel has no filter
        Err(_) if *enforcement != Enforcement::Required => {}
        done => done?,
    }
    loop {
        let mut watched = [
            PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN),
            // asks for nothing but that the other end is closed
            PollFd::from_borrowed_fd(server.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(JailError::new(Step::Supervisor, error)),
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if watched[0].revents().is_empty() {
            if !watched[1].revents().intersects(gone) {
                continue;
            }
            child.kill().at(Step::Supervisor, "end the child")?;
        }
        return child.wait().at(Step::Supervisor, "wait for the child");
    }
}

/// With its code, or by its signal.
fn end_like(status: ExitStatus) -> ! {
    if let Some(signal) = status.signal() {
        // twice: the first may only take away a handler of the runtime, as that of an overflowing stack
        for _ in 0..2 {
            if let Ok(signal) = Signal::try_from(signal) {
                let _ = kill(getpid(), signal);
            }
        }
        exit(BY_SIGNAL + signal)
    }
    exit(status.code().unwrap_or(1))
}
