//! One attempt of a program, and the loop that makes them.

use moltforge_attempts::Row;
use moltforge_sandbox::{Config, Enforcement, FailureKind, Limit, Refusal, Sandbox};

use super::beside::Beside;
use super::outcome::{Outcome, Program};
use crate::driver::End;
use crate::world::config;

/// Whether an attempt, or its control, succeeded.
pub(crate) type Check = fn(&Outcome) -> bool;

/// How a program must end that does not succeed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ends {
    /// It goes on without what it wanted, and returns.
    Returns,
    /// With a failure of this kind.
    Fails(FailureKind),
    /// With a failure that names the limit.
    Limit(Limit),
    /// It is refused before it runs.
    Refused(Refusal),
    /// With an exception or the limit of the stack: how much an engine needs for a call is its own affair.
    Stack,
    /// It may return, or fail by its own fault.
    ByItself,
    /// It may return, or fail in whatever way: what it broke was its own.
    Contained,
}

impl Ends {
    fn fits(self, end: &End) -> bool {
        match (self, end) {
            (Self::Returns | Self::ByItself, End::Output(_)) => true,
            (Self::Fails(kind), End::Failed(failure)) => failure.kind == kind,
            (Self::Limit(limit), End::Failed(failure)) => {
                failure.kind == FailureKind::Limit(limit) && !failure.message.is_empty()
            }
            (Self::Refused(expected), End::Refused(refusal, reason)) => expected == *refusal && !reason.is_empty(),
            (Self::Stack, End::Failed(failure)) => {
                matches!(failure.kind, FailureKind::Limit(Limit::Stack) | FailureKind::Exception | FailureKind::Syntax)
            }
            (Self::ByItself, End::Failed(failure)) => matches!(
                failure.kind,
                FailureKind::Exception | FailureKind::Deadlock | FailureKind::NoRun | FailureKind::Syntax
            ),
            (Self::Contained, end) => matches!(end, End::Output(_) | End::Failed(_)),
            _ => false,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Returns => "the program goes on without it".to_owned(),
            Self::Fails(kind) => format!("the program fails: `{}`", kind.name()),
            Self::Limit(limit) => format!("the program fails and the limit is named: `{limit}`"),
            Self::Refused(refusal) => format!("it is refused when it is deployed: `{}`", refusal.code()),
            Self::Stack => "the program fails: an exception, or the limit `stack`".to_owned(),
            Self::Contained => "the program goes on without it or fails; nothing else does".to_owned(),
            Self::ByItself => "the program returns or fails by its own fault; nothing else does".to_owned(),
        }
    }
}

/// One attempt.
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) category: &'static str,
    pub(crate) tried: String,
    pub(crate) ends: Ends,
    pub(crate) check: Check,
    pub(crate) program: Program,
    pub(crate) control: Program,
    pub(crate) control_is: String,
}

impl Attempt {
    fn row(&self) -> Row {
        Row::new(&self.name, self.category, &self.tried, &self.ends.words(), &self.control_is)
    }

    /// Makes it, then its control. What was not as it must be.
    async fn make(&self, sandbox: &Sandbox) -> Vec<String> {
        let mut faults = Vec::new();
        let beside = Beside::start(sandbox).await;
        let outcome = self.program.run(sandbox).await;
        if (self.check)(&outcome) {
            faults.push(format!("it succeeded: {:?}", outcome.end));
        }
        if !self.ends.fits(&outcome.end) {
            faults.push(format!("it did not end as it must: {:?}", outcome.end));
        }
        faults.extend(beside.harm().await);
        let control = self.control.run(sandbox).await;
        if !(self.check)(&control) {
            faults.push(format!("its control did not succeed: {:?}", control.end));
        }
        faults.into_iter().map(|fault| format!("{}: {fault}", self.name)).collect()
    }
}

/// Where the kernel cannot confine a process: why these tests run without. They never pass silently.
const WITHOUT: &str = "MOLTFORGE_TESTS_WITHOUT_CONFINEMENT_BECAUSE";

/// A sandbox whose processes are confined, all of it.
pub(crate) fn confined() -> Sandbox {
    let enforcement = match std::env::var(WITHOUT) {
        Ok(reason) => {
            println!("NOT CONFINED, because {reason}");
            Enforcement::BestEffort { reason }
        }
        Err(_) => Enforcement::Required,
    };
    Sandbox::new(Config { enforcement, ..config() }).unwrap()
}

/// Makes all of them, one after the other, and compares them with the page.
pub(crate) async fn make(suite: &str, attempts: Vec<Attempt>) {
    let sandbox = confined();
    let mut faults = Vec::new();
    for attempt in &attempts {
        let began = std::time::Instant::now();
        faults.extend(attempt.make(&sandbox).await);
        println!("{:>6} ms  {}", began.elapsed().as_millis(), attempt.name);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    moltforge_attempts::check_page(suite, &attempts.iter().map(Attempt::row).collect::<Vec<_>>());
}
