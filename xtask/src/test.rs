//! `cargo xtask test`: installs and starts what the tests need, then runs all of them.
//!
//! The stages, in order: `setup` (a throw-away PostgreSQL), `build` (everything, once), `unit` (every Rust test on
//! SQLite and PostgreSQL), `doc` (examples in the documentation of items), `simulation` (the engine from many seeds),
//! `docs` (generated pages are fresh), `quickstart` (the page is typed), `kill` (SIGKILL under load), `browser` (pages in
//! Chromium).

mod apt;
pub(crate) mod browser;
pub(crate) mod postgres;
pub(crate) mod rust;

use anyhow::{Result, bail};

use self::postgres::Postgres;
use crate::stage::Stages;
use crate::workspace::{PROFILE, built};
use crate::{docs, kill, quickstart};

const STAGES: [&str; 7] = ["unit", "doc", "simulation", "docs", "quickstart", "kill", "browser"];

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this stage; may be repeated. PostgreSQL is started and everything is built in any case
    #[arg(long, value_name = "STAGE", value_parser = STAGES)]
    only: Vec<String>,
    /// Only the Rust tests
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Only Rust tests whose name contains this (with `--only unit`)
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
}

/// Runs the stages; the closing line sums what every runner counted.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |stage: &str| match (args.quick, args.only.is_empty()) {
        (true, _) => matches!(stage, "unit" | "doc"),
        (_, true) => true,
        (_, false) => args.only.iter().any(|only| only == stage),
    };
    let mut stages = Stages::new();
    let mut server = None;
    let ready = stages.step("setup", || {
        server = Some(Postgres::start()?);
        Ok(())
    });
    let Some(server) = server.filter(|_| ready) else {
        return stages.finish(true);
    };
    let url = server.url();
    if stages.step("build", rust::build) {
        if wanted("unit") {
            stages.run("unit", || rust::unit(url, args.filter.as_deref()));
        }
        if wanted("doc") && args.filter.is_none() {
            stages.run("doc", || rust::doc(url));
        }
        if wanted("simulation") && args.filter.is_none() {
            stages.run("simulation", rust::simulation);
        }
        if wanted("docs") && args.filter.is_none() {
            stages.run("docs", || docs::fresh(&built(PROFILE, "moltforge")));
        }
        if wanted("quickstart") && args.filter.is_none() {
            stages.run("quickstart", || {
                apt::need("curl")?;
                quickstart::tally(&built(PROFILE, "moltforge"))
            });
        }
        if wanted("kill") && args.filter.is_none() {
            stages.run("kill", || kill::bounded(&server));
        }
        if wanted("browser") && args.filter.is_none() {
            stages.run("browser", || browser::run(&built(PROFILE, "moltforge")));
        }
    }
    drop(server);
    stages.finish(true)
}

/// The counts of a runner that ends with a line `N passed, N failed`, as ours do.
pub(crate) fn closing_line(line: &str) -> Option<crate::stage::Tally> {
    let (passed, rest) = line.trim().split_once(" passed, ")?;
    let failed = rest.split(" failed").next()?;
    Some(crate::stage::Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()?, skipped: 0 })
}

/// Runs one of our own runners and takes its closing line. No closing line is a failure.
pub(crate) fn counted(command: std::process::Command) -> Result<crate::stage::Tally> {
    let mut tally = None;
    let status = crate::process::watch(command, |line| tally = closing_line(line).or(tally))?;
    match tally {
        Some(tally) if status.success() || tally.failed > 0 => Ok(tally),
        Some(_) => bail!("it counted no failure and yet ended with {status}"),
        None => bail!("it ended with {status} and without `N passed, N failed`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Tally;

    #[test]
    fn only_a_closing_line_counts() {
        assert_eq!(closing_line("12 passed, 3 failed"), Some(Tally { passed: 12, failed: 3, skipped: 0 }));
        assert_eq!(closing_line("all passed, none failed"), None);
        assert_eq!(closing_line("passed"), None);
    }

    #[test]
    fn a_runner_that_says_nothing_has_failed() {
        let shell = |script: &str| {
            let mut command = crate::process::command("sh");
            command.args(["-c", script]);
            counted(command)
        };
        assert!(shell("true").is_err());
        assert!(shell("echo '3 passed, 0 failed'; exit 1").is_err());
        assert_eq!(shell("echo '3 passed, 1 failed'; exit 1").unwrap().failed, 1);
        assert_eq!(shell("echo '3 passed, 0 failed'").unwrap().passed, 3);
    }
}
