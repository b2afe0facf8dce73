//! What it was measured on.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::process;

/// The machine and the versions.
pub(super) struct Machine {
    lines: Vec<(&'static str, String)>,
}

impl Machine {
    /// Reads what Linux says about itself; what it does not say reads `unknown`.
    pub(super) fn read() -> Self {
        let cpu = field("/proc/cpuinfo", "model name");
        let memory = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_048_576;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let lines = vec![
            ("machine", format!("{cores} cores ({cpu}), {memory} GiB, Linux {kernel}")),
            ("disk", disk(&crate::workspace::target_dir())),
            ("load before", load.split(' ').take(2).collect::<Vec<_>>().join(" ")),
            ("compiler", said("rustc", &["--version"])),
            ("commit", said("git", &["describe", "--always", "--dirty"])),
            ("date", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ];
        Self { lines }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|(name, value)| writeln!(f, "- {name}: {value}"))
    }
}

fn said(program: &str, words: &[&str]) -> String {
    let mut command = process::command(program);
    command.args(words);
    process::output(command).unwrap_or_else(|_| "unknown".to_owned())
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
}

/// The file system that holds `path`: the longest mount point that is its beginning.
fn disk(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (device, point, kind) = (words.next()?, words.next()?, words.next()?);
            path.starts_with(point).then(|| (point.len(), format!("{kind} on {device}")))
        })
        .max_by_key(|(length, _)| *length);
    mount.map_or_else(|| "unknown".to_owned(), |(_, text)| text)
}
