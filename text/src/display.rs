//! From the document to what is seen: inlays, folds, tabs and wrapped lines.
//!
//! Layers stand on each other, each with coordinates of its own:
//!
//! | layer | coordinate | what it does |
//! |---|---|---|
//! | document | [`CharOffset`](crate::CharOffset) | |
//! | inlays | [`InlineOffset`] | adds hints, ghost text and what an input method composes |
//! | folds | [`FoldOffset`], [`FoldLine`] | hides ranges behind a placeholder, and so joins lines |
//! | tabs | a column in cells | gives clusters their cells, tabs theirs up to the next stop |
//! | wrap | [`Row`], [`DisplayPoint`] | breaks lines into rows |
//!
//! Each takes the changes of the layer below as [`Span`]s and answers with its own. Start at
//! [`DisplayMap`].
//!
//! # What it costs
//!
//! With wrapping off a text of any length is one run of lines, so that opening costs nothing and
//! a row is found in O(log n). With wrapping on, nothing is measured until somebody asks: a line
//! that is not measured is one row, and as high as a sample of the text lets expect
//! ([`DisplayMap::height`]), so that a scroll bar does not move while lines are measured.
//! [`DisplayMap::measure_rows`] measures what is about to be drawn, [`DisplayMap::measure`] the
//! rest, a budget at a time, between frames or on a clone on a worker (copies are O(1)). An edit
//! measures the lines that it touches, and looks at every inlay and fold once. In a line of more
//! than a few thousand characters it measures only from just before the edit to where the old rows
//! are met again.

mod breaks;
mod clusters;
mod fold;
mod inline;
mod layers;
mod layout;
mod row;
mod sum_tree;
mod wrap;

#[cfg(test)]
mod seeded_tests;

use std::ops::Range;

use ropey::Rope;

pub use clusters::FOLD_CELLS;
pub use fold::{FoldLine, FoldMap, FoldOffset};
pub use inline::{Inlay, InlayId, InlayKind, InlineMap, InlineOffset, Span};
pub use row::{Content, DisplayRow, Row, RowKind, Segment};

use crate::edit::{Bias, Edit};
use crate::position::{CharRange, Line, Positions};
use crate::selection::Place;
use crate::width::TabWidth;
use layers::Layers;
use layout::{LaidLine, Shape};
use wrap::{FoundLine, WrapMap};

/// A place on the display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayPoint {
    /// The row.
    pub row: Row,
    /// Cells from the left edge of the text.
    pub column: usize,
}

/// Whether all lines are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They are.
    Complete,
    /// That many lines are not, or not to their end.
    Left(usize),
}

/// Rows that gave way to others, in order of position.
pub type RowSpans = Vec<Span<Row>>;

/// All layers over one text. A value whose copies are O(1).
#[derive(Clone)]
pub struct DisplayMap {
    layers: Layers,
    wrap: WrapMap,
}

impl DisplayMap {
    /// A text without inlays and folds, not wrapped.
    pub fn new(rope: &Rope, tab: TabWidth) -> Self {
        let layers = Layers::new(rope);
        let wrap = WrapMap::new(&layers, Shape { tab, wrap: None });
        DisplayMap { layers, wrap }
    }

    /// The text that is shown.
    pub fn rope(&self) -> &Rope {
        &self.layers.rope
    }

    /// The inlays.
    pub fn inline(&self) -> &InlineMap {
        &self.layers.inline
    }

    /// The folds.
    pub fn folds(&self) -> &FoldMap {
        &self.layers.folds
    }

    /// Cells between tab stops.
    pub fn tab_width(&self) -> TabWidth {
        self.wrap.shape().tab
    }

    /// Cells after which lines are wrapped.
    pub fn wrap_width(&self) -> Option<usize> {
        self.wrap.shape().wrap
    }

    /// Follows a change of the document: its text afterwards, and edits in the coordinates of
    /// the text before, sorted and disjoint as those of a [`crate::Transaction`] are.
    pub fn apply(&mut self, after: &Rope, edits: &[Edit]) -> RowSpans {
        let (inline, inline_spans) = self.layers.inline.apply(&self.layers.rope, after, edits);
        let (folds, spans) = self.layers.folds.apply(after, &inline, edits, &inline_spans);
        self.change(Layers { rope: after.clone(), inline, folds }, &spans)
    }

    /// Shows other inlays. Those that are as they were cost no measuring.
    pub fn set_inlays(&mut self, inlays: Vec<Inlay>) -> RowSpans {
        let end = self.layers.rope.end();
        let clamp = |inlay: Inlay| Inlay { at: inlay.at.min(end), ..inlay };
        let inlays = inlays.into_iter().map(clamp).collect();
        let (inline, inline_spans) = self.layers.inline.replace(inlays);
        let rope = self.layers.rope.clone();
        let (folds, spans) = self.layers.folds.reflow(&rope, &inline, &inline_spans);
        self.change(Layers { rope, inline, folds }, &spans)
    }

    /// Folds ranges too. What is folded already may contain them or lie in them.
    pub fn fold(&mut self, ranges: &[CharRange]) -> RowSpans {
        self.set_folds([self.layers.folds.folds(), ranges].concat())
    }

    /// Unfolds whatever overlaps a range or touches it.
    pub fn unfold(&mut self, range: CharRange) -> RowSpans {
        let apart = |fold: &&CharRange| fold.end < range.start || range.end < fold.start;
        self.set_folds(self.layers.folds.folds().iter().filter(apart).copied().collect())
    }

    /// Folds exactly these ranges.
    pub fn set_folds(&mut self, folds: Vec<CharRange>) -> RowSpans {
        let Layers { rope, inline, folds: old } = self.layers.clone();
        let (folds, spans) = old.replace(&rope, &inline, folds);
        self.change(Layers { rope, inline, folds }, &spans)
    }

    fn change(&mut self, after: Layers, spans: &[Span<FoldOffset>]) -> RowSpans {
        let rows = self.wrap.apply(&self.layers, &after, spans);
        self.layers = after;
        let row = |range: Range<usize>| Row(range.start)..Row(range.end);
        rows.into_iter().map(|span| Span { old: row(span.old), new: row(span.new) }).collect()
    }

    /// Wraps lines after that many cells, at least 2, or not at all. All rows change.
    pub fn set_wrap(&mut self, width: Option<usize>) {
        let wrap = width.map(|width| width.max(2));
        self.reshape(Shape { wrap, ..self.wrap.shape() });
    }

    /// Sets tab stops that many cells apart. All rows change.
    pub fn set_tab_width(&mut self, tab: TabWidth) {
        self.reshape(Shape { tab, ..self.wrap.shape() });
    }

    fn reshape(&mut self, shape: Shape) {
        if shape != self.wrap.shape() {
            self.wrap = WrapMap::new(&self.layers, shape);
        }
    }

    /// Measures what is not measured yet, reading about `budget` characters.
    pub fn measure(&mut self, budget: usize) -> Progress {
        self.wrap.measure(&self.layers, budget);
        self.progress()
    }

    /// Measures the lines that some rows show, reading about `budget` characters: to be called
    /// before they are drawn. Rows further down move as lines turn out to have more of them.
    pub fn measure_rows(&mut self, rows: Range<Row>, budget: usize) {
        self.wrap.measure_rows(&self.layers, rows.start.0..rows.end.0, budget);
    }

    /// How far measuring is.
    pub fn progress(&self) -> Progress {
        match self.wrap.unmeasured() {
            0 => Progress::Complete,
            lines => Progress::Left(lines),
        }
    }

    /// The number of rows; a line that is not measured counts as one.
    pub fn row_count(&self) -> usize {
        self.wrap.rows()
    }

    /// How many rows there will be, about, when all lines are measured.
    pub fn height(&self) -> f64 {
        self.wrap.height()
    }

    /// How many of them are above a row, about.
    pub fn height_above(&self, row: Row) -> f64 {
        self.wrap.height_above(row.0)
    }

    /// The row, with the part of it, that so many will be above, about.
    pub fn row_below(&self, height: f64) -> f64 {
        self.wrap.row_below(height)
    }

    /// The last row.
    pub fn last_row(&self) -> Row {
        Row(self.wrap.rows() - 1)
    }

    fn laid<'m>(&'m self, found: &FoundLine<'m>) -> LaidLine<'m> {
        found.laid(&self.layers, self.wrap.shape())
    }

    /// Where an offset is shown. Inlays at it are after it with [`Bias::Before`] and before it
    /// with [`Bias::After`]; in a fold it is at that side of the placeholder. Where a line is
    /// wrapped its side says which row it is; inside a cluster it is the cluster's start.
    pub fn to_display(&self, place: impl Into<Place>, bias: Bias) -> DisplayPoint {
        let Place { at: offset, affinity } = place.into();
        let offset = self.layers.rope.nearest(offset);
        let line = self.layers.line_of(offset);
        let range = self.layers.line_range(line);
        let at = self.layers.to_fold(offset, bias).clamp(range.start, range.end);
        let found = self.wrap.line(line);
        let (row, column) = self.laid(&found).place(at.0 - range.start.0, affinity);
        DisplayPoint { row: Row(found.first_row + row), column }
    }

    /// The offset that is shown at a place. Inside a wide character, a tab or a placeholder it
    /// is its start or its end, as the bias says; right of a row it is the row's end; below the
    /// last row it is the end of the text.
    pub fn to_buffer(&self, point: DisplayPoint, bias: Bias) -> Place {
        if point.row.0 >= self.row_count() {
            return self.layers.rope.end().into();
        }
        let found = self.wrap.line_of_row(point.row.0);
        let row = point.row.0 - found.first_row;
        let (at, affinity) = self.laid(&found).character(row, point.column, bias);
        let range = self.layers.line_range(found.line);
        let at = self.layers.to_buffer(FoldOffset(range.start.0 + at).min(range.end));
        Place { at, affinity }
    }

    /// The nearest place where a caret can stand.
    pub fn clip(&self, point: DisplayPoint, bias: Bias) -> DisplayPoint {
        self.to_display(self.to_buffer(point, bias), Bias::Before)
    }

    /// The row that starts a line, or the one whose fold hides that start.
    pub fn row_of_line(&self, line: Line) -> Row {
        self.to_display(self.layers.rope.line_start(line), Bias::Before).row
    }

    /// The line of the document that a row begins in.
    pub fn line_of_row(&self, row: Row) -> Line {
        self.row_segments(row, 0..0).line
    }

    /// Rows as they are drawn, clamped to those that there are, each with its parts between two
    /// columns: the cost is that of what is drawn, however long the lines are.
    pub fn rows(
        &self,
        rows: Range<Row>,
        columns: Range<usize>,
    ) -> impl Iterator<Item = DisplayRow> + '_ {
        let end = rows.end.0.min(self.row_count());
        (rows.start.0..end).map(move |row| self.row_segments(Row(row), columns.clone()))
    }

    /// One row with its parts between two columns; the last one for a row past the end.
    pub fn row_segments(&self, row: Row, columns: Range<usize>) -> DisplayRow {
        let row = row.min(self.last_row());
        let found = self.wrap.line_of_row(row.0);
        row::build(self.laid(&found), found.first_row, row.0 - found.first_row, columns)
    }
}
