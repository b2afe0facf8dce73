//! From byte offsets to lines and columns.

use std::ops::Range;

/// Where the lines of a text begin.
pub(crate) struct LineIndex<'s> {
    source: &'s str,
    starts: Vec<usize>,
}

impl<'s> LineIndex<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        let starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { source, starts }
    }

    /// Line and column, both from 1, the column in characters, and how many characters of that line `span` covers (at
    /// least 1). A span outside of the text ends at its end.
    pub(crate) fn place(&self, span: &Range<usize>) -> (u32, u32, u32) {
        let start = self.boundary(span.start);
        let line = self.starts.partition_point(|begin| *begin <= start).saturating_sub(1);
        let begin = self.starts.get(line).copied().unwrap_or(0);
        let line_end = self.starts.get(line + 1).map_or(self.source.len(), |next| next - 1);
        let end = self.boundary(span.end.clamp(start, line_end.max(start)));
        let column = self.characters(begin, start) + 1;
        let text = self.source.get(start..end).unwrap_or("").trim_end_matches('\r');
        let width = text.chars().count().max(1);
        (small(line + 1), small(column), small(width))
    }

    fn characters(&self, from: usize, to: usize) -> usize {
        self.source.get(from..to).map_or(0, |text| text.trim_start_matches('\u{feff}').chars().count())
    }

    /// The nearest character boundary at or before `offset`.
    fn boundary(&self, offset: usize) -> usize {
        let mut at = offset.min(self.source.len());
        while !self.source.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let index = LineIndex::new("a\nüx = 1\r\n\nz");
        assert_eq!(index.place(&(0..1)), (1, 1, 1));
        assert_eq!(index.place(&(2..4)), (2, 1, 1));
        assert_eq!(index.place(&(4..100)), (2, 2, 5), "cut at the end of the line, without its carriage return");
        assert_eq!(index.place(&(12..13)), (4, 1, 1));
        assert_eq!(index.place(&(100..100)), (4, 2, 1), "past the end is the end");
    }

    #[test]
    fn a_byte_order_mark_has_no_column() {
        assert_eq!(LineIndex::new("\u{feff}a = 1").place(&(3..4)), (1, 1, 1));
    }
}
