//! JavaScript and TypeScript as words, texts and signs: enough to see what a file imports, and never fooled by comments,
//! strings, templates or regular expressions.

/// A part of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// What stands between quotes, as it is written.
    Text(&'a str),
    /// A character of punctuation.
    Sign(char),
    /// A template or a regular expression.
    Other,
}

/// All of them, with where they begin.
pub(super) fn of(source: &str) -> Vec<(usize, Token<'_>)> {
    let mut reader = Reader { source, at: 0, tokens: Vec::new(), templates: Vec::new(), depth: 0 };
    while reader.at < source.len() {
        reader.step();
    }
    reader.tokens
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<(usize, Token<'a>)>,
    /// The depths of braces at which templates go on.
    templates: Vec<usize>,
    depth: usize,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else { return };
        let start = self.at;
        match first {
            c if c.is_whitespace() => self.at += c.len_utf8(),
            '/' if rest.starts_with("//") => self.at += rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => self.at += rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '\'' => {
                let end = end_of(rest, first);
                self.at += end;
                let inner = rest.get(1..end.saturating_sub(1)).unwrap_or_default();
                self.tokens.push((start, Token::Text(inner)));
            }
            '`' => {
                self.at += 1;
                self.template(start);
            }
            '}' if self.templates.last() == Some(&self.depth) => {
                self.templates.pop();
                self.at += 1;
                self.template(start);
            }
            '/' if self.is_expected() => {
                self.at += regular_expression(rest);
                self.tokens.push((start, Token::Other));
            }
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                self.at += end;
                self.tokens.push((start, Token::Word(&rest[..end])));
            }
            c => {
                match c {
                    '{' => self.depth += 1,
                    '}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.at += c.len_utf8();
                self.tokens.push((start, Token::Sign(c)));
            }
        }
    }

    /// The part of a template up to its end or its next `${`.
    fn template(&mut self, start: usize) {
        let bytes = self.source.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'`' => break,
                b'$' if bytes.get(self.at) == Some(&b'{') => {
                    self.at += 1;
                    self.templates.push(self.depth);
                    break;
                }
                _ => {}
            }
        }
        self.at = next_boundary(self.source, self.at);
        self.tokens.push((start, Token::Other));
    }

    /// Whether a value may begin here, so that a slash begins a regular expression and does not divide.
    fn is_expected(&self) -> bool {
        const BEFORE: [&str; 14] = [
            "return",
            "typeof",
            "case",
            "in",
            "of",
            "delete",
            "void",
            "throw",
            "new",
            "else",
            "do",
            "instanceof",
            "yield",
            "await",
        ];
        match self.tokens.last() {
            None => true,
            Some((_, Token::Word(word))) => BEFORE.contains(word),
            Some((_, Token::Sign(sign))) => !matches!(sign, ')' | ']' | '}'),
            Some((_, Token::Text(_) | Token::Other)) => false,
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || c == '#'
}

/// Where a text in quotes ends: behind the other quote, or at the end of its line.
fn end_of(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn regular_expression(rest: &str) -> usize {
    let (mut escaped, mut in_class) = (false, false);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            // it was none
            '\n' => return 1,
            _ => {}
        }
    }
    1
}

fn next_boundary(source: &str, at: usize) -> usize {
    (at..=source.len()).find(|at| source.is_char_boundary(*at)).unwrap_or(source.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        let word = |(_, token)| match token {
            Token::Word(word) => Some(word),
            _ => None,
        };
        of(source).into_iter().filter_map(word).collect()
    }

    #[test]
    fn only_what_is_program_counts() {
        for (source, expected) in [
            ("a // b\nc /* d\n */ e", &["a", "c", "e"][..]),
            ("'a\\'b' + \"c\" + d", &["d"]),
            ("`a ${b + `c ${d}` + {e: 1}.e} f` + g", &["b", "d", "e", "1", "e", "g"]),
            ("x = /import \"a\"[/]b/.test(y) / z", &["x", "test", "y", "z"]),
            ("a / b / c", &["a", "b", "c"]),
            ("return /x/g", &["return", "g"]),
            ("`ä\\ä` + ö", &["ö"]),
            ("`open", &[]),
            ("'open\nb", &["b"]),
        ] {
            assert_eq!(words(source), expected, "{source}");
        }
    }

    #[test]
    fn no_source_makes_it_stumble() {
        let parts = ["`", "${", "}", "'", "\"", "/", "/*", "*/", "\\", "\n", "ä", "a", "{", "[", "]"];
        for seed in 0..parts.len().pow(4) {
            let pick = |power: u32| parts[seed / parts.len().pow(power) % parts.len()];
            of(&[pick(0), pick(1), pick(2), pick(3)].concat());
        }
    }
}
