//! Licences, bans and sources of the dependencies, by cargo-deny and `deny.toml`. No advisories: their database is a
//! clone from elsewhere.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{process, workspace};

const VERSION: &str = "0.20.2";

/// Checks the lock file; installs the tool into `target/tools` when the machine has none.
pub(crate) fn run() -> Result<()> {
    let tool = tool()?;
    let mut command = process::command(&tool);
    command.args(["--all-features", "--locked", "--log-level", "error"]);
    command.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    process::run(command)
}

fn tool() -> Result<PathBuf> {
    let mut installed = process::command("cargo-deny");
    installed.arg("--version");
    if process::succeeds(installed) {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let home = workspace::target_dir().join("tools");
    let tool = home.join("bin/cargo-deny");
    if !tool.try_exists()? {
        println!("  cargo-deny {VERSION} is missing: installing it into {}", home.display());
        let mut install = process::cargo();
        // unoptimised: it runs for seconds and takes minutes less to build
        install.args(["install", "--locked", "--debug", "cargo-deny", "--version", VERSION, "--root"]).arg(&home);
        install.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", home.join("build"));
        process::run(install).context("install cargo-deny (needs the crate registry)")?;
        std::fs::remove_dir_all(home.join("build")).context("remove the build folder of cargo-deny")?;
    }
    Ok(tool)
}
