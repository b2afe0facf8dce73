//! A command line that cannot be understood: said as clap says it, or as the JSON document of any failure.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::builder::Resettable;
use clap::error::ErrorKind;

use super::Cli;
use crate::Error;
use crate::output::{Exit, Failure, Format, Output};

/// Says what is wrong, or prints the help or version that was asked for.
pub(super) fn report(error: clap::Error, words: &[OsString]) -> u8 {
    let exit = u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code());
    if !error.use_stderr() {
        // clap knows the colour
        let _ = error.print();
        return exit;
    }
    let error = without_variables(words).unwrap_or(error);
    let variable = std::env::var("MOLTFORGE_OUTPUT").unwrap_or_default();
    if wants_json(words, &variable) {
        Output::new(Format::Json).failure(&failure(&error));
    } else {
        let _ = error.print();
    }
    exit
}

/// The same error without the environment: clap's usage line shows what a variable sets as if it were required. Nothing
/// when a variable is what is wrong.
fn without_variables(words: &[OsString]) -> Option<clap::Error> {
    fn strip(command: clap::Command) -> clap::Command {
        command.mut_args(|argument| argument.env(Resettable::Reset)).mut_subcommands(strip)
    }
    strip(Cli::command()).try_get_matches_from(words).err().filter(clap::Error::use_stderr)
}

/// Whether JSON is asked for, as far as that can be seen: the last one counts.
fn wants_json(words: &[OsString], variable: &str) -> bool {
    let words: Vec<_> =
        words.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--").collect();
    let mut format = variable.to_owned();
    for (index, word) in words.iter().enumerate() {
        let value = match word.as_ref() {
            "-o" | "--output" => words.get(index + 1).map(AsRef::as_ref),
            word => word.strip_prefix("--output=").or_else(|| short(word)),
        };
        if let Some(value) = value {
            value.clone_into(&mut format);
        }
    }
    format == "json"
}

/// `-ojson` and `-o=json`.
fn short(word: &str) -> Option<&str> {
    let value = word.strip_prefix("-o")?;
    Some(value.strip_prefix('=').unwrap_or(value))
}

/// In the words of clap: what is wrong, then tips and what may be typed.
fn failure(error: &clap::Error) -> Failure {
    let (message, hint) = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        ("a command is missing".to_owned(), "`--help` lists the commands".to_owned())
    } else {
        let text = error.render().to_string();
        let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
        (joined(message.strip_prefix("error: ").unwrap_or(message), " "), joined(rest, "; "))
    };
    Failure::new("understand the command line".to_owned(), &Error::Usage { message, hint })
}

/// The lines that say something, as one.
fn joined(text: &str, by: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_wherever_it_stands() {
        let wants = |line: &str, variable| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            wants_json(&words, variable)
        };
        for json in
            ["m -o json x", "m x --output json", "m x --output=json", "m -ojson", "m -o=json", "m -o table -o json"]
        {
            assert!(wants(json, ""), "{json}");
        }
        for table in ["m x", "m -o table", "m -o json -o table", "m x -- -o json", "m -o", "m json"] {
            assert!(!wants(table, ""), "{table}");
        }
        assert!(wants("m x", "json") && !wants("m -o table", "json"));
    }
}
