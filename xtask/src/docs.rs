//! `cargo xtask docs`: the parts of the documentation that are made from the program, and the check that they are fresh.

mod cli;
mod errors;
mod openapi;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::stage::Tally;
use crate::test::browser;
use crate::workspace::{self, PROFILE};

/// Write or compare.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail when a page is not what would be written
    #[arg(long)]
    check: bool,
    /// Also make the picture of the dashboard, in Chromium
    #[arg(long, conflicts_with = "check")]
    picture: bool,
    /// A program that is built already, instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = workspace::moltforge(args.binary.as_deref())?;
    if args.check {
        let tally = fresh(&binary)?;
        if tally.failed > 0 {
            bail!("{} pages are stale: run `cargo xtask docs`", tally.failed);
        }
        return Ok(());
    }
    if args.picture && browser::picture(&binary)?.failed > 0 {
        bail!("the picture was not made");
    }
    for (path, text) in pages(&binary)? {
        let path = workspace::root().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        println!("  written: {}", path.display());
    }
    Ok(())
}

/// Each page that equals what the given program would write is a test that passed.
pub(crate) fn fresh(binary: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    for (path, text) in pages(binary)? {
        let same = fs::read_to_string(workspace::root().join(path)).is_ok_and(|written| written == text);
        println!("  {} {path}", if same { "fresh" } else { "STALE" });
        if same {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    Ok(tally)
}

fn pages(binary: &Path) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("docs/reference/openapi.json", openapi::document(binary)?),
        ("docs/reference/cli.md", cli::page(binary)?),
        ("docs/reference/errors.md", errors::page()?),
    ])
}

/// Builds the documentation of every item, private ones too; a broken link is an error.
pub(crate) fn rustdoc() -> Result<()> {
    let mut command = process::cargo();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--profile", PROFILE]);
    // private items are documented here, so links to them lead somewhere
    command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    process::run(command)
}
