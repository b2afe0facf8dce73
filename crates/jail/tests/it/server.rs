//! The server's side.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use moltforge_jail::{Ended, Group, Start};
use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::facts::Facts;

/// The word that makes this program an inmate.
pub(crate) const INMATE: &str = "inmate";
/// The user and group of ordinary starts when the tests run as root.
pub(crate) const NOBODY: u32 = 65_534;

/// Who starts an inmate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Whoever runs the tests.
    Tester,
    /// An ordinary user; the same when nobody else runs the tests.
    Nobody,
}

/// What came of an inmate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What it said.
    pub(crate) said: String,
    pub(crate) ended: Ended,
}

pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) socket: UnixStream,
}

/// A copy of this program that everybody can read.
static PROGRAM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = open_folder();
    let program = folder.path().join("inmate");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    (folder, program)
});

/// A folder that everybody can read.
pub(crate) fn open_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

pub(crate) fn start(by: By, policy: &str, task: &str, facts: &Facts, group: Option<&Group>) -> Running {
    let arguments = [INMATE, policy, task].map(str::to_owned).into_iter().chain(facts.arguments());
    let (mut command, starting) = Start::program(&PROGRAM.1, arguments).prepare().unwrap();
    if by == By::Nobody && is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stderr(Stdio::inherit());
    let child = command.spawn().unwrap();
    drop(command);
    let socket = starting.release(child.id(), group).unwrap();
    Running { child, socket }
}

impl Running {
    /// Until it ends.
    pub(crate) fn outcome(mut self) -> Outcome {
        let mut said = String::new();
        self.socket.read_to_string(&mut said).unwrap();
        let ended = Ended::from(self.child.wait().unwrap());
        Outcome { said: said.trim_end().to_owned(), ended }
    }
}

pub(crate) fn run(by: By, policy: &str, task: &str, facts: &Facts) -> Outcome {
    start(by, policy, task, facts, None).outcome()
}
