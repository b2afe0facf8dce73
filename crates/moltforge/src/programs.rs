//! The files of a code agent on disk: the file with its `run`, and what that imports.
//!
//! Nothing is run and nothing is guessed: what the file imports by a relative name, what lies beside it under the name
//! of a Python module, and data that it names. What is not found is an error here, where its author can see it, not the
//! first run's.

mod javascript;
mod python;
mod tokens;

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use moltforge_api::bundles::{Bundle, FileContent};
use moltforge_manifest::Diagnostic;
use moltforge_manifest::bundle::{self, Language, MAX_BYTES, MAX_FILES};

use crate::Error;

/// A bundle that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its hash.
    pub sha256: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The names of its files.
    pub files: Vec<String>,
}

/// Collects the program whose file `code` is in `folder`.
pub fn collect(folder: &Path, code: &str) -> Result<Program, Error> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = Found::new(folder)?;
    if Language::of(code) == Some(Language::Component) && !found.exists(code) {
        let message = "there is no such file: build it first, in Rust with `cargo build --release`";
        return Err(found.fault(code, "", None, message));
    }
    found.add(code)?;
    match Language::of(code) {
        Some(Language::JavaScript | Language::TypeScript) => javascript::follow(&mut found)?,
        Some(Language::Python) => python::follow(&mut found)?,
        Some(Language::Component) | None => {}
    }
    let whole = Bundle { files: found.files };
    let faults = bundle::check(&whole);
    if !faults.is_empty() {
        let path = folder.join(code);
        return Err(Error::ProgramInvalid { path, source_text: String::new(), diagnostics: faults });
    }
    let bytes = bundle::encode(&whole);
    Ok(Program { sha256: bundle::hash(&bytes), bytes, files: whole.files.into_keys().collect() })
}

/// What was found so far, and what is still to be read for its imports.
struct Found {
    root: PathBuf,
    canonical: PathBuf,
    files: BTreeMap<String, FileContent>,
    bytes: usize,
    unread: VecDeque<String>,
}

impl Found {
    fn new(root: &Path) -> Result<Self, Error> {
        let canonical = root.canonicalize().map_err(|source| unreadable(root, source))?;
        let (files, unread) = (BTreeMap::new(), VecDeque::new());
        Ok(Self { root: root.to_owned(), canonical, files, bytes: 0, unread })
    }

    /// Whether there is a file of this name.
    fn exists(&self, name: &str) -> bool {
        self.root.join(name).is_file()
    }

    /// Adds a file, once.
    fn add(&mut self, name: &str) -> Result<(), Error> {
        if self.files.contains_key(name) {
            return Ok(());
        }
        let bytes = self.read(name)?;
        self.insert(name, bytes)
    }

    /// Adds a file unless it is data that is no text: a bundle is text.
    fn add_text(&mut self, name: &str) -> Result<(), Error> {
        if self.files.contains_key(name) {
            return Ok(());
        }
        let bytes = self.read(name)?;
        // what ends within a character may only have been cut
        let is_binary = std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_some());
        if is_binary { Ok(()) } else { self.insert(name, bytes) }
    }

    /// The bytes of a file, never more than one beyond what is taken.
    fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.root.join(name);
        // a link must not take a file along that is none of the agent's
        let real = path.canonicalize().map_err(|source| unreadable(&path, source))?;
        if !real.starts_with(&self.canonical) {
            return Err(self.fault(name, "", None, "it is outside of the agent's folder"));
        }
        if !real.is_file() {
            return Err(self.fault(name, "", None, "it is no file"));
        }
        let left = MAX_BYTES.saturating_sub(self.bytes) as u64;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&path).map_err(|source| unreadable(&path, source))?;
        // one byte more tells what is too large from what just fits
        file.take(left + 1).read_to_end(&mut bytes).map_err(|source| unreadable(&path, source))?;
        Ok(bytes)
    }

    fn insert(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.bytes += bytes.len();
        if self.bytes > MAX_BYTES {
            let most = MAX_BYTES >> 20;
            let message =
                format!("with this one the agent's files have more bytes than are taken, at most {most} MiB together");
            return Err(self.fault(name, "", None, &message));
        }
        if self.files.len() >= MAX_FILES {
            let message = format!("with this one the agent has more files than are taken, at most {MAX_FILES}");
            return Err(self.fault(name, "", None, &message));
        }
        let content = if Language::of(name) == Some(Language::Component) {
            bundle::of_component(&bytes)
        } else {
            let text = String::from_utf8(bytes).map_err(|_| self.fault(name, "", None, "it is not text in UTF-8"))?;
            self.unread.push_back(name.to_owned());
            FileContent::Text(text)
        };
        self.files.insert(name.to_owned(), content);
        Ok(())
    }

    /// The next file whose imports nobody has looked at, with its text.
    fn next_unread(&mut self) -> Option<(String, String)> {
        loop {
            let name = self.unread.pop_front()?;
            if let Some(text) = self.files.get(&name).and_then(FileContent::text) {
                return Some((name.clone(), text.to_owned()));
            }
        }
    }

    /// Something is wrong in a file, at `offset` of its text.
    fn fault(&self, name: &str, text: &str, offset: Option<usize>, message: &str) -> Error {
        let place = offset.map(|offset| {
            let before = text.get(..offset).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            (line, column)
        });
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let diagnostic = Diagnostic {
            line: place.map(|(line, _)| number(line)),
            column: place.map(|(_, column)| number(column)),
            ..Diagnostic::unplaced("", message)
        };
        let (path, source_text) = (self.root.join(name), text.to_owned());
        Error::ProgramInvalid { path, source_text, diagnostics: vec![diagnostic] }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::FileUnreadable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
