//! Fragile libraries have owners: the crates that may use them, named in the comment behind them in the root manifest.

use super::Finding;
use super::tree::{Section, Tree};

const RULE: &str = "owners";

/// A dependency whose line in `[workspace.dependencies]` ends with `# a, b` or `# a, b: why` is used by these alone.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let table = table(tree.text("Cargo.toml").unwrap_or_default());
    let owners = owners(table);
    let mut findings = Vec::new();
    for member in &tree.members {
        // a test may look at its subject with whatever it likes
        for (_, name, _) in member.dependencies().into_iter().filter(|(section, ..)| *section != Section::Dev) {
            if let Some((_, allowed)) = owners.iter().find(|(owned, _)| *owned == name)
                && !allowed.contains(&member.name.as_str())
            {
                let message = format!("{name} belongs to {} (the comment in the root manifest)", allowed.join(", "));
                findings.push(Finding::new(RULE, member.place(), message));
            }
        }
    }
    // the rule must not vanish with the comments
    for fragile in ["sqlx", "rusqlite", "genai", "reqwest", "maud", "governor"] {
        let named = table.lines().any(|line| line.split(' ').next() == Some(fragile));
        if named && !owners.iter().any(|(name, _)| *name == fragile) {
            findings.push(Finding::new(RULE, "Cargo.toml", format!("{fragile} has no owner: name it in a comment")));
        }
    }
    findings
}

fn table(manifest: &str) -> &str {
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    table.split("\n[").next().unwrap_or_default()
}

fn owners(table: &str) -> Vec<(&str, Vec<&str>)> {
    table
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once('=')?;
            let (_, comment) = rest.rsplit_once(" # ")?;
            let names = comment.split_once(':').map_or(comment, |(names, _)| names);
            Some((name.trim(), names.split(',').map(str::trim).collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    const ROOT: &str = "[workspace.dependencies]\nsqlx = \"1\" # store, testing: SQL\nrusqlite = \"1\" # store\n\
        genai = \"1\" # capabilities\nreqwest = \"1\" # egress\nmaud = \"1\" # dashboard\ngovernor = \"1\" # gateway\n";

    #[test]
    fn strangers_are_found() {
        let user = |name: &str| format!("[package]\nname = \"{name}\"\n[dependencies]\nsqlx.workspace = true\n");
        let find = |name| check(&sample(&[("Cargo.toml", ROOT), ("crates/x/Cargo.toml", &user(name))])).len();
        assert_eq!(find("moltforge-store"), 0);
        assert_eq!(find("moltforge-testing"), 0);
        assert_eq!(find("moltforge-agents"), 1);
    }

    #[test]
    fn an_owner_cannot_be_forgotten() {
        assert_eq!(check(&sample(&[("Cargo.toml", &ROOT.replace(" # gateway", ""))])).len(), 1);
    }
}
