//! Version 1: a hierarchy per controller.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::mounts::controller;
use super::{Folders, GroupLimits, set};

/// Microseconds in which a share of the processor is counted.
const PERIOD: u64 = 100_000;

/// The own group's folder for each controller that is there and can be written.
#[derive(Debug)]
pub(super) struct Controllers {
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
}

impl Controllers {
    /// Those of this process.
    pub(super) fn find(mounts: &str, own: &str) -> io::Result<Self> {
        let usable = |name: &str| controller(mounts, own, name).filter(|folder| can_be_used(folder));
        let found =
            Self { memory: usable("memory"), pids: usable("pids"), cpu: usable("cpu"), cpuacct: usable("cpuacct") };
        if found.memory.is_none() && found.pids.is_none() && found.cpu.is_none() {
            return Err(io::Error::other("no controller of memory, pids or cpu that can be written"));
        }
        Ok(found)
    }

    /// The same controllers elsewhere.
    pub(super) fn map(self, to: impl Fn(PathBuf) -> PathBuf) -> Self {
        Self {
            memory: self.memory.map(&to),
            pids: self.pids.map(&to),
            cpu: self.cpu.map(&to),
            cpuacct: self.cpuacct.map(&to),
        }
    }

    /// Their folders, each once.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = self.all().into_iter().filter_map(|(_, folder)| folder.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Their names.
    pub(super) fn words(&self) -> String {
        let there = self.all().into_iter().filter(|(_, folder)| folder.is_some());
        there.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }

    fn all(&self) -> [(&'static str, &Option<PathBuf>); 4] {
        [("memory", &self.memory), ("pids", &self.pids), ("cpu", &self.cpu), ("cpuacct", &self.cpuacct)]
    }

    pub(super) fn make(&self, name: &str, limits: &GroupLimits) -> io::Result<Folders> {
        let mut folders = Folders { memory: None, all: Vec::new(), version: 1, cpu: None };
        let made = self.fill(&mut folders, name, limits);
        if let Err(error) = made {
            for folder in &folders.all {
                let _ = fs::remove_dir(folder);
            }
            return Err(error);
        }
        Ok(folders)
    }

    fn fill(&self, folders: &mut Folders, name: &str, limits: &GroupLimits) -> io::Result<()> {
        let mut below = |parent: &Option<PathBuf>| -> io::Result<Option<PathBuf>> {
            let Some(parent) = parent else { return Ok(None) };
            let folder = parent.join(name);
            // two controllers may share a hierarchy
            if !folders.all.contains(&folder) {
                fs::create_dir(&folder)?;
                folders.all.push(folder.clone());
            }
            Ok(Some(folder))
        };
        let (memory, pids, cpu) = (below(&self.memory)?, below(&self.pids)?, below(&self.cpu)?);
        let accounting = below(&self.cpuacct)?;
        if let Some(bytes) = limits.memory {
            let folder = needed(memory.as_deref(), "memory")?;
            set(folder, "memory.limit_in_bytes", &bytes)?;
            // without it what is over the limit goes to swap; kernels without swap accounting have no such file
            let with_swap = "memory.memsw.limit_in_bytes";
            if folder.join(with_swap).try_exists()? {
                set(folder, with_swap, &bytes)?;
            }
        }
        if let Some(most) = limits.processes {
            set(needed(pids.as_deref(), "pids")?, "pids.max", &most)?;
        }
        if let Some(milli) = limits.cpu_milli {
            let folder = needed(cpu.as_deref(), "cpu")?;
            set(folder, "cpu.cfs_period_us", &PERIOD)?;
            set(folder, "cpu.cfs_quota_us", &(PERIOD * u64::from(milli) / 1000))?;
        }
        (folders.memory, folders.cpu) = (memory, accounting);
        Ok(())
    }
}

fn needed<'a>(folder: Option<&'a Path>, controller: &str) -> io::Result<&'a Path> {
    folder.ok_or_else(|| io::Error::other(format!("there is no controller {controller} that can be written")))
}

/// Whether groups can be made in it: the permission bits say nothing about a read-only mount.
fn can_be_used(folder: &Path) -> bool {
    let probe = folder.join(format!("moltforge-probe-{}", std::process::id()));
    fs::create_dir(&probe).is_ok() && fs::remove_dir(&probe).is_ok()
}
