//! What happens where the kernel refuses a step: nothing runs half confined.
//!
//! The refusals are real: a filter of system calls, applied before the confinement begins, makes the kernel say no as
//! the profile of a container or an older kernel would.

use std::collections::BTreeMap;

use moltforge_jail::{Ended, Report};
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::Test;
use crate::facts::Facts;
use crate::server::{By, run};

/// What is refused, with which answer, and the step that must name it.
const REFUSALS: &[(&str, i64, i32, &str)] = &[
    ("namespaces", libc::SYS_unshare, libc::EPERM, "ProcessNamespace"),
    ("mounts", libc::SYS_mount, libc::EPERM, "Root"),
    ("pivot", libc::SYS_pivot_root, libc::EPERM, "Root"),
    ("landlock", libc::SYS_landlock_create_ruleset, libc::ENOSYS, "Landlock"),
    ("landlock_at_the_end", libc::SYS_landlock_restrict_self, libc::EPERM, "Landlock"),
    ("system_calls", libc::SYS_seccomp, libc::EINVAL, "SystemCalls"),
    ("capabilities", libc::SYS_capset, libc::EPERM, "Capabilities"),
    ("limits", libc::SYS_setrlimit, libc::EPERM, "Limits"),
    ("limits_by_the_newer_call", libc::SYS_prlimit64, libc::EPERM, "Limits"),
];

/// Makes the kernel refuse what the facts name.
pub(crate) fn refuse(facts: &Facts) {
    let Some(name) = facts.find("refuse") else { return };
    let (_, call, answer, _) = REFUSALS.iter().find(|(other, ..)| *other == name).unwrap();
    let rules = BTreeMap::from([(*call, Vec::new())]);
    let refused = SeccompAction::Errno(answer.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).unwrap();
    // below the supervisor it holds already
    let _ = apply_filter(&BpfProgram::try_from(filter).unwrap());
}

pub(crate) fn tests() -> Vec<Test> {
    vec![
        ("refusals::each_is_an_error_that_names_the_step", required),
        ("refusals::with_a_reason_the_rest_still_holds", best_effort),
        ("refusals::no_reason_lets_capabilities_or_limits_pass", never),
    ]
}

fn required() {
    for (name, _, _, step) in REFUSALS {
        let outcome = run(By::Nobody, "worker", "report", &Facts::default().with("refuse", name));
        let said = format!("refused {step} the process cannot be confined: ");
        let same_call_elsewhere = *name == "limits" || *name == "limits_by_the_newer_call";
        if same_call_elsewhere && outcome.said.starts_with('{') {
            // a C library uses one of the two
            continue;
        }
        assert!(outcome.said.starts_with(&said), "{name}: {outcome:?}");
        assert_eq!(outcome.ended, Ended::Exited(1), "{name}");
    }
}

fn best_effort() {
    for (name, missing) in [
        ("namespaces", &["process_namespace", "namespaces"][..]),
        ("mounts", &["root"]),
        ("landlock", &["landlock"]),
        ("system_calls", &["system_calls"]),
    ] {
        let facts = Facts::default().with("refuse", name);
        let outcome = run(By::Nobody, "lax", "report", &facts);
        let report: Report = serde_json::from_str(&outcome.said).unwrap_or_else(|e| panic!("{name}: {e}: {outcome:?}"));
        let steps: Vec<String> = report
            .missing
            .iter()
            .map(|missing| serde_json::to_value(missing.step).unwrap().as_str().unwrap().into())
            .collect();
        assert_eq!(steps, missing, "{name}");
        assert!(report.to_string().starts_with("NOT CONFINED, allowed because: a test; without "), "{report}");
        // what is left denies the same
        let outcome = run(By::Nobody, "lax", "read_passwd", &facts);
        assert!(outcome.said.starts_with("denied "), "{name}: {outcome:?}");
    }
}

fn never() {
    let outcome = run(By::Nobody, "lax", "report", &Facts::default().with("refuse", "capabilities"));
    assert!(outcome.said.starts_with("refused Capabilities "), "{outcome:?}");
}
