//! docs/reference/cli.md: what `--help` says, for every command.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::process;

/// The page.
pub(super) fn page(binary: &Path) -> Result<String> {
    let mut page =
        String::from("# The command line\n\nWritten by `cargo xtask docs` from `moltforge --help`; do not edit.\n");
    describe(binary, &mut Vec::new(), &mut page)?;
    Ok(page)
}

fn describe(binary: &Path, words: &mut Vec<String>, page: &mut String) -> Result<()> {
    let mut command = process::command(binary);
    command.args(words.iter()).arg("--help").env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MOLTFORGE_")) {
        command.env_remove(name);
    }
    let help = process::output(command)?;
    let help: Vec<_> = help.lines().map(str::trim_end).collect();
    let name = words.iter().fold("moltforge".to_owned(), |name, word| name + " " + word);
    let marks = if words.is_empty() { "##" } else { "###" };
    let _ = write!(page, "\n{marks} `{name}`\n\n```text\n{}\n```\n", help.join("\n"));
    for sub in commands(&help) {
        words.push(sub);
        describe(binary, words, page)?;
        words.pop();
    }
    Ok(())
}

/// The names in the section `Commands:`, without `help`.
fn commands(help: &[&str]) -> Vec<String> {
    let section = help.iter().skip_while(|line| **line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = section.filter_map(|line| {
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next()?;
        (name != "help").then(|| name.to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commands() {
        let help =
            ["Usage: x", "", "Commands:", "  dev     Start", "            and more", "  help    Print", "", "Options:"];
        assert_eq!(commands(&help), ["dev"]);
    }
}
