//! The policies that are tried, by name: an inmate has no other way to learn its own.

use moltforge_jail::{Enforcement, Limits, Policy};

use crate::facts::Facts;

/// `None` is no confinement.
pub(crate) fn named(name: &str, facts: &Facts) -> Option<Policy> {
    let worker = Policy::worker();
    Some(match name {
        "free" => return None,
        "worker" => worker,
        "compiler" => Policy::compiler(),
        "small" => {
            let limits = Limits { memory: Some(128 << 20), file_size: 1 << 20, cpu_seconds: Some(1), ..worker.limits };
            Policy { limits, ..worker }
        }
        "reads" => Policy { read_only: vec![facts.path("shown")], ..worker },
        "keeps" => Policy { keep: vec![facts.number("fd")], ..worker },
        "lax" => Policy { enforcement: Enforcement::BestEffort { reason: "a test".to_owned() }, ..worker },
        other => panic!("no policy {other}"),
    })
}
