//! `[sandbox]`

use std::path::{Path, PathBuf};
use std::time::Duration;

use moltforge_sandbox::Config;
use serde::Deserialize;

use super::{COMPILER, WORKER, enforcement};

/// The most guests of one project: a worker has that many places.
const MOST_PER_PROJECT: u32 = 5_000;

/// Where and how code agents run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Whether this server runs code agents; `true` when absent.
    pub enabled: bool,
    /// Mebibytes for the programs of all code agents together; 2048 when absent.
    pub memory_mib: u64,
    /// Programs in memory at once; 2000 when absent.
    pub guests: u32,
    /// The same of one project; 1000 when absent, at most 5000.
    pub guests_per_project: u32,
    /// Seconds after which a process without programs is stopped; 300 when absent.
    pub idle_seconds: u64,
    /// Where engines are kept as compiled for this machine; `images` in `data_dir` when absent.
    pub cache_dir: Option<PathBuf>,
    /// `true`: all engines are compiled at the start, and not each when the first agent of its language is deployed.
    pub prepare: bool,
    /// For development on a kernel that lacks something: why code agents may run less confined than they should. What the
    /// kernel has is used all the same. Never where strangers deploy.
    pub best_effort_because: Option<String>,
    /// The program whose hidden subcommands the processes are.
    #[serde(skip)]
    pub program: PathBuf,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            memory_mib: 2048,
            guests: 2000,
            guests_per_project: 1000,
            idle_seconds: 300,
            cache_dir: None,
            prepare: false,
            best_effort_because: None,
            // stays the same when the file is replaced by a newer one
            program: PathBuf::from("/proc/self/exe"),
        }
    }
}

impl SandboxConfig {
    /// Every fault that the shape alone does not show, with its key.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, value, least, most) in [
            ("memory_mib", self.memory_mib, 64, 1 << 24),
            ("guests", self.guests.into(), 1, 1_000_000),
            ("guests_per_project", self.guests_per_project.into(), 1, MOST_PER_PROJECT.into()),
            ("idle_seconds", self.idle_seconds, 1, 86_400),
        ] {
            if !(least..=most).contains(&value) {
                faults.push(format!("sandbox.{key}: expected {least} to {most}, got {value}"));
            }
        }
        if self.best_effort_because.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            faults.push("sandbox.best_effort_because: expected a reason, got an empty text".to_owned());
        }
        faults
    }

    /// What the sandbox needs to know.
    pub(crate) fn sandbox(&self, data_dir: &Path) -> Config {
        Config {
            program: self.program.clone(),
            worker: vec![WORKER.into()],
            compiler: vec![COMPILER.into()],
            cache: self.cache_dir.clone().unwrap_or_else(|| data_dir.join("images")),
            enforcement: enforcement(self.best_effort_because.as_ref()),
            memory: self.memory_mib.saturating_mul(1 << 20),
            guests: self.guests,
            guests_per_project: self.guests_per_project,
            idle: Duration::from_secs(self.idle_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_is_taken() {
        assert!(SandboxConfig::default().faults().is_empty());
        let reason = Some(" ".to_owned());
        let bad = SandboxConfig {
            guests_per_project: 5001,
            memory_mib: 1,
            best_effort_because: reason,
            ..Default::default()
        };
        assert_eq!(bad.faults().len(), 3);
    }
}
