//! The order of the steps.

use std::env;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::os::fd::AsFd as _;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, read};

use crate::error::{AtStep as _, JailError, Step};
use crate::policy::Policy;
use crate::report::Report;
use crate::{calls, capabilities, descriptors, files, identity, limits, namespaces, root, supervisor};

/// In the environment of the process below the supervisor. The starter empties the environment, so nobody else sets it.
pub(crate) const MARK: &str = "MOLTFORGE_JAIL";
/// What the server writes when the process is in its group.
pub(crate) const GO: u8 = b'g';

/// A process that waits for its confinement: it has its own process ids and user and no inherited descriptors, and can
/// still open files of the machine. One thread, and it stays so.
#[derive(Debug)]
#[must_use = "nothing is confined yet"]
pub struct Begun<'a> {
    policy: &'a Policy,
    report: Report,
    alone: bool,
    // threads would escape what is set for one
    _one_thread: PhantomData<*const ()>,
}

/// Waits for the server, closes what was inherited, becomes a user without rights, and starts the program once more
/// with process ids of its own. **Returns in that second process alone**: the first stays its supervisor, and exits.
/// It is the first thing that `main` does: what the program has opened before it is closed under its hands.
///
/// # Errors
/// The step that was refused.
pub fn begin(policy: &Policy) -> Result<Begun<'_>, JailError> {
    let mut report = Report::new(&policy.enforcement);
    if env::var_os(MARK).as_deref() == Some(OsStr::new("inside")) {
        if getpid().as_raw() != 1 {
            return Err(JailError::new(Step::ProcessNamespace, "this is not the first process of its namespace"));
        }
        // the supervisor is of no use to a child that it does not survive
        prctl::set_pdeathsig(Signal::SIGKILL).at(Step::Traces, "end with the supervisor")?;
        report.enforced.extend([Step::Descriptors, Step::Identity, Step::ProcessNamespace]);
        return Ok(Begun { policy, report, alone: true, _one_thread: PhantomData });
    }
    wait_for_the_server()?;
    report.required(Step::Descriptors, descriptors::close_all_but(&policy.keep))?;
    report.required(Step::Identity, identity::leave_root(policy.run_as))?;
    if report.wanted(Step::ProcessNamespace, namespaces::new_process_ids)? {
        supervisor::run(&policy.enforcement)?;
    }
    Ok(Begun { policy, report, alone: false, _one_thread: PhantomData })
}

fn wait_for_the_server() -> Result<(), JailError> {
    let mut word = [0];
    match read(std::io::stdin().as_fd(), &mut word) {
        Ok(1) if word == [GO] => Ok(()),
        Ok(0) => Err(JailError::new(Step::Handshake, "the server is gone")),
        Ok(_) => Err(JailError::new(Step::Handshake, "it is another word")),
        Err(error) => Err(JailError::new(Step::Handshake, error)),
    }
}

impl Begun<'_> {
    /// Does the rest.
    ///
    /// # Errors
    /// The step that was refused. The process must end then.
    pub fn confine(self) -> Result<Report, JailError> {
        self.confine_without(&[])
    }

    /// The same without some of namespaces, root, Landlock and system calls: tests look whether each of the others is
    /// enough. The report names what was left out.
    #[doc(hidden)]
    pub fn confine_without(self, left_out: &[Step]) -> Result<Report, JailError> {
        let Self { policy, mut report, alone, .. } = self;
        report.leave_out(left_out);
        let done = prctl::set_no_new_privs().at(Step::NoNewPrivileges, "set it");
        report.required(Step::NoNewPrivileges, done)?;
        identity::see_itself()?;
        if report.wanted(Step::Namespaces, namespaces::leave_the_machine)? {
            report.wanted(Step::Root, || root::empty_but(&policy.read_only))?;
        }
        report.required(Step::Limits, limits::set(&policy.limits))?;
        report.required(Step::Capabilities, capabilities::drop_all())?;
        let mut whole = true;
        report.wanted(Step::Landlock, || files::only_read(&policy.read_only).map(|all| whole = all))?;
        if !whole {
            report.notes.push("this kernel's Landlock knows less than 6.12's, the namespaces cover it".to_owned());
        }
        report.required(Step::Traces, no_traces(alone))?;
        if identity::other_groups() > 0 {
            report.notes.push("an ordinary user cannot leave its groups".to_owned());
        }
        // last: it denies most of the above
        report.wanted(Step::SystemCalls, || calls::allow(policy.calls, !policy.read_only.is_empty()))?;
        report.required(Step::Check, check())?;
        Ok(report)
    }
}

/// Not to be dumped or traced by others of its user, and not to outlive its supervisor.
fn no_traces(alone: bool) -> Result<(), JailError> {
    if alone {
        // a change of credentials has cleared it
        prctl::set_pdeathsig(Signal::SIGKILL).at(Step::Traces, "end with the supervisor")?;
    }
    prctl::set_dumpable(false).at(Step::Traces, "hide from tracers")
}

/// Looks at what can be seen from inside.
fn check() -> Result<(), JailError> {
    if capabilities::has_any()? {
        return Err(JailError::new(Step::Check, "a capability is left"));
    }
    Ok(())
}
