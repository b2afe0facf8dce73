//! Dependencies come from the workspace's table, and each of them is used.

use toml::Value;

use super::Finding;
use super::tree::{Section, Tree};

const RULE: &str = "manifests";

/// `name.workspace = true` and nothing else; a dev-dependency may add features. A name that no source file mentions
/// is found too.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &tree.members {
        let sources: Vec<_> = tree.below(&member.folder, "rs").collect();
        for (section, name, value) in member.dependencies() {
            if !from_workspace(section, value) {
                let message =
                    format!("{name} must read `{name}.workspace = true`: version and features stand in the root");
                findings.push(Finding::new(RULE, member.place(), message));
            }
            let ident = name.replace('-', "_");
            if !sources.iter().any(|source| mentions(&source.text, &ident)) {
                findings.push(Finding::new(RULE, member.place(), format!("{name} is not used by {}", member.name)));
            }
        }
    }
    findings
}

fn from_workspace(section: Section, value: &Value) -> bool {
    let Some(table) = value.as_table() else { return false };
    let known = |key: &str| key == "workspace" || key == "optional" || (section == Section::Dev && key == "features");
    table.get("workspace").and_then(Value::as_bool) == Some(true) && table.keys().all(|key| known(key))
}

/// Whether `ident` stands in `text` as a word of its own.
pub(crate) fn mentions(text: &str, ident: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(ident).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part) && !text[at + ident.len()..].chars().next().is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    #[test]
    fn versions_and_unused_names_are_found() {
        let find = |dependency: &str, source: &str| {
            let manifest = format!("[package]\nname = \"x\"\n[dependencies]\n{dependency}\n");
            check(&sample(&[("crates/x/Cargo.toml", &manifest), ("crates/x/src/lib.rs", source)])).len()
        };
        assert_eq!(find("url.workspace = true", "use url::Url;"), 0);
        assert_eq!(find("url = \"2\"", "use url::Url;"), 1);
        assert_eq!(find("url = { workspace = true, features = [\"serde\"] }", "use url::Url;"), 1);
        assert_eq!(find("url.workspace = true", "use curl::Url;"), 1);
    }
}
