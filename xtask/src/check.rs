//! `cargo xtask check`: everything that needs no run.

use anyhow::Result;

use crate::stage::Stages;
use crate::workspace::PROFILE;
use crate::{deny, docs, process, tidy, workspace};

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this stage; may be repeated
    #[arg(long, value_name = "STAGE", value_parser = ["fmt", "tidy", "clippy", "doc", "deny"])]
    only: Vec<String>,
}

/// Runs every stage, whatever the ones before said, so that one run shows all that is wrong.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |stage: &str| args.only.is_empty() || args.only.iter().any(|only| only == stage);
    let mut stages = Stages::new();
    if wanted("fmt") {
        stages.step("fmt", fmt);
    }
    if wanted("tidy") {
        stages.step("tidy", tidy::run);
    }
    if wanted("clippy") {
        stages.step("clippy", clippy);
    }
    if wanted("doc") {
        stages.step("doc", docs::rustdoc);
    }
    if wanted("deny") {
        stages.step("deny", deny::run);
    }
    stages.finish(false)
}

fn fmt() -> Result<()> {
    let mut command = process::cargo();
    command.args(["fmt", "--all", "--check"]);
    process::run(command)
}

fn clippy() -> Result<()> {
    let mut command = process::cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--profile", PROFILE]);
    if workspace::in_ci() {
        command.arg("--locked");
    }
    command.args(["--", "-D", "warnings"]);
    process::run(command)
}
