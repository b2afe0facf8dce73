//! Documents point at things that exist.

use super::Finding;
use super::tree::Tree;
use crate::workspace;

const RULE: &str = "links";

/// Every relative link of a Markdown file leads to a file or a folder.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is("md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in targets(&file.text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let found = normal(folder, path).is_some_and(|path| {
                workspace::root().join(&path).try_exists().unwrap_or(false) || tree.text(&path).is_some()
            });
            if !found {
                let place = format!("{}:{line}", file.path);
                findings.push(Finding::new(RULE, place, format!("the link to {target} leads nowhere")));
            }
        }
    }
    findings
}

/// The targets of `[text](target)` outside code, with their lines.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // the odd parts between backticks are code
        for prose in line.split('`').step_by(2) {
            let links = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
            found.extend(links.map(|target| (index + 1, target)));
        }
    }
    found
}

/// `folder/path` without `.` and `..`; nothing when it leads out of the repository.
fn normal(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    #[test]
    fn a_link_to_nowhere_is_found() {
        let find = |text: &str| check(&sample(&[("docs/a.md", text), ("docs/b.md", "")])).len();
        assert_eq!(find("[b](b.md) [b](../docs/b.md#x) [out](https://example.com) [here](#x)"), 0);
        assert_eq!(find("[c](no-such.md)"), 1);
        assert_eq!(find("[c](../../b.md)"), 1);
        assert_eq!(find("`[c](no-such.md)`\n```\n[c](no-such.md)\n```"), 0);
    }
}
