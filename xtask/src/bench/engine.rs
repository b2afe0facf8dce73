//! The measuring programs of single crates, by their own words.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Database, How};
use crate::test::postgres::Postgres;
use crate::{process, workspace};

/// The variable by which a program finds the server.
const SERVER: &str = "MOLTFORGE_TEST_POSTGRES";

/// A part of the engine's program. Each setting has its value and that of a quick run.
pub(super) fn run(how: &How, what: &str, settings: &[(&str, u64, u64)]) -> Result<String> {
    let (dir, server) = (folder(how)?, server(how)?);
    let mut command = example(how, "moltforge-execution", "bench");
    command.arg(what).arg("--dir").arg(&dir).args(["--database", how.database.word()]);
    for (name, value, quick) in settings {
        let value = if how.quick { quick } else { value };
        command.arg(format!("--{name}")).arg(value.to_string());
    }
    measured(command, server.as_ref())
}

/// Steps each second beside the raw commit.
pub(super) fn steps(how: &How) -> Result<String> {
    let (dir, server) = (folder(how)?, server(how)?);
    let mut command = example(how, "moltforge-store", "steps");
    command.arg("--dir").arg(&dir);
    if how.quick {
        command.args(["--seconds", "1", "--rounds", "1", "--executions", "500"]);
    }
    Ok(fenced(&measured(command, server.as_ref())?))
}

/// The gateway beside a bare HTTP server.
pub(super) fn gateway(how: &How) -> Result<String> {
    Ok(fenced(&measured(example(how, "moltforge-gateway", "overhead"), None)?))
}

/// Text with tables or columns of its own, not Markdown of our page.
fn fenced(text: &str) -> String {
    format!("```text\n{text}\n```")
}

fn example(how: &How, package: &str, name: &str) -> Command {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--profile", &how.profile, "-p", package, "--example", name, "--"]);
    command
}

/// Shows what it says and keeps it; what it says on the way (standard error) is shown alone.
fn measured(mut command: Command, server: Option<&Postgres>) -> Result<String> {
    match server {
        Some(server) => command.env(SERVER, server.url()),
        None => command.env_remove(SERVER),
    };
    println!("  $ {}", process::shown(&command));
    let text = process::output(command)?;
    println!("{text}");
    // the page is read on other machines
    Ok(text.replace(&workspace::target_dir().display().to_string(), "target"))
}

/// The folder for databases.
pub(super) fn folder(how: &How) -> Result<PathBuf> {
    let dir = how.dir.clone().unwrap_or_else(|| workspace::target_dir().join("bench/data"));
    fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    Ok(dir)
}

/// A server whose commits wait for the disk, when one is asked for.
fn server(how: &How) -> Result<Option<Postgres>> {
    if how.database == Database::Sqlite { Ok(None) } else { Postgres::start_durable().map(Some) }
}
