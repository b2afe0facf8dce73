//! A function of the store without a conformance test does not pass.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// `src/agents.rs` and `src/agents/*.rs` are proved in `tests/conformance/agents.rs` (and `agents/`).
#[test]
fn every_function_is_named_in_its_tables_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    let mut missing = Vec::new();
    let mut seen = 0;
    for source in sources {
        let inside = source.strip_prefix(root.join("src")).unwrap();
        let table = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let mut suites = vec![root.join("tests/conformance").join(format!("{table}.rs"))];
        if root.join("tests/conformance").join(&table).is_dir() {
            files(&root.join("tests/conformance").join(&table), &mut suites);
        }
        let suite: String = suites.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
        let text = fs::read_to_string(&source).unwrap();
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("pub async fn ") else { continue };
            seen += 1;
            let name = rest.split(['(', '<']).next().unwrap();
            if !suite.contains(&format!("{name}(")) {
                missing.push(format!("{}: {name}, in tests/conformance/{table}.rs", inside.display()));
            }
        }
    }
    assert!(seen > 20, "the source was not read");
    assert!(missing.is_empty(), "not tested:\n{}", missing.join("\n"));
}
