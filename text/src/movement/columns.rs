//! Where things stand on the screen, as far as vertical movement cares.

use ropey::Rope;
use unicode_segmentation::UnicodeSegmentation;

use crate::grapheme;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::Place;
use crate::width::{self, TabWidth};

/// Rows and columns as they are shown. A view with wrapped or folded lines, inline text or
/// proportional glyphs brings its own; [`PlainColumns`] serves a text shown as it is.
///
/// Both directions are total, and `place(row(p), column(p))` is `p` for any place of a caret.
pub trait Columns {
    /// The row in which a caret at a place is shown.
    fn row(&self, at: Place) -> usize;
    /// The last row.
    fn last_row(&self) -> usize;
    /// How far from the row's start a caret is shown, in cells.
    fn column(&self, at: Place) -> f32;
    /// The place of a caret that is nearest to a column of a row; the row's end beyond it.
    fn place(&self, row: usize, column: f32) -> Place;
}

/// One row for each line, and columns in cells of a monospace grid, in the order of the text.
#[derive(Clone, Copy, Debug)]
pub struct PlainColumns<'a> {
    rope: &'a Rope,
    tab: TabWidth,
}

/// Characters of a line that are measured one by one; each one after them counts as a cell, so
/// that a line of 100 MB has columns at once.
const MEASURED_MAX: usize = 1 << 14;

impl<'a> PlainColumns<'a> {
    /// The columns of a text with its tab stops.
    pub fn new(rope: &'a Rope, tab: TabWidth) -> Self {
        PlainColumns { rope, tab }
    }

    /// The column in whole cells.
    pub fn cell(&self, at: CharOffset) -> usize {
        let at = self.rope.nearest(at);
        let line = self.rope.line_range(self.rope.line_of(at));
        let at = at.min(line.end);
        let (measured, rest) = split(self.rope, CharRange { start: line.start, end: at });
        let text = self.rope.slice_of(measured).to_string();
        let column = width::text_cells(&text, 0, self.tab);
        column + rest
    }

    /// The place of a caret nearest to a column, and the column where it stands, in cells. A
    /// column in the middle of something wide goes to its nearer side.
    pub fn at_cell(&self, line: Line, wanted: usize) -> (CharOffset, usize) {
        let line = self.rope.line_range(line);
        let (measured, _) = split(self.rope, line);
        let text = self.rope.slice_of(measured).to_string();
        let mut column = 0;
        let mut at = measured.start;
        for cluster in text.graphemes(true) {
            let next = at + cluster.chars().count();
            let after = width::advance(cluster, column, self.tab);
            if after > wanted {
                let nearer_end = wanted - column > after - wanted;
                return if nearer_end { (next, after) } else { (at, column) };
            }
            (at, column) = (next, after);
        }
        let rest = (wanted - column).min(line.end - measured.end);
        let at = grapheme::floor(self.rope, measured.end + rest).max(measured.end);
        (at, column + (at - measured.end))
    }
}

/// The part of a range that is measured, and the characters after it.
fn split(rope: &Rope, range: CharRange) -> (CharRange, usize) {
    if range.len() <= MEASURED_MAX {
        return (range, 0);
    }
    let end = grapheme::floor(rope, range.start + MEASURED_MAX);
    (CharRange { start: range.start, end }, range.end - end)
}

impl Columns for PlainColumns<'_> {
    fn row(&self, at: Place) -> usize {
        self.rope.line_of(at.at).0
    }

    fn last_row(&self) -> usize {
        self.rope.last_line().0
    }

    fn column(&self, at: Place) -> f32 {
        self.cell(at.at) as f32
    }

    fn place(&self, row: usize, column: f32) -> Place {
        let wanted = if column.is_finite() { column.max(0.0).round() as usize } else { usize::MAX };
        self.at_cell(Line(row), wanted).0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_cells_and_tabs() {
        let rope = Rope::from_str("a\t字b\r\n");
        let columns = PlainColumns::new(&rope, TabWidth::new(4));
        let cells: Vec<usize> = (0..5).map(|at| columns.cell(CharOffset(at))).collect();
        assert_eq!(cells, [0, 1, 4, 6, 7]);
        for at in 0..5 {
            let at = CharOffset(at);
            assert_eq!(columns.place(0, columns.column(at.into())).at, at);
        }
        assert_eq!(columns.place(0, 2.0).at, CharOffset(1), "nearer to the tab's start");
        assert_eq!(columns.place(0, 3.0).at, CharOffset(2), "nearer to its end");
        assert_eq!(columns.place(0, f32::INFINITY).at, CharOffset(4));
        assert_eq!(columns.place(9, 3.0).at, rope.end());
    }

    #[test]
    fn far_out_in_a_line_each_character_is_a_cell() {
        let rope = Rope::from_str(&"字".repeat(3 * MEASURED_MAX));
        let columns = PlainColumns::new(&rope, TabWidth::default());
        let at = CharOffset(2 * MEASURED_MAX);
        assert_eq!(columns.cell(at), 3 * MEASURED_MAX);
        assert_eq!(columns.at_cell(Line(0), columns.cell(at)).0, at);
    }
}
