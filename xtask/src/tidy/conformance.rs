//! A statement without a test on both databases does not exist.

use super::Finding;
use super::manifests::mentions;
use super::tree::{Tree, without_tests};

const RULE: &str = "conformance";
const SOURCES: &str = "crates/store/src";
const SUITE: &str = "crates/store/tests/conformance";

/// Every `pub async fn` of a table's file in `store/src` is named in the suite's file of the same name.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.below(SOURCES, "rs") {
        let relative = file.path.strip_prefix(SOURCES).unwrap_or_default().trim_start_matches('/');
        let table = relative.trim_end_matches(".rs");
        let functions = functions(without_tests(&file.text));
        // what opens and drives the databases is exercised by every test there is
        if functions.is_empty() || !is_table(&file.text) {
            continue;
        }
        let suite = tree.text(&format!("{SUITE}/{table}.rs"));
        for function in functions {
            if !suite.is_some_and(|suite| mentions(suite, function)) {
                let message = format!("{function} is not named in {SUITE}/{table}.rs");
                findings.push(Finding::new(RULE, &file.path, message));
            }
        }
    }
    findings
}

/// A table's accessor borrows the store or a transaction: `impl Agents<'_>`.
fn is_table(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("impl ") && line.contains("<'_>") && !line.contains(" for "))
}

fn functions(text: &str) -> Vec<&str> {
    let starts = text.split("pub async fn ").skip(1);
    starts.filter_map(|rest| rest.split(['(', '<']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    #[test]
    fn a_function_without_a_test_is_found() {
        let source = ("crates/store/src/agents.rs", "impl Agents<'_> {\n pub async fn insert(&mut self) {}\n}");
        assert_eq!(check(&sample(&[source])).len(), 1);
        let suite = ("crates/store/tests/conformance/agents.rs", "tx.agents(p).insert(x)");
        assert_eq!(check(&sample(&[source, suite])), []);
        let other = ("crates/store/tests/conformance/agents.rs", "insert_many()");
        assert_eq!(check(&sample(&[source, other])).len(), 1);
    }
}
