//! `cargo xtask docs`: the parts of the documentation that are made from the program.
use anyhow::Result;

use crate::process;
use crate::workspace::PROFILE;

#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Args) -> Result<()> {
    Ok(())
}

/// Builds the documentation of every item, private ones too; a broken link is an error.
pub(crate) fn rustdoc() -> Result<()> {
    let mut command = process::cargo();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--profile", PROFILE]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    process::run(command)
}
