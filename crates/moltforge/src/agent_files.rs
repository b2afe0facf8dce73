//! Agent files on disk: found, read and checked on this machine before any server sees them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use moltforge_api::AgentConfig;
use moltforge_api::config::AgentKind;
use moltforge_manifest::MAX_FILE_BYTES;
use moltforge_manifest::bundle::Language;
use moltforge_types::ContentHash;
use serde_json::json;

use crate::Error;
use crate::programs::{self, Program};

/// The name of an agent's file in its folder.
pub const FILE_NAME: &str = "agent.toml";
/// What a folder without it may have in its place: the program is the agent.
const PROGRAMS: [&str; 6] = ["agent.js", "agent.mjs", "agent.ts", "agent.mts", "agent.py", "agent.wasm"];
/// What a program without an agent file may call. It reaches no host and no agent: those are named in an agent file.
const TOOLS: [&str; 8] = [
    "approvals.request",
    "events.emit",
    "signals.wait",
    "state.delete",
    "state.get",
    "state.set",
    "time.now",
    "time.sleep",
];

/// A valid agent file.
#[derive(Debug, Clone)]
pub struct AgentFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says, with the hash of its program.
    pub config: AgentConfig,
    /// The files of its program.
    pub program: Option<Program>,
}

/// The agent files that `path` means: itself, a folder's own, or those of its subfolders, in order.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::FileUnreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    if let Some(own) = own(path) {
        return Ok(vec![own]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        files.extend(own(&entry.map_err(unreadable)?.path()));
    }
    files.sort();
    if files.is_empty() { Err(Error::NoAgentFile(path.to_owned())) } else { Ok(files) }
}

/// A folder's agent file, or the program that stands for one.
fn own(folder: &Path) -> Option<PathBuf> {
    let names = std::iter::once(FILE_NAME).chain(PROGRAMS);
    names.map(|name| folder.join(name)).find(|path| path.try_exists().unwrap_or(false))
}

/// Reads and checks one file: an agent file, or a program, which is an agent by itself.
pub fn read(path: &Path) -> Result<AgentFile, Error> {
    let mut config = match Language::of(&path.to_string_lossy()) {
        Some(_) => alone(path)?,
        None => parse(path)?,
    };
    let program = match (&config.kind, &config.code, &config.bundle) {
        (AgentKind::Code, Some(code), None) => {
            let program = programs::collect(path.parent().unwrap_or(Path::new("")), code)?;
            config.bundle = Some(program.sha256.clone());
            Some(program)
        }
        // the author says which files: they were uploaded before
        _ => None,
    };
    Ok(AgentFile { path: path.to_owned(), config, program })
}

/// The agent of a file whose component is still to be built.
pub fn unbuilt(path: &Path) -> Option<String> {
    let AgentConfig { name, code: Some(code), bundle: None, .. } = parse(path).ok()? else { return None };
    let built = path.parent().unwrap_or(Path::new("")).join(&code);
    let is_missing = Language::of(&code) == Some(Language::Component) && !built.try_exists().unwrap_or(true);
    is_missing.then_some(name)
}

/// What an agent file and its program say: changes when any of their files does.
pub fn fingerprint(path: &Path) -> Option<ContentHash> {
    let mut bytes = std::fs::read(path).ok()?;
    if let Ok(AgentFile { program: Some(program), .. }) = read(path) {
        bytes.extend(program.sha256.into_bytes());
    }
    Some(ContentHash::of(&bytes))
}

fn parse(path: &Path) -> Result<AgentConfig, Error> {
    let unreadable = |source| Error::FileUnreadable { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // one byte more tells a file that is too large from one that just fits
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let source_text = String::from_utf8(bytes)
        .map_err(|e| unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error())))?;
    moltforge_manifest::parse_toml(&source_text).map_err(|diagnostics| Error::AgentFileInvalid {
        path: path.to_owned(),
        source_text,
        diagnostics,
    })
}

/// The agent that a program is by itself. It has the name of its file, or of the folder of an `agent.js`.
fn alone(path: &Path) -> Result<AgentConfig, Error> {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text =
        |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = text(full.file_stem());
    let named = if stem == "agent" { text(full.parent().and_then(Path::file_name)) } else { stem };
    let name =
        agent_name(&named).map_err(|error| Error::argument("PATH", format!("{named:?} gives no name: {error}")))?;
    let config = json!({ "name": name, "kind": "code", "code": text(full.file_name()), "tools": TOOLS });
    moltforge_manifest::parse_json(&config).map_err(|diagnostics| Error::AgentFileInvalid {
        path: path.to_owned(),
        source_text: String::new(),
        diagnostics,
    })
}

/// The name of a file or folder as an agent's name.
pub fn agent_name(text: &str) -> Result<String, moltforge_types::NameError> {
    let name: String = text
        .to_lowercase()
        .split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    name.parse::<moltforge_types::AgentName>().map(|name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_program_is_an_agent_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        for (name, agent) in [("My Greeter/agent.js", "my-greeter"), ("x/reporter.py", "reporter")] {
            let file = read(&write(folder.path(), name, "")).unwrap();
            assert_eq!((file.config.name.as_str(), file.config.kind), (agent, AgentKind::Code));
            let program = file.program.unwrap();
            assert_eq!(file.config.bundle, Some(program.sha256));
            assert!(file.config.hosts.is_empty() && !file.config.tools.contains(&"http.fetch".to_owned()));
        }
        let found = find(&folder.path().join("My Greeter")).unwrap();
        assert_eq!(found, [folder.path().join("My Greeter/agent.js")]);
        // an agent file comes first
        let toml =
            write(folder.path(), "My Greeter/agent.toml", "name = \"greeter\"\nkind = \"code\"\ncode = \"agent.js\"");
        assert_eq!(find(&folder.path().join("My Greeter")).unwrap(), std::slice::from_ref(&toml));
        assert_eq!(read(&toml).unwrap().program.unwrap().files, ["agent.js"]);
        assert!(read(&write(folder.path(), "1/agent.js", "")).is_err(), "1 is no name");
    }

    #[test]
    fn a_component_may_still_have_to_be_built() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "agent.toml", "name = \"a\"\nkind = \"code\"\ncode = \"out/a.wasm\"");
        assert_eq!(unbuilt(&path).as_deref(), Some("a"));
        write(folder.path(), "out/a.wasm", "");
        assert_eq!(unbuilt(&path), None);
        write(folder.path(), "agent.toml", "name = \"a\"\nkind = \"code\"\ncode = \"agent.js\"");
        assert_eq!(unbuilt(&path), None, "nobody builds it");
    }

    #[test]
    fn a_change_of_any_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "agent.toml", "name = \"a\"\nkind = \"code\"\ncode = \"agent.js\"");
        write(folder.path(), "agent.js", "import './b.js'");
        let broken = fingerprint(&path).unwrap();
        write(folder.path(), "b.js", "1");
        let whole = fingerprint(&path).unwrap();
        write(folder.path(), "b.js", "2");
        let changed = fingerprint(&path).unwrap();
        assert!(broken != whole && whole != changed);
        write(folder.path(), "unrelated.js", "");
        assert_eq!(fingerprint(&path).unwrap(), changed);
    }
}
