//! One line laid out in rows: where each starts, and marks that make long lines cheap to search.

use super::breaks;
use super::clusters::{Cluster, Clusters, Glyph};
use super::fold::FoldLine;
use super::layers::Layers;
use crate::edit::Bias;
use crate::selection::Affinity;
use crate::width::TabWidth;

/// How lines become rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub tab: TabWidth,
    /// Cells after which rows end; none where lines are not wrapped.
    pub wrap: Option<usize>,
}

/// Characters from which on a line gets marks, and keeps its rows when it is edited.
pub(super) const LONG: usize = 4096;

/// Characters between marks.
const MARK: usize = 1024;

/// A line's rows. Offsets are characters from the start of the line in the fold layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineLayout {
    /// Where each row starts; the first at 0.
    rows: Vec<usize>,
    /// Cells before the text of every row but the first.
    pub indent: usize,
    /// Places in rows of lines that are not wrapped: offset and column.
    marks: Vec<(usize, usize)>,
    /// Where measuring stopped, if it has not reached the end; what follows is one row so far.
    pub stopped: Option<Stop>,
    /// Rows that what follows is expected to have besides.
    pub expected: usize,
}

/// Where measuring a line stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    at: usize,
    column: usize,
}

/// A change within a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineEdit {
    pub start: usize,
    pub old_end: usize,
    pub new_end: usize,
}

impl LineLayout {
    /// One row, of which nothing has been measured.
    fn empty(layers: &Layers, line: FoldLine, shape: Shape) -> Self {
        let indent = shape.wrap.map_or(0, |width| hanging(layers, line, shape.tab, width));
        let stopped = Some(Stop { at: 0, column: 0 });
        LineLayout { rows: vec![0], indent, marks: Vec::new(), stopped, expected: 0 }
    }

    /// Lays a line out, reading about `budget` characters at most. Also how many it read.
    pub fn new(layers: &Layers, line: FoldLine, shape: Shape, budget: usize) -> (Self, usize) {
        let mut layout = LineLayout::empty(layers, line, shape);
        let read = layout.go_on(layers, line, shape, budget, None);
        (layout, read)
    }

    /// The number of rows so far.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether it says no more than that the line is one row.
    pub fn is_plain(&self) -> bool {
        self.rows.len() == 1 && self.marks.is_empty() && self.stopped.is_none()
    }

    /// Goes on from where measuring stopped.
    pub fn resume(
        &mut self,
        layers: &Layers,
        line: FoldLine,
        shape: Shape,
        budget: usize,
    ) -> usize {
        self.go_on(layers, line, shape, budget, None)
    }

    /// Lays an edited line out again: what stands before the edit is kept, and what follows it
    /// from where the new rows meet the old ones.
    pub fn edited(
        &self,
        layers: &Layers,
        line: FoldLine,
        shape: Shape,
        edit: LineEdit,
        budget: usize,
    ) -> (Self, usize) {
        let mut layout = LineLayout::empty(layers, line, shape);
        let tail = (layout.indent == self.indent).then_some(Tail { old: self, edit });
        if tail.is_some() {
            let mut rows = self.rows.partition_point(|at| *at < edit.start);
            if shape.wrap.is_some() {
                // A row may end where it does because of how the next one or two begin.
                rows = rows.saturating_sub(3);
            }
            let rows = rows.max(1);
            let marks = self.marks.partition_point(|(at, _)| *at < edit.start).saturating_sub(1);
            layout.rows = self.rows[..rows].to_vec();
            layout.marks = self.marks[..marks].to_vec();
            let row = Stop { at: layout.rows[rows - 1], column: layout.row_indent(rows - 1) };
            let mark = layout.marks.last().map(|(at, column)| Stop { at: *at, column: *column });
            layout.stopped = Some(mark.filter(|mark| mark.at > row.at).unwrap_or(row));
        }
        let read = layout.go_on(layers, line, shape, budget, tail);
        (layout, read)
    }

    fn go_on(
        &mut self,
        layers: &Layers,
        line: FoldLine,
        shape: Shape,
        budget: usize,
        tail: Option<Tail<'_>>,
    ) -> usize {
        let read = match shape.wrap {
            Some(width) => self.wrap(layers, line, shape.tab, width, budget, tail),
            None => self.mark(layers, line, shape.tab, budget, tail),
        };
        self.expected = match self.stopped {
            Some(Stop { at, .. }) if shape.wrap.is_some() && at > 0 => {
                // The rest is taken to be like what is measured.
                (layers.length(line) - at) * (self.rows.len() - 1) / at
            }
            _ => 0,
        };
        read
    }

    /// Adds wrapped rows until the line ends, the budget does, or the old rows are met.
    fn wrap(
        &mut self,
        layers: &Layers,
        line: FoldLine,
        tab: TabWidth,
        width: usize,
        budget: usize,
        tail: Option<Tail<'_>>,
    ) -> usize {
        let Some(start) = self.stopped else { return 0 };
        let mut at = start.at;
        loop {
            let column = if at == 0 { 0 } else { self.indent };
            let Some(next) = row_end(Clusters::new(layers, line, at), at, column, width, tab)
            else {
                self.stopped = None;
                return layers.length(line).saturating_sub(start.at);
            };
            self.rows.push(next);
            at = next;
            if let Some((tail, index)) = tail.and_then(|tail| Some((tail, tail.row(at)?))) {
                let rest = &tail.old.rows[index + 1..];
                self.rows.extend(rest.iter().map(|row| tail.shift(*row)));
                self.stopped = tail.stopped();
                return at - start.at;
            }
            if at - start.at >= budget {
                self.stopped = Some(Stop { at, column: self.indent });
                return at - start.at;
            }
        }
    }

    /// Adds marks, and rows where inlays break the line.
    fn mark(
        &mut self,
        layers: &Layers,
        line: FoldLine,
        tab: TabWidth,
        budget: usize,
        tail: Option<Tail<'_>>,
    ) -> usize {
        let Some(Stop { at: start, mut column }) = self.stopped else { return 0 };
        let mut marked = start;
        for cluster in Clusters::new(layers, line, start) {
            let at = cluster.at;
            if at > start {
                if let Some(tail) = tail
                    && tail.old.rows.len() == 1
                    && let Some(index) = tail.mark(at, column, tab)
                {
                    let shift = |mark: &(usize, usize)| {
                        (tail.shift(mark.0), column + mark.1 - tail.old.marks[index].1)
                    };
                    self.marks.extend(tail.old.marks[index..].iter().map(shift));
                    self.stopped = tail.stopped().map(|stop| Stop {
                        column: column + stop.column - tail.old.marks[index].1,
                        ..stop
                    });
                    return at - start;
                }
                if at - marked >= MARK {
                    self.marks.push((at, column));
                    marked = at;
                }
                if at - start >= budget {
                    self.stopped = Some(Stop { at, column });
                    return at - start;
                }
            }
            column = cluster.glyph.advance(column, tab);
            if cluster.glyph == Glyph::Break {
                self.rows.push(at + cluster.chars);
                column = 0;
            }
        }
        self.stopped = None;
        layers.length(line).saturating_sub(start)
    }

    /// The column that a row's text starts in.
    pub fn row_indent(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.indent }
    }

    /// The characters of a row; none at the end for the last one.
    pub fn row(&self, row: usize) -> (usize, Option<usize>) {
        (self.rows[row.min(self.rows.len() - 1)], self.rows.get(row + 1).copied())
    }

    /// The row above the one that starts exactly with a character.
    fn above(&self, at: usize) -> Option<usize> {
        self.rows.binary_search(&at).ok()?.checked_sub(1)
    }

    /// The row of a character, and a place at or before it whose column is known.
    fn before(&self, at: usize) -> (usize, Stop) {
        let row = self.rows.partition_point(|start| *start <= at) - 1;
        let start = Stop { at: self.rows[row], column: self.row_indent(row) };
        let marks = self.marks.partition_point(|(mark, _)| *mark <= at);
        let mark = marks.checked_sub(1).map(|last| self.marks[last]);
        let mark = mark.filter(|(at, _)| *at > start.at);
        (row, mark.map_or(start, |(at, column)| Stop { at, column }))
    }

    /// The last place of a row at or before a column that is known.
    fn before_column(&self, row: usize, column: usize) -> Stop {
        let (start, end) = self.row(row);
        let first = self.marks.partition_point(|(at, _)| *at <= start);
        let last = self.marks.partition_point(|(at, _)| end.is_none_or(|end| *at < end));
        let row_marks = &self.marks[first..last.max(first)];
        let marks = row_marks.partition_point(|mark| mark.1 <= column);
        match marks.checked_sub(1).map(|mark| row_marks[mark]) {
            Some((at, column)) => Stop { at, column },
            None => Stop { at: start, column: self.row_indent(row) },
        }
    }
}

/// A line, its layout where it has one, and how to read it.
#[derive(Clone, Copy)]
pub(super) struct LaidLine<'l> {
    pub layers: &'l Layers,
    pub line: FoldLine,
    pub layout: Option<&'l LineLayout>,
    pub tab: TabWidth,
}

impl<'l> LaidLine<'l> {
    /// The row and column of a character; a cluster's start for one inside it. Where a row starts
    /// because the one above was full, that one's end is the same place, seen upstream.
    pub fn place(self, at: usize, affinity: Affinity) -> (usize, usize) {
        if affinity == Affinity::Upstream
            && let Some(above) = self.layout.and_then(|layout| layout.above(at))
            && let Some((last, columns)) = self.clusters(above, usize::MAX).last()
            && last.glyph != Glyph::Break
        {
            return (above, columns.end);
        }
        let (row, from) = match self.layout {
            Some(layout) => layout.before(at),
            None => (0, Stop { at: 0, column: 0 }),
        };
        let mut column = from.column;
        for cluster in Clusters::new(self.layers, self.line, from.at) {
            if cluster.at + cluster.chars > at {
                break;
            }
            column = cluster.glyph.advance(column, self.tab);
        }
        (row, column)
    }

    /// The character at a column of a row; the row's end for a column past it, seen upstream if
    /// another row follows.
    pub fn character(self, row: usize, column: usize, bias: Bias) -> (usize, Affinity) {
        let (start, end) = self.row(row);
        let placed = |at: usize| match end == Some(at) {
            true => (at, Affinity::Upstream),
            false => (at, Affinity::Downstream),
        };
        let mut last = start;
        for (cluster, range) in self.clusters(row, column) {
            last = cluster.at + cluster.chars;
            let is_break = cluster.glyph == Glyph::Break;
            if range.end > column || is_break {
                let after = bias == Bias::After && range.start < column && !is_break;
                return placed(if after { last } else { cluster.at });
            }
        }
        placed(last)
    }

    /// Where a row starts, and where it ends unless it is the last.
    pub fn row(self, row: usize) -> (usize, Option<usize>) {
        self.layout.map_or((0, None), |layout| layout.row(row))
    }

    /// The clusters of a row with the columns that they stand in, from one at or before a column.
    pub fn clusters(
        self,
        row: usize,
        column: usize,
    ) -> impl Iterator<Item = (Cluster, std::ops::Range<usize>)> + 'l {
        let from = match self.layout {
            Some(layout) => layout.before_column(row, column),
            None => Stop { at: 0, column: 0 },
        };
        let (_, end) = self.row(row);
        let mut column = from.column;
        Clusters::new(self.layers, self.line, from.at)
            .take_while(move |cluster| end.is_none_or(|end| cluster.at < end))
            .map(move |cluster| {
                let start = column;
                column = cluster.glyph.advance(column, self.tab);
                (cluster, start..column)
            })
    }
}

/// The layout before an edit, whose rows may come back after it.
#[derive(Clone, Copy)]
struct Tail<'o> {
    old: &'o LineLayout,
    edit: LineEdit,
}

impl Tail<'_> {
    fn shift(self, at: usize) -> usize {
        at - self.edit.old_end + self.edit.new_end
    }

    /// The same place in the old line, if it lies behind the edit.
    fn unshift(self, at: usize) -> Option<usize> {
        (at > self.edit.new_end).then(|| at - self.edit.new_end + self.edit.old_end)
    }

    fn row(self, at: usize) -> Option<usize> {
        self.old.rows.binary_search(&self.unshift(at)?).ok()
    }

    /// A mark at this place after which all columns moved by a whole number of tab stops.
    fn mark(self, at: usize, column: usize, tab: TabWidth) -> Option<usize> {
        let old = self.unshift(at)?;
        let index = self.old.marks.binary_search_by_key(&old, |(at, _)| *at).ok()?;
        let moved = column.abs_diff(self.old.marks[index].1);
        moved.is_multiple_of(tab.cells()).then_some(index)
    }

    fn stopped(self) -> Option<Stop> {
        self.old.stopped.map(|stop| Stop { at: self.shift(stop.at), ..stop })
    }
}

/// Cells of a line's leading white space, which its other rows are indented by; at most half of
/// the width, so that they have room.
fn hanging(layers: &Layers, line: FoldLine, tab: TabWidth, width: usize) -> usize {
    let mut column = 0;
    for cluster in Clusters::new(layers, line, 0) {
        if !matches!(cluster.glyph, Glyph::Tab | Glyph::Space) || column > width {
            break;
        }
        column = cluster.glyph.advance(column, tab);
    }
    column.min(width / 2)
}

/// Where the row ends whose clusters these are; none if the line ends in it.
///
/// A row ends at the last place that fits at which a line may be broken ([`breaks`]), and in the
/// middle of a word only if the word fills the row. One white space may stand beyond the width, so
/// that a word that just fits stays.
fn row_end(
    mut clusters: Clusters<'_>,
    start: usize,
    mut column: usize,
    width: usize,
    tab: TabWidth,
) -> Option<usize> {
    // The row's text so far, and where each cluster starts in it.
    let mut text = String::new();
    let mut starts: Vec<(usize, usize)> = Vec::new();
    while let Some(cluster) = clusters.next() {
        let Cluster { at, glyph, .. } = cluster;
        if glyph == Glyph::Break {
            return Some(at + cluster.chars);
        }
        let is_space = matches!(glyph, Glyph::Space | Glyph::Tab);
        let next = glyph.advance(column, tab);
        let needed = if is_space { column } else { next };
        starts.push((text.len(), at));
        text.push_str(clusters.text(&cluster));
        if needed > width && at > start {
            let last = breaks::last(&text, |byte| {
                starts.binary_search_by_key(&byte, |(byte, _)| *byte).is_ok()
            });
            let index = last.map(|byte| starts.partition_point(|(start, _)| *start < byte));
            return Some(index.map_or(at, |index| starts[index].1));
        }
        column = next;
    }
    None
}
