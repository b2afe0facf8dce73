//! Two databases, one sequence of migrations.

use super::Finding;
use super::tree::Tree;

const RULE: &str = "migrations";
const FOLDER: &str = "crates/store/migrations";

/// Both trees hold the same names; the numbers run from 0001 without gaps.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sqlite = names(tree, "sqlite");
    let postgres = names(tree, "postgres");
    for (mine, theirs, other) in [(&sqlite, &postgres, "postgres"), (&postgres, &sqlite, "sqlite")] {
        for name in mine.iter().filter(|name| !theirs.contains(name)) {
            let message = "is missing; a step that this database does not need holds one comment that says so";
            findings.push(Finding::new(RULE, format!("{FOLDER}/{other}/{name}"), message));
        }
    }
    for (index, name) in sqlite.iter().enumerate() {
        if !name.starts_with(&format!("{:04}_", index + 1)) {
            let message = format!("expected number {:04}: numbers run without gaps", index + 1);
            findings.push(Finding::new(RULE, format!("{FOLDER}/sqlite/{name}"), message));
        }
    }
    findings
}

fn names<'a>(tree: &'a Tree, database: &str) -> Vec<&'a str> {
    let folder = format!("{FOLDER}/{database}/");
    let files = tree.files.iter().filter(|file| file.is("sql"));
    files.filter_map(|file| file.path.strip_prefix(&folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    #[test]
    fn differing_trees_and_gaps_are_found() {
        let find = |names: &[(&str, &str)]| {
            let paths: Vec<_> = names.iter().map(|(db, name)| format!("{FOLDER}/{db}/{name}")).collect();
            let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "")).collect();
            check(&sample(&files)).len()
        };
        assert_eq!(find(&[("sqlite", "0001_a.sql"), ("postgres", "0001_a.sql")]), 0);
        assert_eq!(find(&[("sqlite", "0001_a.sql"), ("postgres", "0001_b.sql")]), 2);
        assert_eq!(find(&[("sqlite", "0002_a.sql"), ("postgres", "0002_a.sql")]), 1);
    }
}
