//! Small files with one subject.

use super::Finding;
use super::tree::{Tree, is_test};

const RULE: &str = "sizes";
const SOURCE_LINES: usize = 600;
const TEST_LINES: usize = 800;

/// No source file over 600 lines, no test over 800, modules as `foo.rs` + `foo/`.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is("rs")) {
        let limit = if is_test(&file.path) { TEST_LINES } else { SOURCE_LINES };
        let lines = file.text.lines().count();
        if lines > limit {
            let message = format!("{lines} lines, at most {limit}: which are its two subjects?");
            findings.push(Finding::new(RULE, &file.path, message));
        }
        if file.path.ends_with("/mod.rs") {
            findings.push(Finding::new(
                RULE,
                &file.path,
                "name the file after its module and put it beside the folder",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    #[test]
    fn long_files_and_mod_rs_are_found() {
        let lines = |count: usize| "//\n".repeat(count);
        let find = |path: &str, count| check(&sample(&[(path, &lines(count))])).len();
        assert_eq!((find("crates/x/src/a.rs", 600), find("crates/x/src/a.rs", 601)), (0, 1));
        assert_eq!((find("crates/x/tests/a.rs", 800), find("crates/x/src/a/tests.rs", 801)), (0, 1));
        assert_eq!(find("crates/x/src/a/mod.rs", 1), 1);
    }
}
