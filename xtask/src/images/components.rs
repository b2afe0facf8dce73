//! Components in Rust that tests deploy, built and kept: what `moltforge init --template rust` writes, an example, and an
//! agent that tries everything. Our machines have no `wasm32-wasip2`, so they are compiled without a system
//! (`wasm32-unknown-unknown`) and made components by our tools.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::build::{Tools, rust_module};
use super::work;
use crate::workspace;

/// What stands for all of them among the images.
pub(super) const NAME: &str = "components";

/// One of them.
struct Source {
    name: &'static str,
    /// Files of the tree, and what they are called where they are compiled.
    files: &'static [(&'static str, &'static str)],
    /// Where it is kept.
    kept: &'static str,
}

const SOURCES: [Source; 3] = [
    Source {
        name: "agent_guest",
        files: &[
            ("crates/sandbox/guests/agent/Cargo.toml", "Cargo.toml"),
            ("crates/sandbox/guests/agent/wasi.wit", "wasi.wit"),
            ("crates/sandbox/guests/agent/src", "src"),
        ],
        kept: "crates/sandbox/tests/components/agent.wasm",
    },
    Source {
        name: "surveyor",
        files: &[("examples/surveyor/Cargo.toml", "Cargo.toml"), ("examples/surveyor/src", "src")],
        kept: "crates/moltforge/tests/components/surveyor.wasm",
    },
    Source {
        name: "agent",
        files: &[
            ("crates/moltforge/templates/rust/Cargo.toml.txt", "Cargo.toml"),
            ("crates/moltforge/templates/rust/agent.rs", "src/lib.rs"),
        ],
        kept: "crates/moltforge/tests/components/template.wasm",
    },
];

/// The versions of dependencies that all of them are built with.
const LOCK: &str = "crates/sandbox/guests/agent/Cargo.lock";

/// Builds all; keeps them, or says which are not what is kept.
pub(super) fn run(tools: &Tools, check: bool) -> Result<Vec<String>> {
    let mut different = Vec::new();
    for source in &SOURCES {
        let built = source.build(tools)?;
        let kept = workspace::root().join(source.kept);
        let bytes = fs::read(&built).with_context(|| format!("read {}", built.display()))?;
        println!("  {}: {} bytes", source.kept, bytes.len());
        if !check {
            fs::write(&kept, bytes).with_context(|| format!("write {}", kept.display()))?;
        } else if fs::read(&kept).ok() != Some(bytes) {
            different.push(source.kept.to_owned());
        }
    }
    Ok(different)
}

impl Source {
    fn build(&self, tools: &Tools) -> Result<PathBuf> {
        // with the SDK inside, as a template has it: where the tree lies must not be seen in what is built
        let folder = work().join("components").join(self.name);
        if folder.try_exists()? {
            fs::remove_dir_all(&folder)?;
        }
        let root = workspace::root();
        let sdk =
            [("sdk/rust/Cargo.toml", "sdk/rust/Cargo.toml"), ("sdk/rust/src", "sdk/rust/src"), ("sdk/wit", "sdk/wit")];
        for (from, to) in self.files.iter().chain(&sdk).chain(&[(LOCK, "Cargo.lock")]) {
            copy(&root.join(from), &folder.join(to))?;
        }
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        let line = |line: &str| {
            let own =
                if line.starts_with("moltforge-agent = ") { "moltforge-agent = { path = \"sdk/rust\" }" } else { line };
            format!("{own}\n")
        };
        fs::write(&manifest, text.lines().map(line).collect::<String>())?;
        // the lock file is of another package with the same dependencies, and loses what this one does not need
        let module = rust_module(&folder, self.name, &["--offline"])?;
        let component = work().join(format!("{}.component.wasm", self.name));
        tools.component(&module, &component)?;
        Ok(component)
    }
}

/// A file, or a folder with what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop).with_context(|| format!("copy {}", from.display()))
}
