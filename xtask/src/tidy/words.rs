//! Texts that must not stand in the tree.

use super::Finding;
use super::tree::{Tree, is_test, without_tests};

const RULE: &str = "words";

/// Registries and mirrors: where packages come from is the machine's own setting. In halves, so that this file keeps
/// its own rule.
const HOSTS: [[&str; 2]; 8] = [
    ["crates", ".io"],
    ["registry.npm", "js.org"],
    ["npm", "js.com"],
    ["pypi", ".org"],
    ["files.python", "hosted.org"],
    ["deb.deb", "ian.org"],
    ["security.deb", "ian.org"],
    ["proxy.gol", "ang.org"],
];

/// What a finished change does not hold.
const LEFTOVERS: [[&str; 2]; 5] =
    [["todo", "!("], ["unimplement", "ed!("], ["dbg", "!("], ["TO", "DO:"], ["FIX", "ME"]];

/// Waiting by the clock in a test is a race that somebody will lose.
const SLEEPS: [[&str; 2]; 2] = [["thread::", "sleep("], ["time::", "sleep("]];

/// A line with this comment, or the line below it, may wait; the reason follows.
const REAL_WAIT: &str = "// a real wait: ";

/// Looks at every line of every file. The lock files name their registry by themselves.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json") {
            continue;
        }
        let rust = file.is("rs");
        let tests_from = if is_test(&file.path) { 0 } else { without_tests(&file.text).lines().count() };
        let mut before = "";
        for (index, line) in file.text.lines().enumerate() {
            let mut report = |found: &[&str; 2], message: &str| {
                let text = found.concat();
                findings.push(Finding::new(
                    RULE,
                    format!("{}:{}", file.path, index + 1),
                    format!("`{text}`: {message}"),
                ));
            };
            for host in HOSTS.iter().filter(|host| line.contains(&host.concat())) {
                report(host, "no registry's host name stands in the tree");
            }
            if rust {
                for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(&leftover.concat())) {
                    report(leftover, "finish it, or write an issue");
                }
                let excused = line.contains(REAL_WAIT) || before.contains(REAL_WAIT);
                if index >= tests_from && !excused {
                    for sleep in SLEEPS.iter().filter(|sleep| line.contains(&sleep.concat())) {
                        report(sleep, "wait for the thing itself, or say why in `// a real wait: ...`");
                    }
                }
            }
            before = line;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    fn find(path: &str, text: &str) -> usize {
        check(&sample(&[(path, text)])).len()
    }

    #[test]
    fn host_names_are_found() {
        assert_eq!(find("README.md", &format!("see https://{}/x", HOSTS[0].concat())), 1);
        assert_eq!(find("Cargo.lock", &HOSTS[0].concat()), 0);
        assert_eq!(find("crates/x/tools/Cargo.lock", &HOSTS[0].concat()), 0);
    }

    #[test]
    fn sleeps_are_found_in_tests_only() {
        let sleep = SLEEPS[0].concat();
        assert_eq!(find("crates/x/src/a.rs", &sleep), 0);
        assert_eq!(find("crates/x/tests/a.rs", &sleep), 1);
        assert_eq!(find("crates/x/src/a.rs", &format!("fn a() {{}}\n\n#[cfg(test)]\nmod tests {{\n{sleep}\n}}")), 1);
        assert_eq!(find("crates/x/tests/a.rs", &format!("// a real wait: the kernel's timer\n{sleep}")), 0);
    }

    #[test]
    fn leftovers_are_found() {
        assert_eq!(find("crates/x/src/a.rs", &LEFTOVERS[0].concat()), 1);
    }
}
