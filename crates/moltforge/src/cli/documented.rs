//! Every command that the documentation names can be typed: it exists, with these options and so many arguments.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::Cli;

/// The pages that people copy from. `docs/reference` is made of the commands themselves.
fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("reference") {
                pages(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// What follows `moltforge` in code: in a line of a block, or between backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut pieces = text.split('`');
    // every second piece is between backticks; a block's fence has three of them and starts a piece of its own
    while let (Some(outside), inside) = (pieces.next(), pieces.next()) {
        let lines = outside.lines().chain(inside.unwrap_or_default().lines());
        found.extend(lines.filter_map(|line| line.trim().strip_prefix("moltforge ")).map(str::to_owned));
    }
    found.retain(|command| command.starts_with(|first: char| first.is_ascii_lowercase() || first == '-'));
    found
}

/// Words as a shell splits them, up to a comment or the next command.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    let end = words.iter().position(|word| matches!(word.as_str(), "#" | "|" | "&" | "&&" | ">" | ";"));
    words.truncate(end.unwrap_or(words.len()));
    words.retain(|word| !word.is_empty());
    words
}

fn check(words: &[String]) -> Result<(), String> {
    let root = Cli::command();
    let mut command = &root;
    let mut given = 0;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let word = word.trim_matches(['[', ']']);
        let all = || command.get_arguments().chain(root.get_arguments());
        if let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) {
            let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
            let fits = |arg: &&clap::Arg| {
                arg.get_long() == Some(name) || arg.get_short().is_some_and(|short| name == short.to_string())
            };
            let Some(arg) = all().find(fits).filter(|_| name != "help") else {
                if matches!(name, "help" | "h" | "version" | "V") {
                    continue;
                }
                return Err(format!("no option {word} of {}", command.get_name()));
            };
            if arg.get_action().takes_values() && !option.contains('=') {
                rest.next();
            }
        } else if let Some(sub) = command.find_subcommand(word) {
            (command, given) = (sub, 0);
        } else if word == "..." || word == "…" {
            return Ok(());
        } else {
            given += 1;
            let taken = command.get_positionals().count();
            if given > taken {
                return Err(format!("{} takes {taken} arguments and has no command {word}", command.get_name()));
            }
        }
    }
    Ok(())
}

#[test]
fn what_the_documentation_names_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![root.join("README.md"), root.join("crates/moltforge/src/output/hints.rs")];
    pages(&root.join("docs"), &mut files);
    pages(&root.join("examples"), &mut files);
    let (mut seen, mut faults) = (0, Vec::new());
    for file in files {
        for command in commands(&fs::read_to_string(&file).unwrap()) {
            seen += 1;
            if let Err(fault) = check(&words(&command)) {
                faults.push(format!("{}: moltforge {command}: {fault}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen > 100, "{seen} commands seen");
}
