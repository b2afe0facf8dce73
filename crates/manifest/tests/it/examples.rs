//! The sample agents in `examples/` are good, and survive being written and read again.

use std::path::{Path, PathBuf};

use moltforge_manifest::{canonical_json, check, parse_toml, render, to_toml};

fn agent_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let folders = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = folders.filter(|path| path.is_dir()).map(|path| path.join("agent.toml")).collect();
    files.sort();
    files
}

#[test]
fn every_example_is_good_and_has_a_readme() {
    let files = agent_files();
    assert!(files.len() >= 5, "{files:?}");
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let config =
            parse_toml(&source).unwrap_or_else(|found| panic!("{}", render(&path.to_string_lossy(), &source, &found)));
        let folder = path.parent().unwrap();
        assert_eq!(config.name, folder.file_name().unwrap().to_string_lossy(), "the folder is named after the agent");
        assert!(std::fs::read_to_string(folder.join("README.md")).unwrap().lines().count() >= 5);
        assert_eq!(check(&config), []);
        let again = parse_toml(&to_toml(&config)).unwrap();
        assert_eq!(canonical_json(&again), canonical_json(&config));
    }
}
