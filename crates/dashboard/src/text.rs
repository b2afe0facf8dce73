//! Text from models, tools and people is hostile until it has passed here.
//!
//! Two walls: `maud` escapes what it prints, and [`harmless`] runs over the whole finished document, so that no
//! control or direction-changing character reaches a browser, whichever way it came.

/// Whether a character may stand on a page. Refused: control characters except line feed and tab, characters that
/// change the direction of the text around them, invisible ones that hide text, and tag characters.
pub(crate) fn is_harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // format characters of several blocks
        '\u{061C}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}' => false,
        c => !c.is_control(),
    }
}

/// The text without the characters that [`is_harmless`] refuses.
pub(crate) fn harmless(mut text: String) -> String {
    if !text.chars().all(is_harmless) {
        text.retain(is_harmless);
    }
    text
}

/// At most `limit` characters of a text, and how many bytes were left out.
pub(crate) fn clip(text: &str, limit: usize) -> (&str, usize) {
    match text.char_indices().nth(limit) {
        Some((at, _)) => (&text[..at], text.len() - at),
        None => (text, 0),
    }
}

/// One line for a list: white space folded, an ellipsis where it was cut.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    // looks at a bounded part only, so that a megabyte costs no more than a line
    let (head, rest) = clip(text, limit.saturating_mul(4));
    let folded = head.split_whitespace().collect::<Vec<_>>().join(" ");
    match clip(&folded, limit) {
        (line, 0) if rest == 0 => line.to_owned(),
        (line, _) => format!("{}…", line.trim_end()),
    }
}

/// The end of an id: it tells two apart, while its beginning is only the time.
pub(crate) fn tail(id: &str) -> String {
    let from = id.char_indices().rev().nth(5).map_or(0, |(at, _)| at);
    format!("…{}", &id[from..])
}

/// A number in groups of three: `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 step`, `2 steps`, `2 replies`.
pub(crate) fn count(number: usize, singular: &str) -> String {
    match singular.strip_suffix('y') {
        _ if number == 1 => format!("1 {singular}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {singular}s"),
    }
}

/// A code such as `retries_exhausted` in words.
pub(crate) fn words(code: &str) -> String {
    code.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_gone() {
        assert_eq!(harmless("a\u{202E}b\0c\x1b[31md\u{2066}e\u{E0041}\u{FEFF}\u{85}".to_owned()), "abc[31mde");
        assert_eq!(harmless("naïve 👩‍🚀\tשלום\n".to_owned()), "naïve 👩‍🚀\tשלום\n");
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(clip("äöü", 2), ("äö", 2));
        assert_eq!(clip("äöü", 3), ("äöü", 0));
        assert_eq!(one_line("a\n  b\tc", 10), "a b c");
        assert_eq!(one_line(&"word ".repeat(1000), 9), "word word…");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn things_are_counted_in_words() {
        assert_eq!([count(1, "reply"), count(2, "reply"), count(0, "key")], ["1 reply", "2 replies", "0 keys"]);
    }
}
