//! The text of a pane as assistive technology reads it: what is seen, and rows around it.

use accesskit::{NodeId, TextDirection, TextPosition, TextSelection};
use text::bidi::{self, BidiLine, Direction};
use text::display::{Content, DisplayRow, Row};
use text::{Affinity, CharOffset, CharRange, Positions, Rope, grapheme, word};

use super::runs::{Character, ROW_RUNS_MAX, RowPlace, RowText, Runs, Side};
use crate::buffer::Buffer;
use crate::panes::PaneId;
use crate::view::EditorView;
use crate::view::rows::RowLayout;

/// What stands for text that is folded.
const FOLDED: &str = "⋯";

/// Bits of a run's id, from the lowest: its number in the row, the row, the pane, and one that
/// tells it from an element's.
const RUN_BITS: u32 = ROW_RUNS_MAX.ilog2();
const ROW_BITS: u32 = 31;
const PANE_BITS: u32 = 63 - RUN_BITS - ROW_BITS;

/// The text of a pane, and where the caret is in it.
pub struct Page {
    /// Its text.
    pub runs: Runs,
    /// What is selected; `None` while the caret is not among what is told.
    pub selection: Option<TextSelection>,
    /// What is told of the whole text.
    pub extent: Extent,
}

/// How much of a text is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What is seen, and some rows around it.
    Part,
}

/// The id of a run of a pane.
fn id_of(pane: PaneId, row: usize, run: usize) -> NodeId {
    let low = |value: u64, bits: u32| value & ((1 << bits) - 1);
    let row = low(row as u64, ROW_BITS) << RUN_BITS;
    let pane = low(pane.0, PANE_BITS) << (RUN_BITS + ROW_BITS);
    NodeId(1 << 63 | pane | row | low(run as u64, RUN_BITS))
}

/// Which of some panes a run belongs to, if it is one of a pane at all.
pub fn pane_of(id: NodeId, panes: impl Iterator<Item = PaneId>) -> Option<PaneId> {
    let is_own = |pane: &PaneId| {
        id_of(*pane, 0, 0).0 >> (RUN_BITS + ROW_BITS) == id.0 >> (RUN_BITS + ROW_BITS)
    };
    panes.into_iter().find(is_own)
}

/// What is told of a view.
pub fn page(pane: PaneId, view: &mut EditorView, buffer: &Buffer, scale: f32) -> Page {
    let rows = view.heard_rows();
    let view = &*view;
    let source = Source { view, buffer, rope: buffer.rope(), scale };
    let mut runs = Runs::default();
    let (mut start, mut end) = (buffer.rope().end(), CharOffset(0));
    for row in view.display.rows(Row(rows.start)..Row(rows.end), view.columns()) {
        let (text, behind) = source.row(&row);
        (start, end) = (start.min(row.range.start), end.max(behind));
        runs.push(&text, behind.0, |run| id_of(pane, row.row.0, run));
    }
    let caret = view.selections.primary();
    let side = match caret.affinity {
        Affinity::Upstream => Side::Above,
        Affinity::Downstream => Side::Below,
    };
    let is_whole = start.0 == 0 && end == buffer.rope().end() && !source.is_cut(&rows);
    Page {
        selection: runs.selection(caret.anchor.0, caret.head.0, side),
        runs,
        extent: if is_whole { Extent::Whole } else { Extent::Part },
    }
}

impl Page {
    /// The offset of a position.
    pub fn offset(&self, position: TextPosition) -> Option<CharOffset> {
        self.runs.offset(position).map(CharOffset)
    }
}

struct Source<'a> {
    view: &'a EditorView,
    buffer: &'a Buffer,
    rope: &'a Rope,
    scale: f32,
}

impl Source<'_> {
    /// Whether something of these rows is not told: it is folded, or too far to the side.
    fn is_cut(&self, rows: &std::ops::Range<usize>) -> bool {
        let columns = self.view.columns();
        let is_long = |row: usize| {
            let end = self.view.display.row_segments(Row(row), columns.end..columns.end + 1);
            columns.start > 0 || !end.segments.is_empty()
        };
        !self.view.display.folds().folds().is_empty() || rows.clone().any(is_long)
    }

    /// A row's text, and the offset behind it.
    fn row(&self, row: &DisplayRow) -> (RowText, CharOffset) {
        let drawn = self.view.drawn_row(row.row.0).filter(|drawn| drawn.range == row.range);
        let mut told =
            RowText { place: drawn.map(|drawn| self.place(row, drawn)), ..RowText::default() };
        for segment in &row.segments {
            match &segment.content {
                Content::Text(range) => self.text(&mut told, *range, drawn),
                Content::Tab(at) => {
                    let range = CharRange { start: *at, end: *at + 1 };
                    self.one(&mut told, "\t", range, TextDirection::LeftToRight, drawn);
                }
                Content::Fold(range) => {
                    self.one(&mut told, FOLDED, *range, TextDirection::LeftToRight, drawn);
                }
                // What an input method composes, and hints, are not in the text.
                Content::Inlay(..) => {}
            }
        }
        let line = self.rope.line_of(row.range.end);
        let breaks = CharRange { start: row.range.end, end: self.rope.line_start(line + 1) };
        if self.rope.line_range(line).end != row.range.end || breaks.is_empty() {
            told.words = self.words(&told, row.range.end);
            return (told, row.range.end);
        }
        let ending = self.rope.slice_of(breaks).to_string();
        // A lone carriage return ends a line here, which readers do not know.
        let ending = if ending == "\r" { "\n" } else { &ending };
        let direction =
            told.characters.last().map_or(TextDirection::LeftToRight, |it| it.direction);
        let x = drawn.map(|drawn| self.x(drawn.x_of(row.range.end)));
        let at = breaks.start.0;
        told.push(ending, Character { at, bytes: 0, direction, x: x.map(|x| (x, x)) });
        told.words = self.words(&told, row.range.end);
        (told, breaks.end)
    }

    /// Characters of the text without tabs.
    fn text(&self, told: &mut RowText, range: CharRange, drawn: Option<&RowLayout>) {
        let text = self.rope.slice_of(range).to_string();
        if text.is_ascii() {
            for index in 0..text.len() {
                let range = CharRange { start: range.start + index, end: range.start + index + 1 };
                self.one(told, &text[index..=index], range, TextDirection::LeftToRight, drawn);
            }
            return;
        }
        let order = bidi::has_rtl(&text).then(|| BidiLine::new(&text, self.buffer.base()));
        let (mut at, mut byte) = (range.start, 0);
        while at < range.end {
            let next = grapheme::next(self.rope, at).min(range.end);
            let chars = next - at;
            let rest = &text[byte..];
            let end = rest.char_indices().nth(chars).map_or(text.len(), |(end, _)| byte + end);
            let direction = match order.as_ref().map(|order| order.direction_at(byte)) {
                Some(Direction::Rtl) => TextDirection::RightToLeft,
                _ => TextDirection::LeftToRight,
            };
            let range = CharRange { start: at, end: next };
            self.one(told, &text[byte..end], range, direction, drawn);
            (at, byte) = (next, end);
        }
    }

    fn one(
        &self,
        told: &mut RowText,
        text: &str,
        range: CharRange,
        direction: TextDirection,
        drawn: Option<&RowLayout>,
    ) {
        let edges = drawn.map(|drawn| {
            let spans = drawn.spans_of(range);
            let left = spans.iter().map(|span| span.0).reduce(f32::min);
            let right = spans.iter().map(|span| span.1).reduce(f32::max);
            // What was not shaped lies where the row's shaped part ends.
            let nowhere = drawn.x_of(range.start);
            (self.x(left.unwrap_or(nowhere)), self.x(right.unwrap_or(nowhere)))
        });
        told.push(text, Character { at: range.start.0, bytes: 0, direction, x: edges });
    }

    /// Where words begin, as movements by words find them.
    fn words(&self, told: &RowText, end: CharOffset) -> Vec<usize> {
        let mut words = Vec::new();
        let (Some(first), Some(last)) = (told.characters.first(), told.characters.last()) else {
            return words;
        };
        let mut at = CharOffset(first.at);
        if at < end && word::class(self.rope.char(at.0)) != word::Class::Space {
            words.push(at.0);
        }
        loop {
            let next = word::next_start(self.rope, at);
            if next <= at || next >= end || next.0 > last.at {
                return words;
            }
            words.push(next.0);
            at = next;
        }
    }

    fn place(&self, row: &DisplayRow, drawn: &RowLayout) -> RowPlace {
        let view = self.view;
        let above = view.shown_row(row.row.0) as f64 - view.scroll.row;
        let top = view.area.y + (above * f64::from(view.scale.row)) as f32;
        let start = self.x(drawn.x_of(row.range.start));
        RowPlace { top: top * self.scale, bottom: (top + view.scale.row) * self.scale, start }
    }

    /// From the left edge of the text to physical pixels of the window.
    fn x(&self, x: f32) -> f32 {
        (self.view.area.x + x - self.view.scroll.x) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accessibility::act::page_of;
    use crate::command::stage::Stage;

    /// What is told of the focused text.
    fn told(stage: &mut Stage) -> (String, Page) {
        let pane = stage.program.window.panes.focus();
        let page = page_of(&mut stage.program, pane).unwrap();
        let nodes = page_of(&mut stage.program, pane).unwrap().runs.into_nodes();
        let text = nodes.iter().filter_map(|(_, node)| node.value()).collect();
        (text, page)
    }

    #[test]
    fn line_breaks_of_every_kind_end_a_row_and_are_one_character() {
        let mut stage = Stage::with("a\r\nb\rc\nd|");
        let (text, page) = told(&mut stage);
        assert_eq!(text, "a\r\nb\nc\nd");
        assert_eq!(page.extent, Extent::Whole);
        let caret = page.selection.unwrap().focus;
        assert_eq!(page.offset(caret), Some(CharOffset(8)));
        for at in [0, 1, 3, 4, 5, 6, 7] {
            let position = page.runs.position(at, Side::Below).unwrap();
            assert_eq!(page.offset(position), Some(CharOffset(at)));
        }
    }

    #[test]
    fn what_is_folded_is_told_as_one_sign() {
        let mut stage = Stage::with("fn a() {|\n    b();\n}\n");
        let (view, _) = stage.program.active().unwrap();
        view.set_folds(vec![CharRange { start: CharOffset(8), end: CharOffset(18) }]);
        let (text, page) = told(&mut stage);
        assert_eq!(text, "fn a() {⋯}\n");
        assert_eq!(page.extent, Extent::Part, "it cannot be replaced as a whole");
    }

    #[test]
    fn a_caret_that_is_far_from_what_is_seen_is_told_nowhere() {
        let mut stage = Stage::with(&format!("|{}", "line\n".repeat(5_000)));
        assert!(told(&mut stage).1.selection.is_some());
        let (view, _) = stage.program.active().unwrap();
        view.scroll_by(3_000.0, 0.0);
        let (text, page) = told(&mut stage);
        assert!(page.selection.is_none() && page.extent == Extent::Part);
        assert!(text.len() < 2_000, "{} bytes", text.len());
    }

    #[test]
    fn a_selection_of_everything_reaches_over_all_that_is_told() {
        let mut stage = Stage::with(&format!("{}|", "line\n".repeat(5_000)));
        let (view, buffer) = stage.program.active().unwrap();
        let end = buffer.rope().end();
        view.select(
            text::Selections::single(text::Selection::new(CharOffset(0), end)),
            crate::view::Follow::Nothing,
        );
        view.scroll_by(5_000.0, 0.0);
        let (_, page) = told(&mut stage);
        let selection = page.selection.unwrap();
        assert!(page.offset(selection.anchor) > Some(CharOffset(0)));
        assert_eq!(page.offset(selection.focus), Some(end));
    }

    #[test]
    fn of_an_endless_line_the_part_beside_what_is_seen_is_told() {
        let mut stage = Stage::new();
        stage.program.new_draft(&"word ".repeat(1_000_000));
        let (text, page) = told(&mut stage);
        assert!(text.len() < 10_000 && page.extent == Extent::Part, "{}", text.len());
    }

    #[test]
    fn a_run_belongs_to_its_pane() {
        let id = id_of(PaneId(3), 1_000_000, 7);
        assert_eq!(pane_of(id, [PaneId(2), PaneId(3)].into_iter()), Some(PaneId(3)));
        assert_eq!(pane_of(id, [PaneId(2)].into_iter()), None);
        assert_eq!(pane_of(NodeId(3), [PaneId(0)].into_iter()), None);
    }
}
