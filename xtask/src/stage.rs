//! Stages: what a long command is doing, how long each part took, how it all ended.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What a stage's runner counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were left out.
    pub skipped: u64,
}

impl Tally {
    /// Adds another runner's counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

struct Done {
    name: &'static str,
    took: Duration,
    tally: Tally,
    error: Option<String>,
}

/// The stages of one command, in the order in which they ran.
pub(crate) struct Stages {
    done: Vec<Done>,
    started: Instant,
}

impl Stages {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { done: Vec::new(), started: Instant::now() }
    }

    /// Runs one stage and goes on whatever its outcome. Says whether it succeeded.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<Tally>) -> bool {
        println!("\n=== {name}");
        let started = Instant::now();
        let (tally, error) = match work() {
            Ok(tally) if tally.failed > 0 => (tally, Some(format!("{} failed", tally.failed))),
            Ok(tally) => (tally, None),
            Err(error) => (Tally::default(), Some(format!("{error:#}"))),
        };
        let took = started.elapsed();
        match &error {
            None => println!("=== {name}: ok in {}", seconds(took)),
            Some(error) => println!("=== {name}: FAILED in {}: {error}", seconds(took)),
        }
        let good = error.is_none();
        self.done.push(Done { name, took, tally, error });
        good
    }

    /// As [`Stages::run`], for a stage that counts no tests.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        self.run(name, || work().map(|()| Tally::default()))
    }

    /// Prints the table of stages; the last line sums the tests. An error when any stage failed or nothing ran.
    pub(crate) fn finish(self, counts_tests: bool) -> Result<()> {
        let mut sum = Tally::default();
        println!("\n{:<14} {:>9}  result", "stage", "time");
        for stage in &self.done {
            sum.add(stage.tally);
            let result = match (&stage.error, stage.tally) {
                (Some(error), _) => format!("FAILED: {}", error.lines().next().unwrap_or_default()),
                (None, Tally { passed: 0, .. }) => "ok".to_owned(),
                (None, Tally { passed, skipped: 0, .. }) => format!("ok, {passed} passed"),
                (None, Tally { passed, skipped, .. }) => format!("ok, {passed} passed, {skipped} skipped"),
            };
            println!("{:<14} {:>9}  {result}", stage.name, seconds(stage.took));
        }
        println!("{:<14} {:>9}", "all", seconds(self.started.elapsed()));
        let broken: Vec<_> = self.done.iter().filter(|stage| stage.error.is_some()).map(|stage| stage.name).collect();
        if counts_tests {
            // a stage that broke before it could count is a failure too
            let uncounted =
                self.done.iter().filter(|stage| stage.error.is_some() && stage.tally.failed == 0).count() as u64;
            println!("\n{} passed, {} failed", sum.passed, sum.failed + uncounted);
        }
        if !broken.is_empty() {
            bail!("failed: {}", broken.join(", "));
        }
        if self.done.is_empty() || (counts_tests && sum.passed == 0) {
            bail!("nothing ran");
        }
        Ok(())
    }
}

fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 { format!("{}m {:02}s", whole / 60, whole % 60) } else { format!("{:.1}s", duration.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(passed: u64) -> Tally {
        Tally { passed, ..Tally::default() }
    }

    #[test]
    fn nothing_ran_is_not_ok() {
        assert!(Stages::new().finish(true).is_err());
        let mut empty = Stages::new();
        assert!(empty.run("tests", || Ok(Tally::default())));
        assert!(empty.finish(true).is_err());
    }

    #[test]
    fn one_failure_fails_the_whole() {
        let mut stages = Stages::new();
        assert!(stages.run("good", || Ok(passed(3))));
        assert!(!stages.run("bad", || Ok(Tally { passed: 1, failed: 1, skipped: 0 })));
        assert!(stages.finish(true).is_err());
    }

    #[test]
    fn a_stage_that_breaks_fails_the_whole() {
        let mut stages = Stages::new();
        assert!(stages.run("good", || Ok(passed(3))));
        assert!(!stages.step("bad", || bail!("no")));
        assert!(stages.finish(false).is_err());
    }
}
