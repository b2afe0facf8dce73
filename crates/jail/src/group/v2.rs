//! Version 2: one hierarchy, whose groups have either processes or groups with controllers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Folders, GroupLimits, set};

/// What limits need. A group hands them on to those below it.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// Where the server goes, so that its group has none but groups in it.
const SERVER: &str = "moltforge-server";
/// Microseconds in which a share of the processor is counted.
const PERIOD: u64 = 100_000;

/// Hands the controllers on to the groups to come.
pub(super) fn prepare(folder: PathBuf) -> io::Result<PathBuf> {
    let has = fs::read_to_string(folder.join("cgroup.controllers"))?;
    let has: Vec<&str> = has.split_whitespace().collect();
    if let Some(missing) = CONTROLLERS.iter().find(|name| !has.contains(name)) {
        return Err(io::Error::other(format!("the controller {missing} is not handed to this group")));
    }
    let wanted = CONTROLLERS.map(|name| format!("+{name}")).join(" ");
    if set(&folder, "cgroup.subtree_control", &wanted).is_ok() {
        return Ok(folder);
    }
    // it holds processes: ours move one down
    let server = folder.join(SERVER);
    if !server.try_exists()? {
        fs::create_dir(&server)?;
    }
    set(&server, "cgroup.procs", &std::process::id())?;
    set(&folder, "cgroup.subtree_control", &wanted)?;
    Ok(folder)
}

pub(super) fn make(parent: &Path, name: &str, limits: &GroupLimits) -> io::Result<Folders> {
    let folder = parent.join(name);
    fs::create_dir(&folder)?;
    if let Err(error) = limit(&folder, limits) {
        let _ = fs::remove_dir(&folder);
        return Err(error);
    }
    let (memory, cpu) = (Some(folder.clone()), Some(folder.clone()));
    Ok(Folders { memory, cpu, all: vec![folder], version: 2 })
}

fn limit(folder: &Path, limits: &GroupLimits) -> io::Result<()> {
    if let Some(bytes) = limits.memory {
        set(folder, "memory.max", &bytes)?;
        // kernels without swap have no such file
        if folder.join("memory.swap.max").try_exists()? {
            set(folder, "memory.swap.max", &0)?;
        }
        // a worker without its supervisor, or the other way round, is of no use
        set(folder, "memory.oom.group", &1)?;
    }
    if let Some(most) = limits.processes {
        set(folder, "pids.max", &most)?;
    }
    if let Some(milli) = limits.cpu_milli {
        set(folder, "cpu.max", &format!("{} {PERIOD}", PERIOD * u64::from(milli) / 1000))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_where_the_kernel_reads_them() {
        let place = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
        fs::write(place.path().join("cgroup.controllers"), "cpuset cpu memory pids\n").unwrap();
        let parent = prepare(place.path().to_owned()).unwrap();
        assert_eq!(read("cgroup.subtree_control"), "+memory +pids +cpu");
        let limits = GroupLimits { memory: Some(1 << 30), processes: Some(160), cpu_milli: Some(1500) };
        let made = make(&parent, "one", &limits).unwrap();
        assert_eq!((made.version, made.all.len()), (2, 1));
        for (file, wanted) in [
            ("one/memory.max", "1073741824"),
            ("one/memory.oom.group", "1"),
            ("one/pids.max", "160"),
            ("one/cpu.max", "150000 100000"),
        ] {
            assert_eq!(read(file), wanted, "{file}");
        }
        assert!(!place.path().join("one/memory.swap.max").try_exists().unwrap(), "this kernel has no swap");
    }

    #[test]
    fn a_controller_that_is_missing_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("cgroup.controllers"), "hugetlb memory\n").unwrap();
        assert!(prepare(place.path().to_owned()).unwrap_err().to_string().contains("pids"));
    }
}
