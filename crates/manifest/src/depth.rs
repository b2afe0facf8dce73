//! How deep a TOML text may nest, bounded before it is parsed.
//!
//! The parser limits dotted keys and brackets each on their own, so that their product could still exhaust the stack.
//! This reads the text once, knows only strings, comments, brackets and dots, and errs on the side of "deeper".

/// The offset at which `source` nests deeper than `limit`, if it does.
pub(crate) fn too_deep(source: &str, limit: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    // dots before each open bracket, and the dots of the key that is being read
    let mut open: Vec<usize> = Vec::new();
    let mut total = 0;
    let mut dots = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let mut next = at + 1;
        match byte {
            b'#' => next = end_of_line(bytes, at),
            b'"' | b'\'' => next = end_of_string(bytes, at, byte),
            b'.' => dots += 1,
            b'{' | b'[' => {
                open.push(dots + 1);
                total += dots + 1;
                dots = 0;
            }
            b'}' | b']' => total -= open.pop().unwrap_or(0),
            b',' => dots = 0,
            // a header's dots count for the keys under it, which begin on lines of their own
            b'\n' if open.is_empty() => dots = 0,
            _ => {}
        }
        if total + dots > limit {
            return Some(at);
        }
        at = next;
    }
    None
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes.iter().skip(from).position(|b| *b == b'\n').map_or(bytes.len(), |offset| from + offset)
}

fn end_of_string(bytes: &[u8], from: usize, quote: u8) -> usize {
    let triple = [quote; 3];
    if bytes.get(from..from + 3) == Some(&triple) {
        return end_of_long_string(bytes, from + 3, quote);
    }
    let mut at = from + 1;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' => return at,
            _ if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn end_of_long_string(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at).copied() {
        if byte == b'\\' && quote == b'"' {
            at += 2;
        } else if bytes.get(at..at + 3) == Some(&[quote; 3]) {
            at += 3;
            // up to two quotes may stand before the closing three
            while bytes.get(at) == Some(&quote) {
                at += 1;
            }
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_dots_add_up() {
        assert_eq!(too_deep("a = [[[1]]]", 3), None);
        assert_eq!(too_deep("a = [[[[1]]]]", 3), Some(7));
        assert!(too_deep("a.b.c.d.e = 1", 3).is_some());
        assert!(too_deep("a.b = {c.d = {e.f = 1}}", 4).is_some());
        assert_eq!(too_deep("a = [1.5, 2.5, 3.5, 4.5, 5.5]", 3), None);
        assert_eq!(too_deep(&"x = 1.5\n".repeat(50), 3), None);
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        for text in ["a = \"[[[[[\"", "a = '[[[[[' # [[[[", "a = \"\"\"[[\n\\\"\"\"[[[\"\"\"", "a = '''[[[\n[['''"] {
            assert_eq!(too_deep(text, 3), None, "{text}");
        }
        assert!(too_deep("a = \"\\\"\" # x\nb = [[[[1]]]]", 3).is_some());
    }
}
