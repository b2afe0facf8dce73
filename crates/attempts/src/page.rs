//! The page: found, compared, and written anew on request.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;

use crate::Row;
use crate::summary::{self, cell};

/// Set to write the page instead of comparing it.
const WRITE: &str = "MOLTFORGE_WRITE_PAGES";

/// Where the page is.
pub fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security-tests.md"))
}

/// Compares the rows of one suite with its section of the page. With `MOLTFORGE_WRITE_PAGES` set it writes them there.
///
/// # Panics
/// When they differ, a row lacks something, or two have one name: this is for tests.
pub fn check_page(suite: &str, rows: &[Row]) {
    for (at, row) in rows.iter().enumerate() {
        assert!(row.fault().is_none(), "{}", row.fault().unwrap_or_default());
        assert!(rows[..at].iter().all(|other| other.name != row.name), "two attempts are called {}", row.name);
    }
    let wanted = section(rows);
    if std::env::var_os(WRITE).is_some() {
        write(suite, &wanted);
        return;
    }
    let text = fs::read_to_string(path()).unwrap_or_else(|error| panic!("{}: {error}", path().display()));
    let found = between(&text, suite).unwrap_or_else(|| panic!("the page has no section for {suite}"));
    let advice =
        format!("docs/security-tests.md is not what {suite} tries; run its tests with {WRITE}=1 and commit it");
    assert_eq!(found.2, wanted, "{advice}");
}

fn section(rows: &[Row]) -> String {
    let mut text =
        String::from("| Attempt | Category | What is tried | What must happen | Control |\n|---|---|---|---|---|\n");
    for row in rows {
        let cells = [&row.name, &row.category, &row.tried, &row.expected, &row.control].map(|text| cell(text));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Where a section begins and ends, and its text.
pub(crate) fn between<'a>(text: &'a str, name: &str) -> Option<(usize, usize, &'a str)> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let begin = text.find(&begin)? + begin.len();
    let end = begin + text[begin..].find(&end)?;
    Some((begin, end, &text[begin..end]))
}

/// Tests of several suites may write at once.
fn write(suite: &str, section: &str) {
    let written = File::open(path()).and_then(|lock| {
        lock.lock()?;
        let mut text = fs::read_to_string(path())?;
        replace(&mut text, suite, section);
        let summary = summary::of(&text).table();
        replace(&mut text, "summary", &summary);
        fs::write(path(), text)
    });
    assert!(written.is_ok(), "{}: {written:?}", path().display());
}

fn replace(text: &mut String, name: &str, new: &str) {
    let place = between(text, name).map(|(begin, end, _)| begin..end);
    let place = place.unwrap_or_else(|| panic!("the page has no section for {name}"));
    text.replace_range(place, new);
}
