//! The stretch of a text that assistive technology is told of: what is seen, and rows around it.
//!
//! It stays where it is in the text while it holds what is seen, so that an edit is heard as that
//! edit, and a step of the scroll bar as nothing.

use std::ops::Range;

use text::display::Row;
use text::edit::Bias;
use text::{Affinity, CharOffset, CharRange, Place};

use super::EditorView;

/// Rows told above and below what is seen, and the characters in them, at most.
const ROWS_AROUND: usize = 40;
const CHARS_AROUND: usize = 4_000;

/// Characters and rows of a stretch that has grown; it is chosen anew beyond.
const CHARS_MAX: usize = 64_000;
const ROWS_MAX: usize = 1_000;

/// Which edge of the view something is scrolled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The nearest, if it is not seen already.
    Nearest,
    /// The upper.
    Top,
    /// The lower.
    Bottom,
}

impl EditorView {
    /// The rows that assistive technology is told of.
    pub fn heard_rows(&mut self) -> Range<usize> {
        let first = self.row_near(self.scroll.row.floor() as usize);
        let last = self.row_near(self.scroll.row as usize + self.rows_in_view());
        let seen = CharRange { start: self.row_chars(first).start, end: self.row_chars(last).end };
        let holds = |heard: &CharRange| {
            heard.start <= seen.start && seen.end <= heard.end && heard.len() <= CHARS_MAX
        };
        let rows = self.heard.filter(holds).map(|heard| self.rows_of(heard));
        if let Some(rows) = rows.filter(|rows| rows.len() <= ROWS_MAX) {
            return rows;
        }
        let (mut top, mut bottom) = (first, last);
        let mut room = CHARS_AROUND;
        while top > 0 && first - top < ROWS_AROUND && self.takes(top - 1, &mut room) {
            top -= 1;
        }
        let mut room = CHARS_AROUND;
        let end = self.display.last_row().0;
        while bottom < end && bottom - last < ROWS_AROUND && self.takes(bottom + 1, &mut room) {
            bottom += 1;
        }
        let heard = CharRange { start: self.row_chars(top).start, end: self.row_chars(bottom).end };
        self.heard = Some(heard);
        top..bottom + 1
    }

    /// Whether there is room for one more row, which is taken from it.
    fn takes(&self, row: usize, room: &mut usize) -> bool {
        let chars = self.row_chars(row).len().min(self.columns().len());
        let fits = chars <= *room;
        *room = room.saturating_sub(chars.max(1));
        fits
    }

    fn row_chars(&self, row: usize) -> CharRange {
        self.display.row_segments(Row(row), 0..0).range
    }

    fn rows_of(&self, heard: CharRange) -> Range<usize> {
        let row = |at: CharOffset, affinity| {
            self.display.to_display(Place { at, affinity }, Bias::Before).row.0
        };
        row(heard.start, Affinity::Downstream)..row(heard.end, Affinity::Upstream) + 1
    }

    /// Scrolls to an offset, without moving carets.
    pub fn reveal(&mut self, at: CharOffset, edge: Edge) {
        let row = self.shown_row(self.display.to_display(at, Bias::Before).row.0) as f64;
        let whole = f64::from((self.area.height / self.scale.row).floor().max(1.0));
        let lowest = row - whole + 1.0;
        let top = match edge {
            Edge::Top => row,
            Edge::Bottom => lowest,
            Edge::Nearest => self.scroll.row.clamp(lowest.min(row), row),
        };
        self.scroll.row = top.clamp(0.0, self.scroll_row_max());
        self.follow = super::Follow::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::BufferId;
    use crate::view::Wrap;
    use text::Rope;
    use text::width::TabWidth;

    fn view(text: &str) -> EditorView {
        EditorView::new(BufferId(1), &Rope::from(text), TabWidth::default(), Wrap::Off)
    }

    #[test]
    fn a_short_text_is_told_whole_and_a_long_one_around_what_is_seen() {
        assert_eq!(view("a\nb\n").heard_rows(), 0..3);
        let mut long = view(&"line\n".repeat(100_000));
        long.scroll.row = 50_000.0;
        let rows = long.heard_rows();
        assert!(rows.start == 49_960 && rows.end > 50_040 && rows.len() < 120, "{rows:?}");
        long.scroll.row = 50_030.0;
        assert_eq!(long.heard_rows(), rows, "what is seen is in it still");
        long.scroll.row = 10.0;
        assert_eq!(long.heard_rows().start, 0);
    }

    #[test]
    fn endless_lines_are_told_of_but_not_many() {
        let mut long = view(&format!("{}\n", "x".repeat(100_000)).repeat(1_000));
        long.scroll.row = 500.0;
        assert!(long.heard_rows().len() < 60);
    }

    #[test]
    fn what_is_told_is_scrolled_to_as_little_as_possible() {
        let mut view = view(&"line\n".repeat(1_000));
        let at = |row: usize| CharOffset(row * 5);
        view.reveal(at(500), Edge::Nearest);
        let bottom = view.scroll.row;
        assert!(bottom < 500.0 && bottom > 450.0);
        view.reveal(at(499), Edge::Nearest);
        assert_eq!(view.scroll.row, bottom);
        view.reveal(at(499), Edge::Top);
        assert_eq!(view.scroll.row, 499.0);
    }
}
