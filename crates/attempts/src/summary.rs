//! The page, read back: its rows, and how many there are of each category.

use std::fmt::Write as _;

use crate::page::path;
use crate::{CATEGORIES, Row};

/// What stands on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The attempts of all suites.
    pub rows: Vec<Row>,
    /// Its text.
    pub text: String,
}

/// The page of the tree.
///
/// # Errors
/// It cannot be read.
pub fn read() -> std::io::Result<Page> {
    Ok(of(&std::fs::read_to_string(path())?))
}

pub(crate) fn of(text: &str) -> Page {
    Page { rows: text.lines().filter_map(row).collect(), text: text.to_owned() }
}

impl Page {
    /// How many attempts there are by category.
    pub fn table(&self) -> String {
        let mut table = String::from("| Category | What is attacked | Attempts |\n|---|---|---|\n");
        for (category, what) in CATEGORIES {
            let count = self.rows.iter().filter(|row| row.category == category).count();
            let _ = writeln!(table, "| {category} | {what} | {count} |");
        }
        let _ = writeln!(table, "| **all** | | **{}** |", self.rows.len());
        table
    }
}

/// A line of a section's table; other tables have fewer columns.
fn row(line: &str) -> Option<Row> {
    let inside = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<String> = inside.split(" | ").map(uncell).collect();
    let [name, category, tried, expected, control] = <[String; 5]>::try_from(cells).ok()?;
    (name != "Attempt").then_some(Row { name, category, tried, expected, control })
}

/// A text within a table: characters that end a cell, or that a reader would not see, are written as escapes.
pub(crate) fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '|' => cell.push_str("&#124;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            c if c.is_control() => {
                let _ = write!(cell, "\\u{{{:x}}}", u32::from(c));
            }
            c => cell.push(c),
        }
    }
    cell
}

fn uncell(text: &str) -> String {
    text.replace("&#124;", "|").replace("&lt;", "<").replace("&gt;", ">")
}
