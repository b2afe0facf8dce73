//! The Rust tests: built once, run by cargo-nextest where the machine has it, else by cargo itself.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process;
use crate::sim::SEEDS;
use crate::stage::Tally;
use crate::workspace::{self, PROFILE};

/// Builds every target of every member once, so that all later stages share one set of dependencies.
pub(crate) fn build() -> Result<()> {
    let mut command = process::cargo();
    command.args(["build", "--workspace", "--all-targets", "--profile", PROFILE]);
    locked(&mut command);
    process::run(command)
}

/// Runs unit, integration and conformance tests.
pub(super) fn unit(postgres: &str, filter: Option<&str>) -> Result<Tally> {
    let mut command = process::cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--cargo-profile", PROFILE]);
        command.args(["--status-level", "fail", "--final-status-level", "fail"]);
    } else {
        command.args(["test", "--workspace", "--all-targets", "--no-fail-fast", "--profile", PROFILE]);
    }
    locked(&mut command);
    command.args(filter);
    backends(&mut command, postgres);
    tests(command)
}

/// Simulates the engine from many seeds: a stage of its own, because it takes both processors for minutes.
pub(super) fn simulation() -> Result<Tally> {
    seeds(1, SEEDS)
}

/// Simulates these seeds.
pub(crate) fn seeds(first: u64, count: u64) -> Result<Tally> {
    let mut command = process::cargo();
    // of the whole workspace, with a name that only one of them has: a package alone has other features of its
    // dependencies, and half of them would be compiled once more
    command.args(["test", "--workspace", "--lib", "--profile", PROFILE]);
    locked(&mut command);
    command.args(["sim::seeds::seeds", "--", "--exact", "--nocapture"]);
    command.env("MOLTFORGE_SIM_SEEDS", count.to_string()).env("MOLTFORGE_SIM_FIRST", first.to_string());
    tests(command)
}

/// Runs the tests of one target of a package whose names begin so.
pub(crate) fn named(package: &str, target: &str, filter: &str, postgres: &str) -> Result<Tally> {
    let mut command = process::cargo();
    command.args(["test", "-p", package, target, "--no-fail-fast", "--profile", PROFILE]);
    locked(&mut command);
    command.args([filter, "--", "--nocapture"]);
    backends(&mut command, postgres);
    tests(command)
}

/// Compiles the template in Rust as its author would, and runs it.
pub(crate) fn template(postgres: &str) -> Result<Tally> {
    let mut command = process::cargo();
    command.args(["test", "-p", "moltforge", "--test=it", "--profile", PROFILE]);
    locked(&mut command);
    command.args(["code::the_template_in_rust", "--", "--nocapture"]).env("MOLTFORGE_TEST_WASIP2", "1");
    backends(&mut command, postgres);
    tests(command)
}

/// Runs the examples in the documentation.
pub(super) fn doc(postgres: &str) -> Result<Tally> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--profile", PROFILE]);
    locked(&mut command);
    backends(&mut command, postgres);
    tests(command)
}

fn has_nextest() -> bool {
    let mut command = process::cargo();
    command.args(["nextest", "--version"]);
    process::succeeds(command)
}

fn locked(command: &mut Command) {
    if workspace::in_ci() {
        command.arg("--locked");
    }
}

/// A missing database fails the tests instead of leaving them out.
fn backends(command: &mut Command, postgres: &str) {
    command.env("MOLTFORGE_TEST_POSTGRES", postgres).env("MOLTFORGE_TEST_REQUIRE", "1");
}

fn tests(command: Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = process::watch(command, |line| tally.add(counts(line)))?;
    if !status.success() && tally.failed == 0 {
        bail!("the test runner ended with {status}");
    }
    Ok(tally)
}

/// What a runner's summary line counts: cargo prints one per test binary, nextest one in all.
fn counts(line: &str) -> Tally {
    let line = plain(line);
    let summary = line.trim_start();
    let counts = if let Some(rest) = summary.strip_prefix("test result:") {
        rest
    } else if summary.starts_with("Summary [") {
        summary.split_once("tests run:").or_else(|| summary.split_once("test run:")).map_or("", |(_, rest)| rest)
    } else {
        return Tally::default();
    };
    let mut tally = Tally::default();
    for part in counts.split([',', ';', '.', '(', ')']) {
        let mut words = part.split_whitespace();
        let (Some(Ok(number)), Some(word)) = (words.next().map(str::parse::<u64>), words.next()) else { continue };
        match word {
            "passed" => tally.passed += number,
            "failed" | "timed" => tally.failed += number,
            "ignored" | "skipped" => tally.skipped += number,
            _ => {}
        }
    }
    tally
}

/// The line without terminal colours.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_counted() {
        let cargo = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s";
        assert_eq!(counts(cargo), Tally { passed: 12, failed: 2, skipped: 1 });
        let good = "     Summary [   3.024s] 15 tests run: 15 passed (1 slow), 2 skipped";
        assert_eq!(counts(good), Tally { passed: 15, failed: 0, skipped: 2 });
        let bad = "\u{1b}[31;1m     Summary\u{1b}[0m [ 3.0s] 5 tests run: 2 passed, 2 failed, 1 timed out, 0 skipped";
        assert_eq!(counts(bad), Tally { passed: 2, failed: 3, skipped: 0 });
        let one = "     Summary [   0.004s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(counts(one), Tally { passed: 1, failed: 0, skipped: 0 });
        assert_eq!(counts("7 passed by"), Tally::default());
    }
}
