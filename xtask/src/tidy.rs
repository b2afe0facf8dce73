//! `cargo xtask tidy`: the rules of the tree that no compiler knows. Also a test, so that nobody can forget it.
//!
//! A file per rule (that every statement has a conformance test is a test of the store itself). A rule reads the [`Tree`] and returns what breaks it; it never changes anything.

mod edges;
mod errors;
mod links;
mod manifests;
mod migrations;
mod owners;
mod sizes;
mod tree;
mod words;

use anyhow::{Result, bail};

pub(crate) use self::errors::status_line;
use self::tree::Tree;
use crate::workspace;

/// What breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    rule: &'static str,
    /// A file, relative to the root, possibly with `:line`.
    place: String,
    message: String,
}

impl Finding {
    fn new(rule: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, place: place.into(), message: message.into() }
    }
}

/// A rule's check.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [(&str, Rule); 8] = [
    ("edges", edges::check),
    ("manifests", manifests::check),
    ("owners", owners::check),
    ("sizes", sizes::check),
    ("migrations", migrations::check),
    ("errors", errors::check),
    ("words", words::check),
    ("links", links::check),
];

/// Checks the repository.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(&workspace::root())?;
    let mut count = 0;
    for (name, rule) in RULES {
        let findings = rule(&tree);
        println!("  {name:<12} {}", if findings.is_empty() { "ok".to_owned() } else { findings.len().to_string() });
        for finding in &findings {
            println!("    {}: {} [{}]", finding.place, finding.message, finding.rule);
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("{count} findings");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_rules() {
        let tree = Tree::read(&workspace::root()).unwrap();
        let findings: Vec<_> = RULES.iter().flat_map(|(_, rule)| rule(&tree)).collect();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
