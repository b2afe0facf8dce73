//! Why a process could not be confined.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// A step of the confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The server's word to begin.
    Handshake,
    /// Closing what was inherited.
    Descriptors,
    /// Becoming a user without rights.
    Identity,
    /// No privileges through programs that are started.
    NoNewPrivileges,
    /// Process ids of its own.
    ProcessNamespace,
    /// The supervisor of those.
    Supervisor,
    /// User, network, mounts, IPC and host name of its own.
    Namespaces,
    /// A root with nothing in it.
    Root,
    /// Limits of the process.
    Limits,
    /// No capability, in any set.
    Capabilities,
    /// Landlock.
    Landlock,
    /// Not to be traced, dumped or left behind.
    Traces,
    /// The filter of system calls.
    SystemCalls,
    /// The look at what came of it.
    Check,
    /// The group of the server's side.
    Group,
}

impl Step {
    /// Those that a confined process reports.
    pub(crate) const OF_A_PROCESS: [Self; 12] = [
        Self::Descriptors,
        Self::Identity,
        Self::ProcessNamespace,
        Self::NoNewPrivileges,
        Self::Namespaces,
        Self::Root,
        Self::Limits,
        Self::Capabilities,
        Self::Landlock,
        Self::Traces,
        Self::SystemCalls,
        Self::Check,
    ];

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "the server's word to begin",
            Self::Descriptors => "inherited descriptors",
            Self::Identity => "the user",
            Self::NoNewPrivileges => "no new privileges",
            Self::ProcessNamespace => "the namespace of process ids",
            Self::Supervisor => "the supervisor",
            Self::Namespaces => "the namespaces",
            Self::Root => "the empty root",
            Self::Limits => "the limits",
            Self::Capabilities => "the capabilities",
            Self::Landlock => "Landlock",
            Self::Traces => "protection from tracing",
            Self::SystemCalls => "the filter of system calls",
            Self::Check => "the check",
            Self::Group => "the control group",
        }
    }

    /// What somebody who runs the server can do.
    fn advice(self) -> &'static str {
        match self {
            Self::Handshake => "this program is started by a server, not by hand",
            Self::Identity => {
                "give the container the capabilities SETUID and SETGID, or run the server as an ordinary user"
            }
            Self::ProcessNamespace | Self::Namespaces => {
                "allow unprivileged user namespaces (user.max_user_namespaces, kernel.unprivileged_userns_clone, \
                 kernel.apparmor_restrict_unprivileged_userns; in a container its seccomp profile)"
            }
            Self::Supervisor => "the program must be readable and executable by the user that it becomes",
            Self::Root => "allow mounts in user namespaces; listed paths must be reachable for the user of the process",
            Self::Landlock => "use Linux 5.13 or later with `landlock` among the security modules (lsm=)",
            Self::SystemCalls => "use a kernel with CONFIG_SECCOMP_FILTER",
            Self::Group => "give the server a cgroup of its own that it may write (systemd: Delegate=yes)",
            _ => "see the message",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A step was refused. What called for it must end: it is not confined.
#[derive(Debug, thiserror::Error)]
#[error("the process cannot be confined: {step}: {why}; {}", .step.advice())]
pub struct JailError {
    step: Step,
    why: String,
}

impl JailError {
    pub(crate) fn new(step: Step, why: impl fmt::Display) -> Self {
        Self { step, why: why.to_string() }
    }

    /// The step that was refused.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Why, without the advice.
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// Names the step of an error.
pub(crate) trait AtStep<T> {
    /// `what` is the part of the step.
    fn at(self, step: Step, what: &str) -> Result<T, JailError>;
}

impl<T, E: Into<io::Error>> AtStep<T> for Result<T, E> {
    fn at(self, step: Step, what: &str) -> Result<T, JailError> {
        self.map_err(|error| JailError::new(step, format!("{what}: {}", error.into())))
    }
}
