//! The last layer: lines become rows.
//!
//! Lines stand in a [`SumTree`] as runs of lines that are one row each, and as single lines that
//! are laid out. A line that has not been measured is one row, not wrapped: every question has an
//! exact answer at every moment, and the answers change as measuring goes on. With wrapping off
//! the whole text is one run; measuring then only gives long lines their marks.
//!
//! How high the text will be is a question of its own: there a line that is not measured counts
//! as many rows as lines of this text have on average, taken from a sample.

use std::ops::Range;
use std::sync::Arc;

use super::clusters::Clusters;
use super::fold::{FoldLine, FoldOffset};
use super::inline::Span;
use super::layers::Layers;
use super::layout::{LONG, LaidLine, LineEdit, LineLayout, Shape};
use super::sum_tree::{Item, Sum, SumTree};

/// Characters that an edit may measure by itself; the rest is left to [`WrapMap::measure`].
const EDIT_BUDGET: usize = 1 << 16;

/// What reading one line costs besides its characters.
const LINE_COST: usize = 16;

/// Lines that are looked at to see how high lines are.
const SAMPLE: usize = 512;

/// Characters of a line that are looked at for that; the others are taken to be like them.
const SAMPLE_CHARS: usize = 1024;

/// Rows of all lines.
#[derive(Clone)]
pub(super) struct WrapMap {
    tree: SumTree<Lines>,
    shape: Shape,
    /// Rows of a line that is not measured, on average; at least 1.
    average: f64,
}

#[derive(Clone)]
enum Lines {
    /// Lines of one row each.
    Run { count: usize, state: State },
    /// A line with several rows or with marks.
    Laid(Arc<LineLayout>),
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Measured,
    Unmeasured,
}

#[derive(Clone, Copy, Default)]
struct LineSum {
    lines: usize,
    rows: usize,
    /// Lines that are not measured to their end.
    unmeasured: usize,
    /// Those of them of which nothing is measured.
    untouched: usize,
    /// Rows that the others are expected to have besides those that are counted.
    expected: usize,
}

impl Item for Lines {
    type Sum = LineSum;

    fn sum(&self) -> LineSum {
        match self {
            Lines::Run { count, state } => LineSum {
                lines: *count,
                rows: *count,
                unmeasured: if *state == State::Unmeasured { *count } else { 0 },
                untouched: if *state == State::Unmeasured { *count } else { 0 },
                expected: 0,
            },
            Lines::Laid(layout) => LineSum {
                lines: 1,
                rows: layout.rows(),
                unmeasured: usize::from(layout.stopped.is_some()),
                untouched: 0,
                expected: layout.expected,
            },
        }
    }
}

impl Sum for LineSum {
    fn plus(self, next: LineSum) -> LineSum {
        LineSum {
            lines: self.lines + next.lines,
            rows: self.rows + next.rows,
            unmeasured: self.unmeasured + next.unmeasured,
            untouched: self.untouched + next.untouched,
            expected: self.expected + next.expected,
        }
    }
}

/// A line found by one of its rows.
pub(super) struct FoundLine<'m> {
    pub line: FoldLine,
    /// The row that the line starts with.
    pub first_row: usize,
    layout: Option<&'m Arc<LineLayout>>,
    state: State,
}

impl<'m> FoundLine<'m> {
    pub fn laid<'l>(&self, layers: &'l Layers, shape: Shape) -> LaidLine<'l>
    where
        'm: 'l,
    {
        let layout = self.layout.map(|layout| &**layout);
        LaidLine { layers, line: self.line, layout, tab: shape.tab }
    }

    pub fn rows(&self) -> usize {
        self.layout.map_or(1, |layout| layout.rows())
    }
}

/// Lines that give way to others.
struct LineSpan {
    old: Range<usize>,
    new: Range<usize>,
    span: Span<FoldOffset>,
}

impl WrapMap {
    pub fn new(layers: &Layers, shape: Shape) -> Self {
        let tree = SumTree::new([Lines::Run { count: layers.lines(), state: State::Unmeasured }]);
        let average = average(layers, shape);
        let mut map = WrapMap { tree, shape, average };
        // Ghost text of several lines shows all of them from the start.
        for inlay in layers.inline.inlays().filter(|inlay| inlay.text.contains('\n')) {
            let line = layers.line_of(inlay.at);
            let (laid, _) = map.lay(layers, line, EDIT_BUDGET);
            map.replace(line.0..line.0 + 1, vec![laid]);
        }
        map
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn rows(&self) -> usize {
        self.tree.sum().rows
    }

    pub fn unmeasured(&self) -> usize {
        self.tree.sum().unmeasured
    }

    fn height_of(&self, sum: LineSum) -> f64 {
        let more = self.average - 1.0;
        (sum.rows + sum.expected) as f64 + sum.untouched as f64 * more
    }

    /// See [`super::DisplayMap::height`].
    pub fn height(&self) -> f64 {
        self.height_of(self.tree.sum())
    }

    /// See [`super::DisplayMap::height_above`].
    pub fn height_above(&self, row: usize) -> f64 {
        let Some(found) = self.tree.find(|sum| sum.rows > row) else { return self.height() };
        let share = (row - found.before.rows) as f64 / found.item.sum().rows as f64;
        self.height_of(found.before) + share * self.height_of(found.item.sum())
    }

    /// See [`super::DisplayMap::row_below`].
    pub fn row_below(&self, height: f64) -> f64 {
        let Some(found) = self.tree.find(|sum| self.height_of(sum) > height) else {
            return self.rows() as f64;
        };
        let sum = found.item.sum();
        let share = (height - self.height_of(found.before)) / self.height_of(sum);
        found.before.rows as f64 + share * sum.rows as f64
    }

    fn found(&self, row: Option<usize>, line: Option<usize>) -> FoundLine<'_> {
        let enough = |sum: LineSum| {
            row.is_some_and(|row| sum.rows > row) || line.is_some_and(|line| sum.lines > line)
        };
        let found = self.tree.find(enough).expect("the row or line was clamped to the text");
        match found.item {
            Lines::Run { state, .. } => {
                let skipped = match (row, line) {
                    (Some(row), _) => row - found.before.rows,
                    (None, line) => line.map_or(0, |line| line - found.before.lines),
                };
                FoundLine {
                    line: FoldLine(found.before.lines + skipped),
                    first_row: found.before.rows + skipped,
                    layout: None,
                    state: *state,
                }
            }
            Lines::Laid(layout) => FoundLine {
                line: FoldLine(found.before.lines),
                first_row: found.before.rows,
                layout: Some(layout),
                state: match layout.stopped {
                    Some(_) => State::Unmeasured,
                    None => State::Measured,
                },
            },
        }
    }

    /// The line that shows a row; the last line for a row past the end.
    pub fn line_of_row(&self, row: usize) -> FoundLine<'_> {
        self.found(Some(row.min(self.rows() - 1)), None)
    }

    /// A line; the last one for a line past the end.
    pub fn line(&self, line: FoldLine) -> FoundLine<'_> {
        self.found(None, Some(line.0.min(self.tree.sum().lines - 1)))
    }

    /// The row that a line starts with; the number of rows for a line past the end.
    fn row_of(&self, line: usize) -> usize {
        match line < self.tree.sum().lines {
            true => self.line(FoldLine(line)).first_row,
            false => self.rows(),
        }
    }

    /// Lays out one line, reading about `budget` characters at most.
    fn lay(&self, layers: &Layers, line: FoldLine, budget: usize) -> (Lines, usize) {
        if self.shape.wrap.is_none() && layers.length(line) < LONG && !layers.has_breaks(line) {
            return (Lines::Run { count: 1, state: State::Measured }, LINE_COST);
        }
        let (layout, read) = LineLayout::new(layers, line, self.shape, budget);
        (Lines::of(layout), read + LINE_COST)
    }

    /// Items in place of those of some lines.
    fn replace(&mut self, lines: Range<usize>, new: Vec<Lines>) {
        let (left, rest) = self.cut(&self.tree, lines.start);
        let (_, right) = self.cut(&rest, lines.end - lines.start);
        let (left, last) = left.cut(left.len().saturating_sub(1));
        let (first, right) = right.cut(1);
        let edge = |tree: SumTree<Lines>| tree.get(0).cloned();
        let mut items: Vec<Lines> = Vec::with_capacity(new.len() + 2);
        for item in edge(last).into_iter().chain(new).chain(edge(first)) {
            match (items.last_mut(), &item) {
                (Some(Lines::Run { count, state }), Lines::Run { count: more, state: same })
                    if state == same =>
                {
                    *count += more
                }
                _ => items.push(item),
            }
        }
        self.tree = left.join(&SumTree::new(items)).join(&right);
    }

    /// A tree's first lines, and the rest.
    fn cut(&self, tree: &SumTree<Lines>, line: usize) -> (SumTree<Lines>, SumTree<Lines>) {
        let Some(found) = tree.find(|sum| sum.lines > line) else {
            return (tree.clone(), SumTree::new([]));
        };
        let inside = line - found.before.lines;
        let (left, right) = tree.cut(found.index);
        match found.item {
            Lines::Run { count, state } if inside > 0 => {
                let run = |count| SumTree::new([Lines::Run { count, state: *state }]);
                let (_, after) = right.cut(1);
                (left.join(&run(inside)), run(count - inside).join(&after))
            }
            _ => (left, right),
        }
    }

    /// Measures lines that are not, from the first of them on, reading about `budget` characters.
    pub fn measure(&mut self, layers: &Layers, budget: usize) {
        let mut left = budget.max(1);
        while left > 0 && self.unmeasured() > 0 {
            let found = self.tree.find(|sum| sum.unmeasured > 0);
            let found = found.expect("a line is unmeasured");
            let first = found.before.lines;
            match found.item {
                Lines::Laid(layout) => {
                    let mut layout = LineLayout::clone(layout);
                    let read = layout.resume(layers, FoldLine(first), self.shape, left);
                    left = left.saturating_sub(read + LINE_COST);
                    self.replace(first..first + 1, vec![Lines::of(layout)]);
                }
                Lines::Run { count, .. } => {
                    let mut items = Vec::new();
                    for line in first..first + count {
                        if left == 0 {
                            break;
                        }
                        let (item, read) = self.lay(layers, FoldLine(line), left);
                        left = left.saturating_sub(read);
                        items.push(item);
                    }
                    self.replace(first..first + items.len(), items);
                }
            }
        }
    }

    /// Measures the lines that show some rows, reading about `budget` characters.
    pub fn measure_rows(&mut self, layers: &Layers, rows: Range<usize>, budget: usize) {
        let mut left = budget.max(1);
        let mut row = rows.start;
        while row < rows.end.min(self.rows()) && left > 0 {
            let found = self.line_of_row(row);
            let (line, first_row) = (found.line, found.first_row);
            let is_far = first_row + found.rows() > rows.end;
            if found.state == State::Unmeasured && !is_far {
                let layout = found.layout.cloned();
                // A long line is measured as far as it is seen, a piece at a time.
                let (item, read) = match layout {
                    None => self.lay(layers, line, left.min(LONG)),
                    Some(layout) => {
                        let mut layout = LineLayout::clone(&layout);
                        let read = layout.resume(layers, line, self.shape, left.min(LONG));
                        (Lines::of(layout), read + LINE_COST)
                    }
                };
                left = left.saturating_sub(read);
                self.replace(line.0..line.0 + 1, vec![item]);
                if self.line(line).state == State::Unmeasured && self.shape.wrap.is_some() {
                    continue;
                }
            }
            let found = self.line(line);
            row = found.first_row + found.rows();
        }
    }

    /// After the layers below have changed. The rows that gave way to others, in order.
    pub fn apply(
        &mut self,
        old: &Layers,
        new: &Layers,
        spans: &[Span<FoldOffset>],
    ) -> Vec<Span<usize>> {
        let groups = line_spans(old, new, spans);
        let before = self.clone();
        let mut left = EDIT_BUDGET;
        for group in groups.iter().rev() {
            let items = self.lay_group(old, new, group, &mut left);
            self.replace(group.old.clone(), items);
        }
        if left == 0 {
            // Much came at once, and the lines that were not measured may be unlike the others.
            self.average = average(new, self.shape);
        }
        let row_span = |group: &LineSpan| Span {
            old: before.row_of(group.old.start)..before.row_of(group.old.end),
            new: self.row_of(group.new.start)..self.row_of(group.new.end),
        };
        groups.iter().map(row_span).collect()
    }

    fn lay_group(
        &self,
        old: &Layers,
        new: &Layers,
        group: &LineSpan,
        left: &mut usize,
    ) -> Vec<Lines> {
        let first = FoldLine(group.new.start);
        if group.old.len() == 1
            && group.new.len() == 1
            && let Some(layout) = self.line(FoldLine(group.old.start)).layout
            && new.length(first) >= LONG
        {
            let old_start = old.line_range(FoldLine(group.old.start)).start.0;
            let new_start = new.line_range(first).start.0;
            let span = &group.span;
            let edit = LineEdit {
                start: (span.old.start.0.saturating_sub(old_start))
                    .min(span.new.start.0.saturating_sub(new_start)),
                old_end: span.old.end.0 - old_start,
                new_end: span.new.end.0 - new_start,
            };
            let (layout, read) = layout.edited(new, first, self.shape, edit, *left);
            *left = left.saturating_sub(read);
            return vec![Lines::of(layout)];
        }
        let mut items = Vec::new();
        for line in group.new.clone() {
            if *left == 0 {
                let count = group.new.end - line;
                items.push(Lines::Run { count, state: State::Unmeasured });
                break;
            }
            let (item, read) = self.lay(new, FoldLine(line), *left);
            *left = left.saturating_sub(read);
            items.push(item);
        }
        items
    }
}

impl Lines {
    fn of(layout: LineLayout) -> Lines {
        match layout.is_plain() {
            true => Lines::Run { count: 1, state: State::Measured },
            false => Lines::Laid(Arc::new(layout)),
        }
    }
}

/// Rows of a line on average, in a sample of lines from all over the text.
fn average(layers: &Layers, shape: Shape) -> f64 {
    let Some(width) = shape.wrap else { return 1.0 };
    let lines = layers.lines();
    let count = lines.min(SAMPLE);
    let mut rows = 0.0;
    for index in 0..count {
        let line = FoldLine(index * lines / count);
        let length = layers.length(line);
        let mut cells = 0;
        let mut clusters = Clusters::new(layers, line, 0);
        let mut read = 0;
        while read < SAMPLE_CHARS
            && let Some(cluster) = clusters.next()
        {
            cells = cluster.glyph.advance(cells, shape.tab);
            read += cluster.chars;
        }
        // A row is rarely full: the word that did not fit has gone to the next.
        let room = width as f64 - if cells > width { 2.5_f64.min(width as f64 / 8.0) } else { 0.0 };
        let all = cells as f64 * length as f64 / read.max(1) as f64;
        rows += (all / room).ceil().max(1.0);
    }
    rows / count.max(1) as f64
}

/// The lines that spans touch, those that meet taken together.
fn line_spans(old: &Layers, new: &Layers, spans: &[Span<FoldOffset>]) -> Vec<LineSpan> {
    let mut groups: Vec<LineSpan> = Vec::new();
    for span in spans {
        let lines = |layers: &Layers, range: &Range<FoldOffset>| {
            let [start, end] = [range.start, range.end].map(|at| layers.to_buffer(at));
            layers.line_of(start).0..layers.line_of(end).0 + 1
        };
        let next =
            LineSpan { old: lines(old, &span.old), new: lines(new, &span.new), span: span.clone() };
        match groups.last_mut() {
            Some(last) if next.old.start < last.old.end || next.new.start < last.new.end => {
                last.old.end = last.old.end.max(next.old.end);
                last.new.end = last.new.end.max(next.new.end);
                last.span.old.end = last.span.old.end.max(next.span.old.end);
                last.span.new.end = last.span.new.end.max(next.span.new.end);
            }
            _ => groups.push(next),
        }
    }
    groups
}
