//! A file of the profile as text: places and lines.

use std::ops::Range;

use crate::error::Place;

/// The longest part of a line that is shown with an error, in characters.
const LONGEST_EXCERPT: usize = 160;

/// The text of a file, under the name people know it by.
#[derive(Debug)]
pub(crate) struct Source<'s> {
    pub(crate) name: &'s str,
    pub(crate) text: &'s str,
}

impl Source<'_> {
    /// The place of a byte. An offset behind the end is the end.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.before(offset);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.name.to_owned(),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// The line in which a range begins, and how many of its characters the range covers, at least one.
    /// None for a line that is too long to help.
    pub(crate) fn excerpt(&self, range: &Range<usize>) -> Option<(String, usize)> {
        let start = self.before(range.start).len();
        let lines = self.lines(&(start..start));
        let line = self.text.get(lines.clone())?.trim_end_matches('\r');
        // A place may lie behind what is shown of its line: at its \r.
        let end = range.end.clamp(start, start.max(lines.start + line.len()));
        let width = self.text.get(start..end).map_or(1, |part| part.chars().count()).max(1);
        (line.chars().count() <= LONGEST_EXCERPT).then(|| (line.to_owned(), width))
    }

    /// The range widened to whole lines, without the last line's end.
    pub(crate) fn lines(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.before(range.start).rfind('\n').map_or(0, |newline| newline + 1);
        let from = self.before(range.end.max(range.start)).len();
        let end = self.text.get(from..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |newline| from + newline);
        start..end
    }

    /// The text before an offset; one inside a character counts as its beginning.
    fn before(&self, offset: usize) -> &str {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        let source = Source { name: "p", text: "é = 1\r\nzwei = 'ü'\n" };
        for (offset, line, column) in [(0, 1, 1), (2, 1, 2), (1, 1, 1), (8, 2, 1), (17, 2, 9), (1_000, 3, 1)] {
            let place = source.place(offset);
            assert_eq!((place.line, place.column), (line, column), "{offset}");
        }
        assert_eq!(source.excerpt(&(0..3)), Some(("é = 1".to_owned(), 2)));
        assert_eq!(source.excerpt(&(8..1_000)), Some(("zwei = 'ü'".to_owned(), 10)));
        assert_eq!(source.excerpt(&(1_000..2_000)), Some((String::new(), 1)));
    }
}
