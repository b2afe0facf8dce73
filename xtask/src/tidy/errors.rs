//! Every error code has its page, every page its code.
//!
//! A code is a `snake_case` text in one of these places: the body of `Fault::code`, the first argument of
//! `ErrorInfo::new`, of `ModelError`'s constructors or of the engine's `failed`, a field `code: "..."`, a constant whose name ends with `_CODE`.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::{Tree, is_test, without_tests};

const RULE: &str = "errors";
const PAGES: &str = "docs/errors/";

/// Codes without a page, pages without a code, pages without a title or a status line.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let codes = codes(tree);
    let mut findings = Vec::new();
    for (code, place) in &codes {
        if tree.text(&format!("{PAGES}{code}.md")).is_none() {
            findings.push(Finding::new(RULE, place, format!("{code} has no page {PAGES}{code}.md")));
        }
    }
    let pages = tree.files.iter().filter_map(|file| {
        let name = file.path.strip_prefix(PAGES)?.strip_suffix(".md")?;
        (name != "README").then_some((name, file))
    });
    for (name, page) in pages {
        if !codes.contains_key(name) {
            findings.push(Finding::new(RULE, &page.path, format!("no source file has the code {name}")));
        }
        if page.text.lines().next() != Some(&format!("# {name}")) {
            findings.push(Finding::new(RULE, &page.path, format!("the first line must be `# {name}`")));
        }
        if status_line(&page.text).is_none() {
            let message = "needs one line of its own: `HTTP 409`, or `not sent over HTTP`";
            findings.push(Finding::new(RULE, &page.path, message));
        }
    }
    findings
}

/// The line of a page that says how the code travels.
pub(crate) fn status_line(page: &str) -> Option<&str> {
    let plain = |line: &'_ str| line.trim_matches(['*', '_', '`', '.', ' ']).len();
    page.lines().map(str::trim).find(|line| {
        let text = line.trim_matches(['*', '_', '`', '.', ' ']);
        plain(line) > 0 && (text.to_lowercase().starts_with("not sent over http") || is_status(text))
    })
}

fn is_status(text: &str) -> bool {
    text.strip_prefix("HTTP ").is_some_and(|rest| rest.bytes().take(3).filter(u8::is_ascii_digit).count() == 3)
}

/// Every code with the first place where it stands.
pub(crate) fn codes(tree: &Tree) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for file in tree.below("crates", "rs").filter(|file| !is_test(&file.path) && !file.path.contains("/testing/")) {
        for code in codes_of(without_tests(&file.text)) {
            codes.entry(code.to_owned()).or_insert_with(|| file.path.clone());
        }
    }
    codes
}

fn codes_of(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fn code(") {
        // other things have codes too
        let owner = text[..at].lines().rfind(|line| line.starts_with("impl")).unwrap_or_default();
        if owner.contains("Fault for ") {
            found.extend(strings(block(&text[at..])));
        }
    }
    let openings = ["ErrorInfo::new(", "Error::permanent(", "Error::transient(", "failed(", "code: ", "_CODE: &str = "];
    for opening in openings {
        for (at, _) in text.match_indices(opening) {
            let rest = text[at + opening.len()..].trim_start();
            if let Some(literal) = rest.strip_prefix('"') {
                found.extend(literal.split('"').next());
            }
        }
    }
    found.retain(|code| is_code(code));
    found
}

/// The text from the first `{` to its `}`.
fn block(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[..at],
            '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

fn strings(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

fn is_code(text: &str) -> bool {
    text.len() >= 3
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    const SOURCE: &str = "impl Fault for Error {\n fn code(&self) -> &'static str {\n match self { Self::A => \"name_taken\", \
        Self::B(e) => e.code() }\n}\n}\nimpl Flash {\nfn code(&self) -> &str { \"started\" }\nlet x = ErrorInfo::new(\n    \"turn_limit\", \"it \
        took more than\");\nErr(E { code: \"cut_off\", message })\nconst SLOW_CODE: &str = \"too_slow\";\n\n\
        #[cfg(test)]\nmod tests { ErrorInfo::new(\"only_a_test\", x) }";

    #[test]
    fn codes_are_found_where_they_stand() {
        let tree = sample(&[("crates/x/src/error.rs", SOURCE)]);
        let codes: Vec<_> = codes(&tree).into_keys().collect();
        assert_eq!(codes, ["cut_off", "name_taken", "too_slow", "turn_limit"]);
    }

    #[test]
    fn a_missing_page_and_a_page_without_a_code_are_found() {
        let source = "impl Fault for E {\n fn code(&self) -> &'static str { \"name_taken\" }";
        let page = "# name_taken\n\nHTTP 409\n\nTake another.\n";
        let good = [("crates/x/src/error.rs", source), ("docs/errors/name_taken.md", page)];
        assert_eq!(check(&sample(&good)), []);
        assert_eq!(check(&sample(&good[..1])).len(), 1);
        assert_eq!(check(&sample(&good[1..])).len(), 1);
        let bare = [good[0], ("docs/errors/name_taken.md", "# name\n")];
        assert_eq!(check(&sample(&bare)).len(), 2);
    }
}
