//! The confined side.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use moltforge_jail::{Report, Step, begin};

use crate::facts::Facts;
use crate::{attempts, checks, policies, refusals};

/// What an inmate does after its confinement.
pub(crate) struct Task<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) report: Option<Report>,
    pub(crate) socket: UnixStream,
}

/// `POLICY TASK [FACT=VALUE ...]`
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let [policy, task, facts @ ..] = arguments else { return ExitCode::FAILURE };
    let facts = Facts::parse(facts);
    refusals::refuse(&facts);
    let without = facts.find("without").map(steps).unwrap_or_default();
    let report = match policies::named(policy, &facts).map(|policy| begin(&policy)?.confine_without(&without)) {
        Some(Ok(report)) => Some(report),
        Some(Err(error)) => {
            let mut socket = moltforge_jail::socket().unwrap();
            let _ = writeln!(socket, "refused {:?} {error}", error.step());
            return ExitCode::FAILURE;
        }
        None => {
            let mut word = [0];
            std::io::Read::read_exact(&mut moltforge_jail::socket().unwrap(), &mut word).unwrap();
            None
        }
    };
    let socket = moltforge_jail::socket().unwrap();
    let mut answer = socket.try_clone().unwrap();
    let task_of = Task { facts: &facts, report, socket };
    if let Some(attempt) = attempts::named(task) {
        let _ = match attempt(&facts) {
            Ok(()) => writeln!(answer, "done"),
            Err(error) => writeln!(answer, "denied {error}"),
        };
        return ExitCode::SUCCESS;
    }
    checks::named(task).unwrap_or_else(|| panic!("no task {task}"))(task_of)
}

/// Steps by their names, with commas.
fn steps(names: &str) -> Vec<Step> {
    names.split(',').map(|name| serde_json::from_value(name.into()).unwrap()).collect()
}
