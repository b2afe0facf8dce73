//! Server-sent events, as far as models use them: the data of each event.

/// Bytes in, frames out. It keeps what has no end yet; who pushes limits how much that is.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// What is before it has been cut into lines.
    line_start: usize,
    /// Where the search for the end of the current line goes on.
    scanned: usize,
    /// The data of the event that is being read.
    data: Option<String>,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.line_start > 0 {
            self.buffer.drain(..self.line_start);
            self.scanned -= self.line_start;
            self.line_start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The data of the next whole event that has any.
    pub(super) fn next_frame(&mut self) -> Option<String> {
        while let Some((from, to)) = self.next_line() {
            let line = &self.buffer[from..to];
            if line.is_empty() {
                if let Some(data) = self.data.take() {
                    return Some(data);
                }
            } else if let Some(value) = line.strip_prefix(b"data:") {
                let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
                match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&value);
                    }
                    None => self.data = Some(value.into_owned()),
                }
            }
        }
        None
    }

    /// The bounds of the next line without its end, which is CR LF, LF or CR.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let rest = &self.buffer[self.scanned..];
        let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let to = self.scanned + end;
        let width = match (self.buffer[to], self.buffer.get(to + 1)) {
            (b'\r', Some(b'\n')) => 2,
            // its other half may still be under way
            (b'\r', None) => {
                self.scanned = to;
                return None;
            }
            _ => 1,
        };
        let from = self.line_start;
        self.line_start = to + width;
        self.scanned = self.line_start;
        Some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(chunks: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        for chunk in chunks {
            frames.push(chunk);
            while let Some(frame) = frames.next_frame() {
                out.push(frame);
            }
        }
        out
    }

    #[test]
    fn events_have_data() {
        let text =
            b": comment\n\nevent: x\ndata: one\nid: 1\n\ndata:two\ndata:  three\n\n\n\ndata\n\nretry: 5\n\ndata: cut";
        assert_eq!(frames(&[text]), ["one", "two\n three"]);
    }

    #[test]
    fn every_end_of_line_is_one() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("data: one{end}{end}data: two{end}{end}data: x{end}");
            let all = frames(&[text.as_bytes()]);
            // a lone CR at the very end may be half of a CR LF
            assert_eq!(all[0], "one");
            assert_eq!(all[1], "two");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cut in 1_usize..60, end in prop::sample::select(vec!["\n", "\r\n"])) {
            let text = format!("data: {{\"a\":\"ä€😀\"}}{end}{end}: ping{end}{end}data: 1{end}data: 2{end}{end}data: [DONE]{end}{end}");
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            prop_assert_eq!(frames(&chunks), vec!["{\"a\":\"ä€😀\"}", "1\n2", "[DONE]"]);
        }
    }
}
