//! How much memory there is for this process and those that it starts.

use std::fs;
use std::path::{Path, PathBuf};

use super::{mounts, number};

/// Bytes: what the machine has, or what its control groups leave of it. Nothing when the kernel does not say.
pub fn memory() -> Option<u64> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = of_machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = [
        (mounts::unified(&mounts, &own), "memory.max"),
        (mounts::controller(&mounts, &own, "memory"), "memory.limit_in_bytes"),
    ];
    let limits = groups.into_iter().filter_map(|(folder, file)| least(folder, file));
    limits.chain([machine]).min()
}

/// The smallest limit of a group and those above it.
fn least(folder: Option<PathBuf>, file: &str) -> Option<u64> {
    let folder = folder?;
    folder.ancestors().take_while(|above| above.starts_with("/sys")).filter_map(|above| limit(above, file)).min()
}

fn limit(folder: &Path, file: &str) -> Option<u64> {
    // version 2 says `max` where there is none, version 1 a very large number
    number(&folder.join(file))
}

fn of_machine(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_counts() {
        let place = std::env::temp_dir().join(format!("moltforge-memory-{}", std::process::id()));
        fs::create_dir_all(place.join("a/b")).unwrap();
        fs::write(place.join("memory.max"), "max\n").unwrap();
        fs::write(place.join("a/memory.max"), "4096\n").unwrap();
        fs::write(place.join("a/b/memory.max"), "8192\n").unwrap();
        assert_eq!(limit(&place, "memory.max"), None);
        assert_eq!(limit(&place.join("a"), "memory.max"), Some(4096));
        assert_eq!(of_machine("MemFree: 1 kB\nMemTotal:       24 kB\n"), Some(24 << 10));
        assert!(memory().unwrap() > 1 << 20);
        fs::remove_dir_all(place).unwrap();
    }
}
