//! Control groups of the processes: a hard end for one that the server's own rules do not hold.

use std::sync::Arc;

use moltforge_jail::{Group, GroupLimits, Groups};

use super::process::OWN;

/// Bytes of a compile process. Its own limit is lower.
const COMPILER: u64 = 5 << 30;
/// Processes and threads of each.
const PROCESSES: u32 = 160;
/// What the kernel counts for a process besides its memory, at least: tables of pages, its part of the cache of files.
const BESIDES: u64 = 256 << 20;

/// The groups of this server, or why there are none. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ProcessGroups(Arc<Result<Kept, String>>);

#[derive(Debug)]
struct Kept {
    groups: Groups,
    /// Thousandths of a processor that were wanted and cannot be had.
    without_cpus: Option<u32>,
}

impl ProcessGroups {
    /// Makes that of the server, with so many thousandths of a processor for all processes together.
    pub(crate) fn find(cpu_milli: Option<u32>) -> Self {
        let with = |cpu_milli| Groups::of_server(&GroupLimits { cpu_milli, ..GroupLimits::default() });
        let found = match (with(cpu_milli), cpu_milli) {
            (Ok(groups), _) => Ok(Kept { groups, without_cpus: None }),
            // a machine may limit memory and not processors
            (Err(_), Some(_)) => with(None).map(|groups| Kept { groups, without_cpus: cpu_milli }),
            (Err(error), None) => Err(error),
        };
        Self(Arc::new(found.map_err(|error| error.why().to_owned())))
    }

    /// What there is, for people.
    pub(crate) fn words(&self) -> String {
        match &*self.0 {
            Ok(Kept { groups, without_cpus: None }) => groups.words(),
            Ok(Kept { groups, .. }) => format!("{}, which cannot keep `sandbox.cpus`", groups.words()),
            Err(reason) => format!("no control groups: the server watches memory by itself ({reason})"),
        }
    }

    /// For a worker whose guests may have so much memory.
    pub(crate) fn worker(&self, memory: u64) -> Option<Group> {
        self.make(memory.saturating_add(memory / 4).saturating_add(OWN + BESIDES))
    }

    /// For a compile process.
    pub(crate) fn compiler(&self) -> Option<Group> {
        self.make(COMPILER)
    }

    fn make(&self, memory: u64) -> Option<Group> {
        let groups = &self.0.as_ref().as_ref().ok()?.groups;
        let all = GroupLimits { memory: Some(memory), processes: Some(PROCESSES), cpu_milli: None };
        // what this machine does not have is left out, one by one
        let fewer = [all, GroupLimits { processes: None, ..all }, GroupLimits { memory: None, ..all }];
        let mut errors = Vec::new();
        for limits in fewer {
            match groups.make(&limits) {
                Ok(group) => return Some(group),
                Err(error) => errors.push(error.why().to_owned()),
            }
        }
        tracing::warn!(?errors, "a process of code agents runs without a control group");
        None
    }
}
