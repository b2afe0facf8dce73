//! Landlock: the file system and TCP once more, by the kernel's own rules instead of what can be seen.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use crate::error::{JailError, Step};

/// What is asked of every kernel that has Landlock (5.13): reads, writes, execution, the making and removal of
/// everything.
const LEAST: ABI = ABI::V1;
/// What is asked for where the kernel knows it (6.12): links between folders, truncation, device commands, TCP, signals
/// and abstract sockets. Namespaces, the empty root and the filter of system calls deny all of those as well.
const MOST: ABI = ABI::V6;

/// Denies everything but reading what is listed. `true` when the kernel knows all that was asked for.
pub(crate) fn only_read(paths: &[PathBuf]) -> Result<bool, JailError> {
    let status = restrict(paths).map_err(|error| JailError::new(Step::Landlock, error))?;
    match status {
        RulesetStatus::FullyEnforced => Ok(true),
        RulesetStatus::PartiallyEnforced => Ok(false),
        RulesetStatus::NotEnforced => Err(JailError::new(Step::Landlock, "the kernel does not enforce it")),
    }
}

fn restrict(paths: &[PathBuf]) -> Result<RulesetStatus, Box<dyn std::error::Error>> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(MOST))?
        .handle_access(AccessNet::from_all(MOST))?
        .scope(Scope::from_all(MOST))?
        .create()?;
    for path in paths {
        let path = std::fs::canonicalize(path)?;
        let folder = std::fs::metadata(&path)?.is_dir();
        let rights: BitFlags<AccessFs> =
            if folder { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        rules = rules.add_rule(PathBeneath::new(PathFd::new(&path)?, rights))?;
    }
    let restricted: Result<_, RulesetError> = rules.restrict_self();
    Ok(restricted?.ruleset)
}
