//! `moltforge doctor`: looks for what could keep MoltForge from working, and changes nothing.

mod code;
mod machine;
mod remote;

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::Context;
use crate::config::load;
use crate::output::{ACCENT, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server's configuration file; moltforge.toml when there is one
    #[arg(long, value_name = "FILE", env = "MOLTFORGE_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder to look at; the configuration's, or .moltforge, when absent
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, but look at it.
    Warning,
    /// It keeps something from working.
    Failed,
    /// Good to know.
    Info,
}

/// One check.
#[derive(Debug, Serialize)]
pub struct Check {
    name: &'static str,
    outcome: Outcome,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, outcome: Outcome, found: impl Into<String>) -> Self {
        Self { name, outcome, found: found.into(), hint: None }
    }

    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Outcome::Ok, found)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Exit code 1 when a check has failed.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let mut checks = Vec::new();
    let config = match load::load(args.config.as_deref()) {
        Ok(config) => {
            checks.push(Check::ok("configuration", "valid"));
            config
        }
        Err(error) => {
            let check = Check::new("configuration", Outcome::Failed, error.to_string());
            checks.push(check.hint("the checks below use the defaults"));
            crate::config::Config::default()
        }
    };
    let folder = args.data_dir.unwrap_or_else(|| machine::data_folder(&config));
    checks.push(machine::folder(&folder));
    checks.push(machine::clock(&folder));
    checks.push(machine::open_files());
    checks.push(remote::port(config.listen).await);
    checks.push(remote::store(&config).await);
    checks.extend(remote::server(&context.connection).await);
    checks.push(machine::providers(&config));
    checks.push(machine::isolation());
    checks.push(code::check(&config).await);

    context.output.data(&checks, |out| print(out, &checks));
    let failed = checks.iter().any(|check| check.outcome == Outcome::Failed);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn print(out: Output, checks: &[Check]) {
    for check in checks {
        let (style, mark) = match check.outcome {
            Outcome::Ok => (GOOD, "ok    "),
            Outcome::Warning => (WARN, "look  "),
            Outcome::Failed => (BAD, "FAILED"),
            Outcome::Info => (DIM, "info  "),
        };
        out.pieces(&[(style, mark), (PLAIN, "  "), (ACCENT, &format!("{:<14}", check.name)), (PLAIN, &check.found)]);
        if let Some(hint) = &check.hint {
            out.pieces(&[(DIM, &" ".repeat(22)), (DIM, hint)]);
        }
    }
}
