//! What the rules read: every text file, and the manifests of the members.

use std::path::Path;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::workspace::{self, SourceFile};

/// The repository, read once.
pub(crate) struct Tree {
    /// Every text file.
    pub files: Vec<SourceFile>,
    /// The members, by name without the `moltforge-` prefix.
    pub members: Vec<Member>,
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The package's name without `moltforge-`.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: String,
    /// Its manifest.
    pub manifest: Table,
}

/// Which of a manifest's dependency tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `[dependencies]`
    Normal,
    /// `[dev-dependencies]`
    Dev,
    /// `[build-dependencies]`
    Build,
}

impl Tree {
    /// Reads everything below `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        Self::of(workspace::files(root)?)
    }

    /// From files alone; rules are tested on small trees.
    pub(crate) fn of(files: Vec<SourceFile>) -> Result<Self> {
        let mut members = Vec::new();
        for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
            let manifest: Table = file.text.parse().with_context(|| format!("read {}", file.path))?;
            // a workspace of its own, such as the tools that build the guest images, or of another one: no member
            if manifest.contains_key("workspace") || file.path.starts_with("sdk/") {
                continue;
            }
            let Some(package) = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str)
            else {
                continue;
            };
            let name = package.strip_prefix("moltforge-").unwrap_or(package).to_owned();
            let folder = file.path.trim_end_matches("/Cargo.toml").to_owned();
            members.push(Member { name, folder, manifest });
        }
        Ok(Self { files, members })
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// Files below a folder with an extension.
    pub(crate) fn below<'a>(&'a self, folder: &'a str, extension: &'a str) -> impl Iterator<Item = &'a SourceFile> {
        let inside = move |file: &SourceFile| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.files.iter().filter(move |file| inside(file) && file.is(extension))
    }
}

impl Member {
    /// The dependencies: section, name, specification.
    pub(crate) fn dependencies(&self) -> Vec<(Section, &str, &Value)> {
        let sections = [
            (Section::Normal, "dependencies"),
            (Section::Dev, "dev-dependencies"),
            (Section::Build, "build-dependencies"),
        ];
        sections
            .into_iter()
            .filter_map(|(section, key)| Some((section, self.manifest.get(key)?.as_table()?)))
            .flat_map(|(section, table)| table.iter().map(move |(name, value)| (section, name.as_str(), value)))
            .collect()
    }

    /// The crates of this workspace among the dependencies, without their prefix.
    pub(crate) fn edges(&self) -> Vec<(Section, &str)> {
        let dependencies = self.dependencies().into_iter();
        dependencies.filter_map(|(section, name, _)| Some((section, name.strip_prefix("moltforge-")?))).collect()
    }

    /// The place of its manifest.
    pub(crate) fn place(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// The part of a source file before its tests: our files end with `#[cfg(test)] mod tests`.
pub(crate) fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ").map_or(text, |end| &text[..end])
}

/// Whether the whole file is a test.
pub(crate) fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Tells files apart in the rules' own tests.
#[cfg(test)]
pub(crate) fn sample(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
    Tree::of(files.iter().map(file).collect()).unwrap()
}
