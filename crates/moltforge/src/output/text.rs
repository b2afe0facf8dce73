//! Texts from models, tools and strangers, made safe to show on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Without what a terminal would interpret or what would make the text read differently from what it is: control
/// characters but line feed and tab, escape sequences as a whole, bidirectional controls, invisible tags.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            // the one-character forms of ESC [ and of ESC ], P, X, ^ and _
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            c if is_hostile(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same on one line, at most `most` characters, with an ellipsis where something is left out.
pub fn one_line(text: &str, most: usize) -> String {
    let text = plain(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// JSON text with the same characters written as `\u` escapes: the same document, harmless on a terminal.
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // outside of strings JSON has none of them but line feed and tab
        if is_hostile(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn is_hostile(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // bidirectional controls, line and paragraph separators, byte order mark, invisible tags
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What follows an ESC (ECMA-48).
fn skip_sequence(rest: &mut Rest<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(c) if ('\u{20}'..='\u{2f}').contains(c) => {
            while rest.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
            rest.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
        }
        Some(c) if ('\u{30}'..='\u{7e}').contains(c) => {
            rest.next();
        }
        _ => {}
    }
}

/// Parameters, intermediates and the final character of a control sequence.
fn skip_control_sequence(rest: &mut Rest<'_>) {
    while rest.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
    rest.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

/// A control string up to its terminator. One that never ends takes the rest of its line, not of the text.
fn skip_string(rest: &mut Rest<'_>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{07}' | '\u{9c}' => return,
            '\u{1b}' if rest.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_interpret_is_gone() {
        for (hostile, shown) in [
            ("plain äöü 漢字 🦀\n\tnext", "plain äöü 漢字 🦀\n\tnext"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[Hcleared", "cleared"),
            ("\u{1b}]0;title\u{07}x\u{1b}]8;;http://evil\u{1b}\\link", "xlink"),
            ("\u{1b}]52;c;c3RvbGVu\u{07}clip", "clip"),
            ("\u{9b}31mC1\u{9d}0;t\u{9c}x", "C1x"),
            ("\u{1b}(0charset\u{1b}7\u{1b}c", "charset"),
            ("back\u{8}space\r\nreturn\0nul\u{7f}", "backspace\nreturnnul"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{061c}e\u{feff}", "abcde"),
            ("tag\u{e0041}s", "tags"),
            ("unended\u{1b}]0;abc\nnext line", "unended\nnext line"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(plain(hostile), shown, "{hostile:?}");
        }
    }

    #[test]
    fn nothing_hostile_is_left_of_any_sequence() {
        let alphabet = ['\u{1b}', '[', ']', '\\', '3', 'm', '\u{07}', '\u{9b}', '\u{9c}', '\u{202e}', '\n', 'x', '\r'];
        for number in 0..alphabet.len().pow(5) {
            let text: String =
                (0..5).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]).collect();
            assert!(!plain(&text).chars().any(is_hostile), "{text:?}");
        }
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({ "a\u{202e}": "\u{9b}2J \u{e0041} ok\n" });
        let text = escape_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(is_hostile), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn one_line_is_cut_with_an_ellipsis() {
        assert_eq!(one_line("a\n b\t\tc", 10), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
