//! What the processes that this one started have in memory, by /proc.

use std::collections::BTreeMap;
use std::fs;

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Of the processes below this one, with their share of what several of them map.
    pub(crate) workers: usize,
    /// Of this one.
    pub(crate) own: usize,
}

impl Memory {
    /// Zero where the system does not say.
    pub(crate) fn now() -> Self {
        let (own, parents) = (std::process::id(), parents());
        let below = parents.keys().filter(|pid| **pid != own && descends(**pid, own, &parents));
        Self { workers: below.map(|pid| proportional(*pid)).sum(), own: proportional(own) }
    }
}

/// How many such processes there are.
pub(crate) fn processes() -> usize {
    let (own, parents) = (std::process::id(), parents());
    parents.keys().filter(|pid| **pid != own && descends(**pid, own, &parents)).count()
}

fn parents() -> BTreeMap<u32, u32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, parent(pid)?))).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // behind the name, which may itself hold blanks
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn descends(mut pid: u32, root: u32, parents: &BTreeMap<u32, u32>) -> bool {
    loop {
        match parents.get(&pid) {
            Some(parent) if *parent == root => return true,
            Some(parent) if *parent > 1 => pid = *parent,
            _ => return false,
        }
    }
}

fn proportional(pid: u32) -> usize {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}
