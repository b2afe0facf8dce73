//! Reading the page.
//!
//! - In a block of the language `console`, a line that begins with `$ ` is a command, one that begins with `> ` goes on
//!   with it, all others are what is seen.
//! - A block of any other language below a line `<!-- file: PATH -->` is written to that file.
//! - `<!-- exit: N -->` above a block says with which status its last command ends.
//! - `<!-- unseen -->` above a block: it is not typed (a picture of a screen).

use anyhow::{Result, bail};

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Type it.
    Command(Command),
    /// Write it.
    File {
        /// Relative to the session's folder.
        path: String,
        /// The whole content.
        text: String,
    },
}

/// A command and what the page says about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// What is typed.
    pub text: String,
    /// What is seen.
    pub expected: String,
    /// With which status it ends.
    pub status: i32,
    /// The line of the page.
    pub line: usize,
}

/// The page's steps in order. A page without commands is an error.
pub(super) fn steps(page: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut note = "";
    while let Some((_, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|(_, line)| !line.starts_with("```")).collect();
            match (language.trim(), marked(note, "file")) {
                _ if note == "<!-- unseen -->" => {}
                (_, Some(path)) => {
                    let text = block.iter().flat_map(|(_, line)| [*line, "\n"]).collect();
                    steps.push(Step::File { path: path.to_owned(), text });
                }
                ("console", None) => steps.extend(commands(&block, note)?),
                _ => {}
            }
        }
        if !line.trim().is_empty() {
            note = line.trim();
        }
    }
    if !steps.iter().any(|step| matches!(step, Step::Command(_))) {
        bail!("the page has no command");
    }
    Ok(steps)
}

fn commands(block: &[(usize, &str)], note: &str) -> Result<Vec<Step>> {
    let mut commands: Vec<Command> = Vec::new();
    for (index, line) in block {
        if let Some(text) = line.strip_prefix("$ ") {
            commands.push(Command { text: text.to_owned(), expected: String::new(), status: 0, line: index + 1 });
            continue;
        }
        let Some(command) = commands.last_mut() else { bail!("line {}: a console block begins with `$ `", index + 1) };
        if let (Some(more), true) = (line.strip_prefix("> "), command.expected.is_empty()) {
            command.text.push('\n');
            command.text.push_str(more);
        } else {
            command.expected.push_str(line);
            command.expected.push('\n');
        }
    }
    if let (Some(status), Some(last)) = (marked(note, "exit"), commands.last_mut()) {
        last.status = status.parse()?;
    }
    Ok(commands.into_iter().map(Step::Command).collect())
}

/// The value of `<!-- name: value -->`.
fn marked<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let inside = line.strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    Some(inside.strip_prefix(name)?.strip_prefix(':')?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n<!-- file: a/b.toml -->\n```toml\nx = 1\n```\n\n<!-- exit: 3 -->\n```console\n\
        $ one \\\n> two\nseen\n$ three\n```\n\n<!-- unseen -->\n```console\n$ never\n```\n\n```sh\nnor this\n```\n";

    #[test]
    fn blocks_are_read_as_the_page_says() {
        let steps = steps(PAGE).unwrap();
        let command = |text: &str, expected: &str, status, line| {
            Step::Command(Command { text: text.to_owned(), expected: expected.to_owned(), status, line })
        };
        let file = Step::File { path: "a/b.toml".to_owned(), text: "x = 1\n".to_owned() };
        assert_eq!(steps, [file, command("one \\\ntwo", "seen\n", 0, 10), command("three", "", 3, 13)]);
    }

    #[test]
    fn a_page_without_commands_is_refused() {
        assert!(steps("# Page\n").is_err());
        assert!(steps("```console\nno prompt\n```\n").is_err());
    }
}
