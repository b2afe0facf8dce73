//! Diagnostics for people: the place, the line, a caret under what is wrong.

use std::fmt::{self, Write as _};

use crate::diagnostic::Diagnostic;

/// The longest part of a source line that is shown, in characters.
const MAX_LINE: usize = 160;

/// One diagnostic with its line of source, in parts, so that a terminal can colour them. `Display` prints them plain:
///
/// ```text
/// agent.toml:3:1: unknown field `modle`, did you mean `model`? allowed here: ...
///   |
/// 3 | modle = "scripted"
///   | ^^^^^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// `file:line:column`, or the file alone when there is no place.
    pub location: String,
    /// What is wrong.
    pub message: String,
    /// The line's number and text, without control characters; absent when there is no place.
    pub line: Option<(u32, String)>,
    /// How many characters of the shown line stand before the caret.
    pub indent: usize,
    /// How many characters the caret underlines, at least 1.
    pub width: usize,
}

impl Snippet {
    /// The snippet of `diagnostic` in `source`, which was read from `file`.
    pub fn new(file: &str, source: &str, diagnostic: &Diagnostic) -> Self {
        let message = diagnostic.message.clone();
        let (Some(number), Some(column)) = (diagnostic.line, diagnostic.column) else {
            let location =
                if diagnostic.pointer.is_empty() { file.to_owned() } else { format!("{file}: {}", diagnostic.pointer) };
            return Self { location, message, line: None, indent: 0, width: 1 };
        };
        let text = source.split('\n').nth(number.saturating_sub(1) as usize).unwrap_or("").trim_end_matches('\r');
        let text = text.trim_start_matches('\u{feff}');
        let before = (column.saturating_sub(1)) as usize;
        // a very long line is shown around its caret
        let skip = if before + 20 > MAX_LINE { before.saturating_sub(40) } else { 0 };
        let shown: String = text.chars().skip(skip).take(MAX_LINE).map(visible).collect();
        let indent = before - skip;
        let width = (diagnostic.width as usize).min(shown.chars().count().saturating_sub(indent)).max(1);
        Self { location: format!("{file}:{number}:{column}"), message, line: Some((number, shown)), indent, width }
    }
}

/// A character that keeps a terminal as it is: one column, no control over it, no change of direction.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)?;
        if let Some((number, text)) = &self.line {
            let gutter = " ".repeat(number.to_string().len());
            let carets = "^".repeat(self.width);
            write!(f, "\n{gutter} |\n{number} | {text}\n{gutter} | {}{carets}", " ".repeat(self.indent))?;
        }
        Ok(())
    }
}

/// All diagnostics as plain text, one snippet after the other, separated by empty lines and ended by a newline.
pub fn render(file: &str, source: &str, diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for (at, diagnostic) in diagnostics.iter().enumerate() {
        let space = if at == 0 { "" } else { "\n" };
        // writing to a String cannot fail
        let _ = writeln!(text, "{space}{}", Snippet::new(file, source, diagnostic));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32, width: u32) -> Diagnostic {
        let place = (Some(line), Some(column));
        Diagnostic { pointer: String::new(), message: "wrong".to_owned(), line: place.0, column: place.1, width }
    }

    #[test]
    fn a_caret_stands_under_the_place() {
        let text = render("a.toml", "x = 1\n\tmodle = 2\r\n", &[at(2, 2, 5)]);
        assert_eq!(text, "a.toml:2:2: wrong\n  |\n2 |  modle = 2\n  |  ^^^^^\n");
    }

    #[test]
    fn no_place_no_line() {
        let text = render("a.toml", "", &[Diagnostic::unplaced("/name", "wrong"), Diagnostic::unplaced("", "more")]);
        assert_eq!(text, "a.toml: /name: wrong\n\na.toml: more\n");
    }

    #[test]
    fn hostile_lines_cannot_touch_the_terminal() {
        let long = format!("{}\u{1b}[2J\u{202e}", "a".repeat(500));
        let shown = render("a.toml", &long, &[at(1, 501, 9)]);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']));
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        render("a.toml", "", &[at(1, 1, 1), at(9, 9, 9)]);
    }
}
