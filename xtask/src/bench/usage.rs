//! What a process and its children use, by /proc.

use std::collections::BTreeMap;
use std::fs;

/// CPU and memory of a process with everything that it started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// User and system time, milliseconds.
    pub cpu_ms: f64,
    /// Proportional set size, MiB.
    pub pss_mib: f64,
}

/// Linux counts CPU time in hundredths of a second.
const TICK_MS: f64 = 10.0;

/// Sums several process trees.
pub(super) fn of(processes: &[u32]) -> Usage {
    let parents = parents();
    let mut usage = Usage::default();
    for pid in parents.keys().filter(|pid| processes.iter().any(|root| descends(**pid, *root, &parents))) {
        usage.cpu_ms += cpu_ms(*pid);
        usage.pss_mib += pss_mib(*pid);
    }
    usage
}

fn parents() -> BTreeMap<u32, u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, stat(pid)?.get(1)?.parse().ok()?))).collect()
}

fn descends(mut pid: u32, root: u32, parents: &BTreeMap<u32, u32>) -> bool {
    loop {
        if pid == root {
            return true;
        }
        match parents.get(&pid) {
            Some(parent) if *parent > 1 => pid = *parent,
            _ => return false,
        }
    }
}

/// The fields of `/proc/PID/stat` behind the name, which may itself hold blanks: state, parent, ...
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn cpu_ms(pid: u32) -> f64 {
    let fields = stat(pid).unwrap_or_default();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * TICK_MS
}

fn pss_mib(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_uses_something() {
        let usage = of(&[std::process::id()]);
        assert!(usage.pss_mib > 0.1, "{usage:?}");
    }

    #[test]
    fn descent() {
        let parents = BTreeMap::from([(2, 1), (10, 2), (11, 10), (12, 1)]);
        assert!(descends(11, 10, &parents) && descends(10, 10, &parents));
        assert!(!descends(12, 10, &parents) && !descends(2, 10, &parents));
    }
}
