//! `[sandbox]`

use std::path::{Path, PathBuf};
use std::time::Duration;

use moltforge_sandbox::Config;
use serde::Deserialize;

use super::{COMPILER, WORKER, enforcement};

/// The most guests of one project: a worker has that many places.
const MOST_PER_PROJECT: u32 = 5_000;

/// The least and the most for `cpus`.
const CPUS: (f64, f64) = (0.01, 4096.0);

/// Where and how code agents run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Whether this server runs code agents; `true` when absent.
    pub enabled: bool,
    /// Mebibytes for the programs of all code agents together; half of what the machine or the server's control group
    /// has when absent. The processes themselves take up to 64 more each, one for each project with programs in memory.
    pub memory_mib: Option<u64>,
    /// Processors for the programs of all code agents and for compiling them, e.g. `1.5`; all when absent. Needs control
    /// groups. Whatever it is, the server's own work comes first and projects share evenly.
    pub cpus: Option<f64>,
    /// Programs in memory at once; 2000 when absent.
    pub guests: u32,
    /// The same of one project; 1000 when absent, at most 5000.
    pub guests_per_project: u32,
    /// Seconds after which a process without programs is stopped; 300 when absent.
    pub idle_seconds: u64,
    /// Where engines are kept as compiled for this machine; `images` in `data_dir` when absent.
    pub cache_dir: Option<PathBuf>,
    /// Whether engines that are not yet compiled for this machine are compiled in the background after the start; `true`
    /// when absent. If not, each is compiled when the first agent of its language is deployed or runs.
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
            memory_mib: None,
            cpus: None,
            guests: 2000,
            guests_per_project: 1000,
            idle_seconds: 300,
            cache_dir: None,
            prepare: true,
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
            ("memory_mib", self.memory_mib.unwrap_or(64), 64, 1 << 24),
            ("guests", self.guests.into(), 1, 1_000_000),
            ("guests_per_project", self.guests_per_project.into(), 1, MOST_PER_PROJECT.into()),
            ("idle_seconds", self.idle_seconds, 1, 86_400),
        ] {
            if !(least..=most).contains(&value) {
                faults.push(format!("sandbox.{key}: expected {least} to {most}, got {value}"));
            }
        }
        if self.cpus.is_some_and(|cpus| !(CPUS.0..=CPUS.1).contains(&cpus)) {
            let (least, most) = CPUS;
            faults.push(format!("sandbox.cpus: expected {least} to {most}, got {}", self.cpus.unwrap_or_default()));
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
            memory: self.memory_mib.map_or_else(usual_memory, |mib| mib.saturating_mul(1 << 20)),
            cpu_milli: self.cpus.map(milli),
            guests: self.guests,
            guests_per_project: self.guests_per_project,
            idle: Duration::from_secs(self.idle_seconds),
            silence: Duration::from_mins(1),
        }
    }
}

/// Half of what there is.
fn usual_memory() -> u64 {
    const LEAST: u64 = 64 << 20;
    const UNKNOWN: u64 = 1 << 30;
    moltforge_sandbox::machine_memory().map_or(UNKNOWN, |bytes| bytes / 2).max(LEAST)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0.01 and 4096")]
fn milli(cpus: f64) -> u32 {
    (cpus * 1000.0) as u32
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
            memory_mib: Some(1),
            cpus: Some(0.0),
            best_effort_because: reason,
            ..Default::default()
        };
        assert_eq!(bad.faults().len(), 4);
    }
}
