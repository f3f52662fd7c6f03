//! One view of a buffer: where its carets are, what of it is seen.
//!
//! A view has no text of its own and no pixels; `paint` draws it, the program edits it.

pub mod colors;
pub mod heard;
pub mod paint;
pub mod rows;

use std::sync::Arc;

use render::geometry::Rect;
use text::display::{DisplayMap, DisplayPoint, Inlay, InlayId, InlayKind, Row};
use text::edit::{Bias, map_through};
use text::movement::columns::Columns;
use text::width::TabWidth;
use text::{Change, CharOffset, CharRange, Place, Positions, Rope, Selection, Selections};

use crate::buffer::BufferId;
use crate::compare::{Alignment, Shown};
use crate::find::Find;
use rows::{Moved, RowCache};

/// The one inlay that a view has of its own: what an input method composes.
const PREEDIT: InlayId = InlayId(1);

/// Whether lines are wrapped at the view's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// They go on beyond it.
    Off,
    /// They are.
    On,
}

/// How large things are drawn, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Size of the em.
    pub font: f32,
    /// Width of a cell.
    pub cell: f32,
    /// Height of a row.
    pub row: f32,
}

/// What of the text is at the top left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scroll {
    /// The first row, with the part of it that is above the edge.
    pub row: f64,
    /// Logical pixels that are left of the edge.
    pub x: f32,
}

/// What scrolling keeps in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// Rows above and below the caret.
    pub rows: usize,
    /// How far down one can scroll.
    pub end: ScrollEnd,
}

/// Where scrolling down ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrollEnd {
    /// With the last row at the top.
    LastRowOnTop,
    /// With the last row at the bottom.
    LastRowBelow,
}

impl Default for Margins {
    fn default() -> Self {
        Margins { rows: 3, end: ScrollEnd::LastRowOnTop }
    }
}

/// What the next frame has to bring into view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Nothing: the person scrolled.
    Nothing,
    /// The caret, moving as little as possible.
    Caret,
    /// The caret, in the middle: the person jumped.
    Center,
}

/// A view of a buffer.
pub struct EditorView {
    /// What it shows.
    pub buffer: BufferId,
    /// Where its carets are.
    pub selections: Selections,
    /// How its text lies in rows.
    pub display: DisplayMap,
    /// What is at the top left corner.
    pub scroll: Scroll,
    /// What the next frame brings into view.
    pub follow: Follow,
    /// Whether lines are wrapped.
    pub wrap: Wrap,
    /// The find bar, when it is open.
    pub find: Option<Find>,
    /// How its rows stand beside those of the text that it is compared with.
    pub alignment: Option<Alignment>,
    /// The fixed and the free corner of a selection by columns, while one is made by keys.
    pub column_block: Option<(DisplayPoint, DisplayPoint)>,
    /// Selections before they were expanded to syntax nodes, innermost last.
    pub expanded: Vec<Selections>,
    /// Where the text lay in the last frame, gutter excluded.
    pub area: Rect,
    /// How large it was drawn.
    pub scale: Scale,
    margins: Margins,
    cache: RowCache,
    /// What assistive technology was told of; `None` until there is any that listens.
    heard: Option<CharRange>,
}

impl EditorView {
    /// A view of a text, with its caret at the start.
    pub fn new(buffer: BufferId, rope: &Rope, tab: TabWidth, wrap: Wrap) -> Self {
        EditorView {
            buffer,
            selections: Selections::default(),
            display: DisplayMap::new(rope, tab),
            scroll: Scroll::default(),
            follow: Follow::Caret,
            wrap,
            find: None,
            alignment: None,
            column_block: None,
            expanded: Vec::new(),
            area: Rect { x: 0.0, y: 0.0, width: 800.0, height: 600.0 },
            scale: Scale { font: 14.0, cell: 8.4, row: 22.0 },
            margins: Margins::default(),
            cache: RowCache::default(),
            heard: None,
        }
    }

    /// Another view of the same place.
    pub fn twin(&self) -> Self {
        EditorView {
            buffer: self.buffer,
            selections: self.selections.clone(),
            display: self.display.clone(),
            scroll: self.scroll,
            follow: Follow::Nothing,
            wrap: self.wrap,
            find: None,
            alignment: None,
            column_block: None,
            expanded: Vec::new(),
            area: self.area,
            scale: self.scale,
            margins: self.margins,
            cache: RowCache::default(),
            heard: None,
        }
    }

    /// Follows a change of its buffer. The selections are those that belong to the text after it;
    /// `None` moves them along with the text.
    pub fn changed(&mut self, change: &Change, selections: Option<Selections>) {
        let before = self.display.rope().clone();
        let spans = self.display.apply(change.after(), &change.edits);
        let moved = Moved {
            lines: change.after().len_lines() as isize - before.len_lines() as isize,
            chars: change.after().len_chars() as isize - before.len_chars() as isize,
        };
        self.cache.shift(&spans, moved);
        if let Some(alignment) = &mut self.alignment {
            alignment.changed(change);
        }
        self.heard = self.heard.map(|heard| CharRange {
            start: map_through(&change.edits, heard.start, Bias::Before),
            end: map_through(&change.edits, heard.end, Bias::After),
        });
        if selections.is_none() && self.scroll.row > 0.0 {
            self.stay(&spans);
        }
        self.selections = selections
            // What somebody else inserts at a caret does not push it along.
            .unwrap_or_else(|| self.selections.mapped(&change.edits, Bias::Before));
        self.column_block = None;
        self.expanded.clear();
        if let Some(find) = &mut self.find {
            find.is_stale = true;
        }
    }

    /// Keeps what is seen where it is when rows above it come or go.
    fn stay(&mut self, spans: &[text::display::Span<Row>]) {
        let top = self.row_near(self.scroll.row.floor() as usize);
        let above = spans.iter().filter(|span| span.old.end.0 <= top);
        let moved: isize = above
            .map(|span| {
                (span.new.end.0 - span.new.start.0) as isize
                    - (span.old.end.0 - span.old.start.0) as isize
            })
            .sum();
        self.scroll.row = (self.scroll.row + moved as f64).max(0.0);
    }

    /// Sets the selections after a movement; what is selected comes into view.
    pub fn select(&mut self, selections: Selections, follow: Follow) {
        self.reveal_folded(&selections);
        self.selections = selections;
        self.follow = follow;
        self.column_block = None;
        self.expanded.clear();
    }

    /// One caret at an offset.
    pub fn go_to(&mut self, at: CharOffset, follow: Follow) {
        self.select(Selections::single(Selection::caret(at)), follow);
    }

    /// Opens the folds that hide a caret.
    fn reveal_folded(&mut self, selections: &Selections) {
        for selection in selections.iter() {
            let hides = |fold: &CharRange| fold.start < selection.head && selection.head < fold.end;
            let hidden = self.display.folds().folds().iter().copied().find(hides);
            if let Some(fold) = hidden {
                let rest: Vec<CharRange> = self
                    .display
                    .folds()
                    .folds()
                    .iter()
                    .copied()
                    .filter(|one| *one != fold)
                    .collect();
                let spans = self.display.set_folds(rest);
                self.cache.shift(&spans, Moved::default());
            }
        }
    }

    /// Folds exactly these ranges; a caret inside one goes to its start.
    pub fn set_folds(&mut self, folds: Vec<CharRange>) {
        let spans = self.display.set_folds(folds);
        self.cache.shift(&spans, Moved::default());
        let folds = self.display.folds().folds();
        let out = |at: CharOffset| {
            let hides = |fold: &&CharRange| fold.start < at && at < fold.end;
            folds.iter().find(hides).map_or(at, |fold| fold.start)
        };
        self.selections = self.selections.map(|one| Selection::new(out(one.anchor), out(one.head)));
        self.follow = Follow::Caret;
    }

    /// Shows what an input method composes at the caret; an empty text ends it.
    pub fn compose(&mut self, text: &str) {
        let at = self.selections.primary().head;
        let inlays = match text.is_empty() {
            true => Vec::new(),
            false => vec![Inlay {
                id: PREEDIT,
                at,
                bias: Bias::After,
                kind: InlayKind::Preedit,
                text: Arc::from(text),
            }],
        };
        let spans = self.display.set_inlays(inlays);
        self.cache.shift(&spans, Moved::default());
        self.follow = Follow::Caret;
    }

    /// Shows the text beside another.
    pub fn align(&mut self, alignment: Alignment) {
        self.alignment = Some(alignment);
    }

    /// Cells of a row that there is room for; one is kept for the caret behind the last character.
    pub fn room(&self) -> usize {
        ((self.area.width / self.scale.cell) as usize).saturating_sub(1).max(8)
    }

    /// How many rows there are, those that are blank beside another text included.
    pub fn shown_rows(&self) -> usize {
        self.display.row_count() + self.alignment.as_ref().map_or(0, Alignment::blanks)
    }

    /// Where a row is shown.
    pub fn shown_row(&self, row: usize) -> usize {
        self.alignment.as_ref().map_or(row, |alignment| alignment.row_of(row))
    }

    /// The row that is shown in a place; `None` where it is blank.
    pub fn row_shown(&self, at: usize) -> Option<usize> {
        match self.alignment.as_ref().map_or(Shown::Line(at), |alignment| alignment.shown(at)) {
            Shown::Line(row) => Some(row),
            Shown::Blank(_) => None,
        }
    }

    /// The row that is shown in a place, or the next below where it is blank.
    pub fn row_near(&self, at: usize) -> usize {
        let shown = self.alignment.as_ref().map_or(Shown::Line(at), |one| one.shown(at));
        let (Shown::Line(row) | Shown::Blank(row)) = shown;
        row.min(self.display.last_row().0)
    }

    /// Whether an input method is composing.
    pub fn is_composing(&self) -> bool {
        self.display.inline().inlays().next().is_some()
    }

    /// A row that was drawn lately.
    pub fn drawn_row(&self, row: usize) -> Option<&rows::RowLayout> {
        self.cache.drawn(Row(row))
    }

    /// Forgets drawn rows: the theme, the fonts or the colours of all lines changed.
    pub fn forget_rows(&mut self) {
        self.cache.clear();
    }

    /// Fits the rows to the room, measures what will be seen and brings into view what has to be.
    pub fn lay_out(&mut self, area: Rect, scale: Scale, tab: TabWidth, margins: Margins) {
        self.margins = margins;
        if scale != self.scale || tab != self.display.tab_width() {
            self.cache.clear();
        }
        self.area = area;
        self.scale = scale;
        self.display.set_tab_width(tab);
        let wrap = match self.wrap {
            Wrap::Off => None,
            Wrap::On => {
                // Equal lines of two texts are equally high where both have the same room.
                let both = self.alignment.as_ref().and_then(|alignment| alignment.room);
                Some(both.map_or(self.room(), |both| both.min(self.room())))
            }
        };
        if wrap != self.display.wrap_width() {
            let top = Row(self.row_near(self.scroll.row as usize));
            let top = self.display.row_segments(top, 0..0).range.start;
            self.display.set_wrap(wrap);
            self.cache.clear();
            let row = self.display.to_display(top, Bias::Before).row;
            // The line that was at the top may have been scrolled into.
            self.display.measure_rows(row..Row(row.0 + 1), MEASURE_BUDGET);
            let row = self.display.to_display(top, Bias::Before).row.0;
            self.scroll.row = self.shown_row(row) as f64;
        }
        let follow = self.follow;
        self.bring_into_view();
        if self.measure_seen() && follow != Follow::Nothing {
            // Lines above the caret turned out to be higher.
            self.follow = follow;
            self.bring_into_view();
            self.measure_seen();
        }
    }

    /// Measures what will be drawn; answers whether rows have moved.
    fn measure_seen(&mut self) -> bool {
        let top = self.row_near(self.scroll.row as usize);
        let rows = Row(top)..Row(top + self.rows_in_view() + 2);
        let before = self.display.row_count();
        self.display.measure_rows(rows, MEASURE_BUDGET);
        let has_moved = self.display.row_count() != before;
        if has_moved {
            self.cache.clear();
        }
        has_moved
    }

    /// Measures that many rows above the first that is seen, from there upwards, and keeps it
    /// where it is.
    fn measure_above(&mut self, rows: usize) {
        // Further away is a jump, after which nothing is where it was.
        if self.wrap == Wrap::Off || rows > 4 * self.rows_in_view() {
            return;
        }
        let first = self.scroll.row.floor() as usize;
        let anchor = self.display.row_segments(Row(first), 0..0).range.start;
        let mut top = first;
        for above in 1..=rows {
            let Some(row) = top.checked_sub(above) else { break };
            let before = self.display.row_count();
            self.display.measure_rows(Row(row)..Row(row + 1), MEASURE_BUDGET);
            if self.display.row_count() != before {
                top = self.display.to_display(anchor, Bias::Before).row.0;
                self.cache.clear();
            }
        }
        self.scroll.row += top as f64 - first as f64;
    }

    /// The cells of a row that are worth shaping, in steps so that scrolling keeps what is cached.
    pub fn columns(&self) -> std::ops::Range<usize> {
        const STEP: usize = 512;
        let left = (self.scroll.x / self.scale.cell) as usize;
        let right = left + (self.area.width / self.scale.cell) as usize + 1;
        let start = if left < 2 * STEP { 0 } else { (left / STEP - 1) * STEP };
        start..(right / STEP + 2) * STEP
    }

    /// Rows that fit into the view, the last one perhaps in part.
    pub fn rows_in_view(&self) -> usize {
        (self.area.height / self.scale.row).ceil().max(1.0) as usize
    }

    /// Rows that fit into the view whole: how far a page goes.
    pub fn page(&self) -> usize {
        ((self.area.height / self.scale.row).floor() as usize).saturating_sub(2).max(1)
    }

    /// Scrolls, without moving carets; the last row may come up to the top.
    pub fn scroll_by(&mut self, rows: f64, x: f32) {
        if rows < 0.0 {
            self.measure_above(rows.abs().ceil() as usize);
        }
        self.scroll.row = (self.scroll.row + rows).clamp(0.0, self.scroll_row_max());
        self.scroll.x = match self.wrap {
            Wrap::On => 0.0,
            Wrap::Off => (self.scroll.x + x).clamp(0.0, self.scroll_x_max()),
        };
        self.follow = Follow::Nothing;
    }

    /// How far to the right one can scroll: to the end of the longest row that was drawn.
    pub fn scroll_x_max(&self) -> f32 {
        (self.cache.widest() + 8.0 * self.scale.cell - self.area.width).max(0.0)
    }

    /// The row that is at the top when one has scrolled to the end.
    pub fn scroll_row_max(&self) -> f64 {
        let last = self.shown_rows().saturating_sub(1) as f64;
        match self.margins.end {
            ScrollEnd::LastRowOnTop => last,
            ScrollEnd::LastRowBelow => {
                (last + 1.0 - f64::from((self.area.height / self.scale.row).floor())).max(0.0)
            }
        }
    }

    /// How far down one has scrolled, 0 to 1. Lines that are not measured count as high as they
    /// are expected to be, so that measuring them hardly moves the scroll bar.
    pub fn scroll_share(&self) -> f64 {
        let row = self.scroll.row.floor() as usize;
        let [above, next] = [row, row + 1].map(|row| self.height_above(row));
        let height = above + (next - above) * self.scroll.row.fract();
        (height / self.scroll_height_max().max(1.0)).clamp(0.0, 1.0)
    }

    /// The first row that is seen when one has scrolled so far.
    pub fn row_at_share(&self, share: f64) -> f64 {
        let height = share * self.scroll_height_max();
        let row = match self.alignment {
            Some(_) => height,
            None => self.display.row_below(height),
        };
        row.clamp(0.0, self.scroll_row_max())
    }

    /// How many rows are above the edge when one has scrolled to the end, as far as is known.
    pub fn scroll_height_max(&self) -> f64 {
        let last = (self.shown_rows() - 1) as f64;
        self.height() - 1.0 - (last - self.scroll_row_max())
    }

    /// How high everything is expected to be, in rows.
    pub fn height(&self) -> f64 {
        match self.alignment {
            Some(_) => self.shown_rows() as f64,
            None => self.display.height(),
        }
    }

    fn height_above(&self, row: usize) -> f64 {
        match self.alignment {
            Some(_) => row as f64,
            None => self.display.height_above(Row(row)),
        }
    }

    /// Scrolls to what the next frame has to show.
    pub fn bring_into_view(&mut self) {
        let follow = std::mem::replace(&mut self.follow, Follow::Nothing);
        let last = self.scroll_row_max();
        self.scroll.row = self.scroll.row.clamp(0.0, last);
        if follow == Follow::Nothing || self.area.height <= 0.0 {
            return;
        }
        let head = self.selections.primary().place();
        let bias = if self.is_composing() { Bias::After } else { Bias::Before };
        let point = self.display.to_display(head, bias);
        let row = self.shown_row(point.row.0) as f64;
        let whole = f64::from((self.area.height / self.scale.row).floor().max(1.0));
        let margin = (whole / 4.0).floor().min(self.margins.rows as f64);
        let (low, high) = (self.scroll.row + margin, self.scroll.row + whole - 1.0 - margin);
        let is_outside = row < low || row > high;
        let is_far = row < self.scroll.row - whole || row > self.scroll.row + 2.0 * whole;
        if is_outside && (follow == Follow::Center || is_far) {
            self.scroll.row = (row - (whole / 2.0).floor()).max(0.0);
        } else if row < low {
            self.scroll.row = (row - margin).max(0.0);
        } else if row > high {
            self.scroll.row = row - whole + 1.0 + margin;
        }
        // Whole rows at the top when the keyboard leads.
        self.scroll.row = self.scroll.row.round().min(last);
        if self.wrap == Wrap::Off {
            let x = point.column as f32 * self.scale.cell;
            let margin = (4.0 * self.scale.cell).min(self.area.width / 4.0);
            let right = self.scroll.x + self.area.width - margin;
            if x < self.scroll.x + margin {
                self.scroll.x = (x - margin).max(0.0);
            } else if x > right {
                self.scroll.x = x - self.area.width + margin;
            }
        } else {
            self.scroll.x = 0.0;
        }
    }

    /// The folds that begin on a line, if any does.
    pub fn fold_at(&self, line: text::Line, rope: &Rope) -> Option<CharRange> {
        let range = rope.line_range(line);
        let begins = |fold: &&CharRange| range.start <= fold.start && fold.start <= range.end;
        self.display.folds().folds().iter().find(begins).copied()
    }
}

/// Characters measured for one frame at most, so that one endless line does not hold it up.
const MEASURE_BUDGET: usize = 200_000;

/// Vertical movement sees what the view shows.
impl Columns for EditorView {
    fn row(&self, at: Place) -> usize {
        self.display.to_display(at, Bias::Before).row.0
    }

    fn last_row(&self) -> usize {
        self.display.last_row().0
    }

    fn column(&self, at: Place) -> f32 {
        self.display.to_display(at, Bias::Before).column as f32
    }

    fn place(&self, row: usize, column: f32) -> Place {
        let column = if column.is_finite() { column.max(0.0).round() as usize } else { usize::MAX };
        self.display.to_buffer(DisplayPoint { row: Row(row), column }, Bias::Before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view of so many long lines, wrapped, with nothing measured but what is seen.
    fn wrapped(lines: usize) -> EditorView {
        let line = "some words of prose that go on and on, longer than a row is wide\n";
        let rope = Rope::from(line.repeat(lines));
        let mut view = EditorView::new(BufferId(1), &rope, TabWidth::default(), Wrap::On);
        lay_out(&mut view);
        view
    }

    fn lay_out(view: &mut EditorView) {
        let area = Rect { x: 0.0, y: 0.0, width: 252.0, height: 440.0 };
        let (scale, margins) = (view.scale, view.margins);
        view.lay_out(area, scale, TabWidth::default(), margins);
    }

    /// What the first row shows.
    fn first(view: &EditorView) -> CharRange {
        view.display.row_segments(Row(view.scroll.row as usize), 0..0).range
    }

    #[test]
    fn the_scroll_bar_stays_while_lines_are_measured() {
        let mut view = wrapped(10_000);
        view.scroll.row = view.row_at_share(0.5);
        lay_out(&mut view);
        let (line, share) = (view.display.line_of_row(Row(view.scroll.row as usize)), 0.5);
        assert!((line.0 as f64 / 10_000.0 - share).abs() < 0.02, "half of the way is {line:?}");
        for _ in 0..100 {
            let before = view.scroll_share();
            view.scroll_by(10.0, 0.0);
            lay_out(&mut view);
            let moved = view.scroll_share() - before;
            // Ten rows of some 30,000, whatever turned up below.
            assert!((0.0001..0.001).contains(&moved), "{moved}");
        }
        let mut whole = view.display.clone();
        whole.measure(usize::MAX);
        assert!(whole.row_count() > 25_000);
        assert!((view.display.height() / whole.row_count() as f64 - 1.0).abs() < 0.1);
    }

    #[test]
    fn scrolling_up_into_what_was_never_seen_goes_row_by_row() {
        let mut view = wrapped(1_000);
        view.scroll.row = 500.0;
        lay_out(&mut view);
        let mut top = first(&view);
        for _ in 0..200 {
            view.scroll_by(-1.0, 0.0);
            lay_out(&mut view);
            let above = first(&view);
            let gap = top.start - above.end;
            assert!(above.end <= top.start && gap <= 1, "{above:?} is not just above {top:?}");
            top = above;
        }
        let below = view.scroll.row;
        view.scroll_by(-30.0, 0.0);
        lay_out(&mut view);
        let rows: Vec<_> =
            view.display.rows(Row(view.scroll.row as usize)..Row(usize::MAX), 0..0).collect();
        assert_eq!(rows[30].range, top, "thirty rows down is where one was ({below})");
    }

    #[test]
    fn a_click_right_of_a_row_stays_in_it() {
        let mut view = wrapped(3);
        let at = |row: usize, x: f32| render::geometry::Point { x, y: row as f32 * 22.0 + 3.0 };
        let place = view.place_at(at(0, 250.0));
        assert_eq!(place.affinity, text::Affinity::Upstream);
        assert_eq!((view.row(place), view.row(place.at.into())), (0, 1));
        view.select(Selections::single(Selection::caret(place.at)), Follow::Nothing);
        assert_eq!(view.place_at(at(1, 0.0)), Place::from(place.at), "the next row's start");
    }
}
