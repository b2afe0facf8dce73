//! Comparing what the page shows with what was seen.
//!
//! Line by line, blanks at line ends aside. A line `...` stands for any number of lines; `…` within a line stands for any
//! text (ids, times, durations).

/// What differs, for people; nothing when all of it fits.
pub(super) fn difference(expected: &str, seen: &str) -> Option<String> {
    let wanted: Vec<_> = expected.lines().map(str::trim_end).collect();
    let plain = plain(seen);
    let found: Vec<_> = plain.lines().map(str::trim_end).collect();
    let (wanted, found) = (trimmed(&wanted), trimmed(&found));
    // a command whose output the page does not show may say what it likes
    if wanted.is_empty() || fits(wanted, found) {
        return None;
    }
    Some(format!("the page shows:\n{}\nseen was:\n{}", indented(wanted), indented(found)))
}

fn fits(wanted: &[&str], found: &[&str]) -> bool {
    match (wanted, found) {
        ([], []) => true,
        (["...", rest @ ..], _) => (0..=found.len()).any(|skipped| fits(rest, &found[skipped..])),
        ([line, wanted @ ..], [seen, found @ ..]) => line_fits(line, seen) && fits(wanted, found),
        _ => false,
    }
}

fn line_fits(wanted: &str, seen: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| seen.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// Without empty lines at both ends.
fn trimmed<'a, 'b>(lines: &'a [&'b str]) -> &'a [&'b str] {
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    &lines[first..last]
}

fn indented(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Without terminal colours and rewritten progress lines.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                chars.by_ref().find(char::is_ascii_alphabetic);
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_gaps() {
        assert_eq!(difference("a\n...\nd\n", "a\nb\nc\nd\n"), None);
        assert_eq!(difference("a\n...\nd\n", "a\nd\n\n"), None);
        assert!(difference("a\n...\nd\n", "a\nb\n").is_some());
        assert!(difference("a\n", "a\nb\n").is_some());
        assert_eq!(difference("", "anything"), None);
    }

    #[test]
    fn ids_and_times() {
        assert_eq!(difference("run exe_… took … ms", "run exe_01jd took 12 ms"), None);
        assert!(difference("run exe_… took … ms", "run exe_01jd took 12 s").is_some());
        assert!(difference("done", "done!").is_some());
    }
}
