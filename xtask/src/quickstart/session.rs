//! One shell session that types everything, so that variables, folders and background jobs last as they do for a person.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::page::Step;
use crate::process;

/// The whole page must be typed within this.
const WITHIN: Duration = Duration::from_mins(4);

/// Stands on a line of its own between commands.
const MARK: &str = "@@ typed @@";

/// What a command said, both streams together, and how it ended.
#[derive(Debug)]
pub(super) struct Seen {
    /// Standard output and error.
    pub output: String,
    /// The exit status.
    pub status: i32,
}

/// Types the steps into one `bash` in `folder`. A step that fails does not stop the others; what the session started
/// is killed at its end. `port` is where a server of this session listens.
pub(super) fn type_all(steps: &[Step], binary: &Path, folder: &Path, port: u16) -> Result<Vec<Seen>> {
    let bin = folder.join("bin");
    let home = folder.join("home");
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&home)?;
    std::os::unix::fs::symlink(binary, bin.join("moltforge")).context("make the program available as moltforge")?;
    let path = std::env::var("PATH").unwrap_or_default();

    let (reader, writer) = std::io::pipe()?;
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-s"]).current_dir(&home).process_group(0);
    command.env("PATH", format!("{}:{path}", bin.display())).env("HOME", &home).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MOLTFORGE_")) {
        command.env_remove(name);
    }
    command.env("MOLTFORGE_LISTEN", format!("127.0.0.1:{port}"));
    command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
    let mut shell = command.spawn().context("start bash")?;
    drop(command);
    let mut typed = shell.stdin.take().context("bash has no standard input")?;
    typed.write_all(script(steps, &home)?.as_bytes())?;
    drop(typed);

    // background jobs hold the pipe open as well, so the reading has its own thread and a limit
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(std::io::read_to_string(reader));
    });
    let group = format!("-{}", shell.id());
    let output = receiver.recv_timeout(WITHIN);
    let mut kill = process::command("kill");
    kill.args(["-9", "--", &group]);
    process::succeeds(kill);
    shell.wait()?;
    let Ok(output) = output else {
        let said = receiver.recv_timeout(Duration::from_secs(5)).ok().and_then(Result::ok).unwrap_or_default();
        bail!("the page took longer than {} s; the session said:\n{said}", WITHIN.as_secs());
    };
    Ok(split(&output?))
}

fn script(steps: &[Step], home: &Path) -> Result<String> {
    let mut script = String::from("set +o history\n");
    for step in steps {
        match step {
            // written when its turn comes: a command before it may make the folder
            Step::File { path, text } => {
                if text.lines().any(|line| line == "MOLTFORGE_END_OF_FILE") || path.contains("..") {
                    bail!("{path} cannot be written");
                }
                let path = home.join(path);
                let path = path.display();
                let _ = writeln!(script, "mkdir -p \"$(dirname '{path}')\"\ncat > '{path}' <<'MOLTFORGE_END_OF_FILE'");
                let _ = writeln!(script, "{text}MOLTFORGE_END_OF_FILE");
            }
            Step::Command(command) => {
                // commands must not eat the script that they stand in
                let _ = writeln!(script, "{{ {}\n}} < /dev/null\nprintf '\\n{MARK} %d\\n' $?", command.text);
            }
        }
    }
    script += "kill -9 $(jobs -p) 2> /dev/null\nexit 0\n";
    Ok(script)
}

fn split(output: &str) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut rest = output;
    while let Some((before, after)) = rest.split_once(MARK) {
        let (status, after) = after.split_once('\n').unwrap_or((after, ""));
        seen.push(Seen { output: before.to_owned(), status: status.trim().parse().unwrap_or(-1) });
        rest = after;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quickstart::page;

    #[test]
    fn a_session_remembers_and_cleans_up() {
        let page = "<!-- file: d/f -->\n```text\nhello\n```\n```console\n$ cd d && X=5\n$ cat f; echo $X\n$ sleep 600 &\n\
            $ false\n$ moltforge\n```\n";
        let folder = tempfile::tempdir().unwrap();
        let seen = type_all(&page::steps(page).unwrap(), Path::new("/bin/pwd"), folder.path(), 1).unwrap();
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[1].output.trim(), "hello\n5");
        assert_eq!(seen[3].status, 1);
        assert!(seen[4].output.trim().ends_with("/d"), "{seen:?}");
    }
}
