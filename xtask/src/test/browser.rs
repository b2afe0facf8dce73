//! The pages in a real browser: Chromium, driven by `tests/browser/run.mjs` through playwright-core.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, counted};
use crate::stage::Tally;
use crate::{process, workspace};

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Installs what is missing, then runs the tests against the given program.
pub(super) fn run(program: &Path) -> Result<Tally> {
    counted(node(program)?)
}

/// Makes docs/images/dashboard.png with the given program.
pub(crate) fn picture(program: &Path) -> Result<Tally> {
    let mut node = node(program)?;
    node.arg("--readme");
    counted(node)
}

fn node(program: &Path) -> Result<Command> {
    let browser = browser()?;
    let folder = workspace::root().join("tests/browser");
    let mut node = process::command("node");
    node.arg("--version");
    process::output(node).context("Node is needed for the browser tests (version 20 or later)")?;
    if !folder.join("node_modules/playwright-core").try_exists()? {
        let mut npm = process::command("npm");
        npm.current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        process::run(npm).context("install playwright-core")?;
    }
    let mut node = process::command("node");
    node.current_dir(&folder).arg("run.mjs");
    node.env("MOLTFORGE_BIN", program).env("CHROMIUM", browser);
    Ok(node)
}

fn browser() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install("Chromium", &["chromium", "fonts-dejavu-core"])?;
    match find() {
        Some(found) => Ok(found),
        None => bail!("Chromium was installed and is not in the path"),
    }
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name))).find(|file| file.is_file())
}
