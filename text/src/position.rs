//! Offsets into a text, one type for each way of counting, and the conversions between them.
//!
//! `char` (a Unicode scalar value) is the unit of the rope and of operations; bytes are what
//! parsers and files count, UTF-16 code units what language servers count.

use std::ops::{Add, Sub};

use ropey::{Rope, RopeSlice};

macro_rules! offset {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub usize);

        impl Add<usize> for $name {
            type Output = $name;
            fn add(self, count: usize) -> $name {
                $name(self.0 + count)
            }
        }

        impl Sub<usize> for $name {
            type Output = $name;
            /// Saturates at the start of the text.
            fn sub(self, count: usize) -> $name {
                $name(self.0.saturating_sub(count))
            }
        }

        impl Sub<$name> for $name {
            type Output = usize;
            /// The distance from an earlier offset; zero if it is not earlier.
            fn sub(self, earlier: $name) -> usize {
                self.0.saturating_sub(earlier.0)
            }
        }
    };
}

offset! {
    /// Characters (Unicode scalar values) from the start of the text.
    CharOffset
}
offset! {
    /// UTF-8 bytes from the start of the text.
    ByteOffset
}
offset! {
    /// UTF-16 code units from the start of the text.
    Utf16Offset
}
offset! {
    /// A line, counted from 0; lines end at LF, CRLF or CR.
    Line
}

/// A place as people and scripts write it: line, and UTF-8 bytes into that line, both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The line.
    pub line: Line,
    /// UTF-8 bytes from the start of the line.
    pub column: usize,
}

/// A place as language servers write it: line, and UTF-16 code units into that line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utf16Point {
    /// The line.
    pub line: Line,
    /// UTF-16 code units from the start of the line.
    pub column: usize,
}

/// A half-open range of characters; `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CharRange {
    /// The first character in it.
    pub start: CharOffset,
    /// The first character after it.
    pub end: CharOffset,
}

impl CharRange {
    /// The range between two offsets, whichever comes first.
    pub fn new(a: CharOffset, b: CharOffset) -> Self {
        if a <= b { CharRange { start: a, end: b } } else { CharRange { start: b, end: a } }
    }

    /// The empty range at an offset.
    pub fn at(offset: CharOffset) -> Self {
        CharRange { start: offset, end: offset }
    }

    /// The number of characters in it.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether there is no character in it.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether a character lies in it.
    pub fn contains(self, offset: CharOffset) -> bool {
        self.start <= offset && offset < self.end
    }
}

/// Conversions between the ways of counting. All are total: an offset past the end is the end,
/// one inside a character is that character's start, a column past its line is the line's end.
pub trait Positions {
    /// The text's end in characters.
    fn end(&self) -> CharOffset;
    /// The nearest offset that lies in the text.
    fn nearest(&self, offset: CharOffset) -> CharOffset;
    /// Bytes before a character.
    fn byte_of(&self, offset: CharOffset) -> ByteOffset;
    /// The character that holds a byte.
    fn char_of_byte(&self, offset: ByteOffset) -> CharOffset;
    /// UTF-16 code units before a character.
    fn utf16_of(&self, offset: CharOffset) -> Utf16Offset;
    /// The character that holds a UTF-16 code unit.
    fn char_of_utf16(&self, offset: Utf16Offset) -> CharOffset;
    /// The line that a character stands in.
    fn line_of(&self, offset: CharOffset) -> Line;
    /// The last line; 0 in an empty text.
    fn last_line(&self) -> Line;
    /// The start of a line; the text's end for a line past the last.
    fn line_start(&self, line: Line) -> CharOffset;
    /// The end of a line, before its line ending.
    fn line_end(&self, line: Line) -> CharOffset;
    /// A line's characters, without its line ending.
    fn line_range(&self, line: Line) -> CharRange {
        CharRange { start: self.line_start(line), end: self.line_end(line) }
    }
    /// Line and byte column of a character.
    fn point_of(&self, offset: CharOffset) -> Point;
    /// The character at a line and byte column.
    fn char_of_point(&self, point: Point) -> CharOffset;
    /// Line and UTF-16 column of a character.
    fn utf16_point_of(&self, offset: CharOffset) -> Utf16Point;
    /// The character at a line and UTF-16 column.
    fn char_of_utf16_point(&self, point: Utf16Point) -> CharOffset;
    /// The text of a range, clamped.
    fn slice_of(&self, range: CharRange) -> RopeSlice<'_>;
}

impl Positions for Rope {
    fn end(&self) -> CharOffset {
        CharOffset(self.len_chars())
    }

    fn nearest(&self, offset: CharOffset) -> CharOffset {
        offset.min(self.end())
    }

    fn byte_of(&self, offset: CharOffset) -> ByteOffset {
        ByteOffset(self.char_to_byte(self.nearest(offset).0))
    }

    fn char_of_byte(&self, offset: ByteOffset) -> CharOffset {
        CharOffset(self.byte_to_char(offset.0.min(self.len_bytes())))
    }

    fn utf16_of(&self, offset: CharOffset) -> Utf16Offset {
        Utf16Offset(self.char_to_utf16_cu(self.nearest(offset).0))
    }

    fn char_of_utf16(&self, offset: Utf16Offset) -> CharOffset {
        CharOffset(self.utf16_cu_to_char(offset.0.min(self.len_utf16_cu())))
    }

    fn line_of(&self, offset: CharOffset) -> Line {
        Line(self.char_to_line(self.nearest(offset).0))
    }

    fn last_line(&self) -> Line {
        Line(self.len_lines() - 1)
    }

    fn line_start(&self, line: Line) -> CharOffset {
        CharOffset(self.line_to_char(line.0.min(self.len_lines())))
    }

    fn line_end(&self, line: Line) -> CharOffset {
        if line.0 >= self.len_lines() {
            return self.end();
        }
        let text = self.line(line.0);
        let mut length = text.len_chars();
        if length > 0 && text.char(length - 1) == '\n' {
            length -= 1;
            if length > 0 && text.char(length - 1) == '\r' {
                length -= 1;
            }
        } else if length > 0 && text.char(length - 1) == '\r' {
            length -= 1;
        }
        self.line_start(line) + length
    }

    fn point_of(&self, offset: CharOffset) -> Point {
        let offset = self.nearest(offset);
        let line = self.line_of(offset);
        Point { line, column: self.byte_of(offset) - self.byte_of(self.line_start(line)) }
    }

    fn char_of_point(&self, point: Point) -> CharOffset {
        let start = self.byte_of(self.line_start(point.line));
        let end = self.line_end(point.line);
        self.char_of_byte(ByteOffset(start.0.saturating_add(point.column))).min(end)
    }

    fn utf16_point_of(&self, offset: CharOffset) -> Utf16Point {
        let offset = self.nearest(offset);
        let line = self.line_of(offset);
        Utf16Point { line, column: self.utf16_of(offset) - self.utf16_of(self.line_start(line)) }
    }

    fn char_of_utf16_point(&self, point: Utf16Point) -> CharOffset {
        let start = self.utf16_of(self.line_start(point.line));
        let end = self.line_end(point.line);
        self.char_of_utf16(Utf16Offset(start.0.saturating_add(point.column))).min(end)
    }

    fn slice_of(&self, range: CharRange) -> RopeSlice<'_> {
        self.slice(self.nearest(range.start).0..self.nearest(range.end).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_counting_agrees_on_mixed_text() {
        let rope = Rope::from_str("aé\r\n𝄞عb\n");
        let clef = CharOffset(4);
        assert_eq!(rope.byte_of(clef), ByteOffset(5));
        assert_eq!(rope.char_of_byte(ByteOffset(7)), clef, "a byte inside the clef is the clef");
        assert_eq!(rope.utf16_of(clef + 1), Utf16Offset(6));
        assert_eq!(rope.char_of_utf16(Utf16Offset(5)), clef);
        assert_eq!(rope.point_of(CharOffset(6)), Point { line: Line(1), column: 6 });
        assert_eq!(rope.char_of_point(Point { line: Line(1), column: 6 }), CharOffset(6));
        assert_eq!(rope.line_end(Line(0)), CharOffset(2));
        assert_eq!(rope.last_line(), Line(2));
    }

    #[test]
    fn what_lies_outside_the_text_is_clamped_to_it() {
        let rope = Rope::from_str("one\ntwo");
        let far = usize::MAX / 2;
        assert_eq!(rope.byte_of(CharOffset(far)), ByteOffset(7));
        assert_eq!(rope.line_start(Line(far)), CharOffset(7));
        assert_eq!(rope.line_end(Line(far)), CharOffset(7));
        assert_eq!(rope.char_of_point(Point { line: Line(0), column: usize::MAX }), CharOffset(3));
        assert_eq!(
            rope.char_of_utf16_point(Utf16Point { line: Line(9), column: 1 }),
            CharOffset(7)
        );
        assert_eq!(rope.slice_of(CharRange::new(CharOffset(5), CharOffset(far))), "wo");
    }

    #[test]
    fn carriage_returns_end_lines_and_form_feeds_do_not() {
        let rope = Rope::from_str("a\rb\u{b}c\u{2028}d\r\n");
        assert_eq!(rope.last_line(), Line(2));
        assert_eq!(rope.line_end(Line(1)), CharOffset(7));
    }
}
