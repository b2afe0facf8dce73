//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// A command at the repository's root. Its standard input is closed: nothing here asks.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// Cargo itself, the same that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set by the cargo that runs us. Build scripts watch some of them (ring does): with them, a nested cargo and one that
    // is typed by hand would compile the same dependencies again and again in turns.
    let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command
}

/// How a command reads, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs it to its end with its output shown; anything but success is an error.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let text = shown(&command);
    println!("  $ {text}");
    let status = command.status().with_context(|| format!("start `{text}`"))?;
    if !status.success() {
        bail!("`{text}` ended with {status}");
    }
    Ok(())
}

/// Runs it to its end, shows its output line by line and hands each line to `look`. Standard error joins in.
pub(crate) fn watch(mut command: Command, mut look: impl FnMut(&str)) -> Result<ExitStatus> {
    let text = shown(&command);
    println!("  $ {text}");
    let (reader, writer) = std::io::pipe().context("make a pipe")?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("start `{text}`"))?;
    // the command holds the pipe's writing ends; without this the reading would never end
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        look(&line);
    }
    Ok(child.wait()?)
}

/// Its standard output, trimmed; anything but success is an error.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let text = shown(&command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether it starts and succeeds, silently.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether we are root. Asked of `id`, as the standard library does not know.
pub(crate) fn is_root() -> bool {
    let mut id = command("id");
    id.arg("-u");
    output(id).is_ok_and(|uid| uid == "0")
}
