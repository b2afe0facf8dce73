//! Agent files on disk: found, read and checked on this machine before any server sees them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use moltforge_api::AgentConfig;
use moltforge_manifest::MAX_FILE_BYTES;

use crate::Error;

/// The name of an agent's file in its folder.
pub const FILE_NAME: &str = "agent.toml";

/// A valid agent file.
#[derive(Debug, Clone)]
pub struct AgentFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub config: AgentConfig,
}

/// The agent files that `path` means: itself, a folder's own `agent.toml`, or those of its subfolders, in order.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::FileUnreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(FILE_NAME);
    if own.try_exists().map_err(unreadable)? {
        return Ok(vec![own]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path().join(FILE_NAME);
        if file.try_exists().unwrap_or(false) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() { Err(Error::NoAgentFile(path.to_owned())) } else { Ok(files) }
}

/// Reads and checks one file.
pub fn read(path: &Path) -> Result<AgentFile, Error> {
    let unreadable = |source| Error::FileUnreadable { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // one byte more tells a file that is too large from one that just fits
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let source_text = String::from_utf8(bytes)
        .map_err(|e| unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error())))?;
    match moltforge_manifest::parse_toml(&source_text) {
        Ok(config) => Ok(AgentFile { path: path.to_owned(), config }),
        Err(diagnostics) => Err(Error::AgentFileInvalid { path: path.to_owned(), source_text, diagnostics }),
    }
}
