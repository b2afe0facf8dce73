//! Debian packages that a bare machine lacks.

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Installs a program of the same name as its package, where it is missing.
pub(super) fn need(program: &str) -> Result<()> {
    let mut version = process::command(program);
    version.arg("--version");
    if process::succeeds(version) { Ok(()) } else { install(program, &[program]) }
}

/// Installs packages when we are root; otherwise says what to type.
pub(super) fn install(what: &str, packages: &[&str]) -> Result<()> {
    if !process::is_root() {
        bail!("{what} is missing and only root can install it; type: sudo apt-get install {}", packages.join(" "));
    }
    println!("  {what} is missing: installing {}", packages.join(", "));
    let apt = |words: &[&str]| {
        let mut command = process::command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(words);
        command
    };
    process::run(apt(&["update"])).context("fetch the package lists")?;
    let mut install = apt(&["install", "-y", "--no-install-recommends"]);
    install.args(packages);
    process::run(install).with_context(|| format!("install {what}"))
}
