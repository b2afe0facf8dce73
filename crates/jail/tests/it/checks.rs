use std::io::Write as _;
use std::process::ExitCode;

use crate::Test;
use crate::facts::Facts;
use crate::inmate::Task;
use crate::server::{By, run};

pub(crate) fn tests() -> Vec<Test> {
    vec![("smoke", smoke)]
}
pub(crate) fn measurements() -> Vec<Test> {
    vec![]
}
pub(crate) fn named(name: &str) -> Option<fn(Task<'_>) -> ExitCode> {
    Some(match name {
        "report" => report,
        _ => return None,
    })
}
fn report(mut task: Task<'_>) -> ExitCode {
    let report = serde_json::to_string(&task.report).unwrap();
    writeln!(task.socket, "{report}").unwrap();
    ExitCode::from(7)
}
fn smoke() {
    for by in [By::Self_, By::Nobody] {
        for policy in ["free", "worker", "compiler"] {
            for t in ["report", "passwd", "fork"] {
                println!("{by:?} {policy} {t}: {:?}", run(by, policy, t, &Facts::default()));
            }
        }
    }
}
