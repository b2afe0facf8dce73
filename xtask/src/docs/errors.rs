//! docs/reference/errors.md: every code with its status and its first sentence.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

use crate::tidy::status_line;
use crate::workspace;

/// The page.
pub(super) fn page() -> Result<String> {
    let folder = workspace::root().join("docs/errors");
    let mut pages: Vec<_> =
        fs::read_dir(&folder).context("list docs/errors")?.flatten().map(|entry| entry.path()).collect();
    pages.sort();
    let mut index = String::from(
        "# Error codes\n\nWritten by `cargo xtask docs` from `docs/errors/`; do not edit. A running server shows each page \
         at\n`/docs/errors/<code>`, the command line with `moltforge explain <code>`.\n\n| Code | Sent as | Meaning |\n\
         |---|---|---|\n",
    );
    for path in pages.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(path)?;
        let code = path.file_stem().unwrap_or_default().to_string_lossy();
        let status = status_line(&text).unwrap_or_default().trim_matches(['*', '_', '`', '.', ' ']);
        let status = status.split(['.', ',', ';', ':', '(']).next().unwrap_or_default().trim();
        let _ = writeln!(index, "| [`{code}`](../errors/{code}.md) | {status} | {} |", meaning(&text));
    }
    Ok(index)
}

/// The first sentence of the first paragraph that is neither title nor status.
fn meaning(page: &str) -> String {
    let status = status_line(page);
    let paragraphs = page.split("\n\n").map(str::trim).filter(|text| !text.is_empty() && !text.starts_with('#'));
    let prose =
        paragraphs.map(|text| text.lines().filter(|line| Some(line.trim()) != status).collect::<Vec<_>>().join(" "));
    let first = prose.map(|text| text.trim().to_owned()).find(|text| !text.is_empty()).unwrap_or_default();
    let end = first.find(". ").map_or(first.len(), |at| at + 1);
    first[..end].replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence() {
        let page = "# name_taken\n\nHTTP 409\n\nAnother agent has this name.\nTake another. Or not.\n";
        assert_eq!(meaning(page), "Another agent has this name.");
    }
}
