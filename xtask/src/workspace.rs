//! Where things are: the root, the profile's folder, every file that belongs to the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process;

/// The profile of `check` and `test`: one for all, so that dependencies are compiled once.
pub(crate) const PROFILE: &str = "ci";

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 5] = [".git", "target", "node_modules", ".moltforge", "__pycache__"];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program that the given profile's build has made.
pub(crate) fn built(profile: &str, name: &str) -> PathBuf {
    let folder = if profile == "dev" { "debug" } else { profile };
    target_dir().join(folder).join(name)
}

/// The program: the given one, or one that is built now.
pub(crate) fn moltforge(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return given.canonicalize().with_context(|| format!("find {}", given.display()));
    }
    let mut build = process::cargo();
    build.args(["build", "-p", "moltforge", "--profile", PROFILE]);
    process::run(build)?;
    Ok(built(PROFILE, "moltforge"))
}

/// Whether a continuous integration runs us.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// One text file of the project.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub path: String,
    /// The text.
    pub text: String,
}

impl SourceFile {
    /// Whether its name ends with `.extension`.
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }
}

/// Every text file below `root`, in order of the path. Binary files are left out.
pub(crate) fn files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if FOREIGN.iter().any(|foreign| name == *foreign) {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(root, &path, found)?;
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            found.push(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
    Ok(())
}
