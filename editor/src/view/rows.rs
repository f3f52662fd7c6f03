//! Rows as they are drawn: shaped parts at their places, kept until something changes them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use render::color::Color;
use render::scene::ColorSpan;
use render::shape::{
    Affinity, Direction, Ligatures, ParagraphDirection, ShapeOptions, ShapedLine, Shaper, TextStyle,
};
use render::theme::Theme;
use smallvec::SmallVec;
use text::display::{Content, DisplayMap, InlayKind, Row, RowKind, Segment, Span};
use text::reveal::{self, Kind};
use text::{CharOffset, CharRange, Line, Positions, Rope};

use super::Scale;
use super::colors::{Colors, Run, Runs};
use super::paint::Shown;

/// A row as it is drawn.
#[derive(Clone, Debug)]
pub struct RowLayout {
    /// The line that it begins in.
    pub line: Line,
    /// Whether it starts that line.
    pub kind: RowKind,
    /// The characters that it stands for.
    pub range: CharRange,
    /// From the left edge of the text, in logical order.
    pub parts: SmallVec<[Part; 1]>,
    /// How far all parts are moved: a paragraph that runs to the left lies at the right edge.
    pub shift: f32,
    /// The end of the last part, without the shift.
    pub width: f32,
    /// Columns of blanks that its line begins with; `None` if there is nothing else in it.
    pub indent: Option<usize>,
    /// The colours of its lines when it was made: others make it stale.
    runs: SmallVec<[(Line, Option<Runs>); 1]>,
}

impl RowLayout {
    /// The lines that it shows parts of: one, and one more for each fold in it.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.runs.iter().map(|(line, _)| *line)
    }
}

/// A part of a row.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its left edge.
    pub x: f32,
    /// Its width.
    pub width: f32,
    /// The characters of the document that it stands for; empty for what is not in it.
    pub range: CharRange,
    /// What it shows.
    pub shows: Shows,
}

/// What a part shows.
#[derive(Clone, Debug)]
pub enum Shows {
    /// Characters.
    Text {
        /// As they are shaped.
        line: Arc<ShapedLine>,
        /// What was shaped.
        text: Box<str>,
        /// Their colours.
        colors: Arc<[ColorSpan]>,
        /// Bytes that look like other characters.
        lookalikes: Box<[Range<usize>]>,
    },
    /// A tab.
    Tab,
    /// A character that cannot be seen, by name.
    Hidden(Arc<ShapedLine>),
    /// What is folded.
    Fold(Arc<ShapedLine>),
    /// Text that is not in the document.
    Inlay(Arc<ShapedLine>, InlayKind),
}

/// What rows are made of.
pub struct Source<'a> {
    /// The rows.
    pub display: &'a DisplayMap,
    /// Colours by line.
    pub colors: &'a Colors,
    /// Shapes them.
    pub shaper: &'a mut Shaper,
    /// Colours by name.
    pub theme: &'a Theme,
    /// Sizes.
    pub scale: Scale,
    /// Whether ligatures are used.
    pub ligatures: Ligatures,
    /// Whether lines choose their own direction, as in prose.
    pub direction: ParagraphDirection,
    /// Whether characters that cannot be told by sight are shown.
    pub reveals: Shown,
    /// The room for a row, for paragraphs that run to the left.
    pub width: f32,
    /// Cells that are asked for; the rest of a long row is not shaped.
    pub columns: Range<usize>,
}

/// Rows that were drawn lately.
#[derive(Default)]
pub struct RowCache {
    rows: BTreeMap<usize, Arc<RowLayout>>,
    columns: Range<usize>,
    width: f32,
    widest: f32,
}

/// Blanks beyond these count as nothing else.
const INDENT_CHARS_MAX: usize = 400;

/// Rows that are kept; several screens.
const ROWS_MAX: usize = 600;

impl RowCache {
    /// The row, made now if it is not there or has other colours.
    pub fn row(&mut self, row: Row, source: &mut Source<'_>) -> Arc<RowLayout> {
        if self.columns != source.columns || self.width != source.width {
            self.columns = source.columns.clone();
            self.width = source.width;
            self.rows.clear();
        }
        if self.rows.len() > ROWS_MAX {
            self.rows.clear();
        }
        if let Some(layout) = self.rows.get(&row.0)
            && layout
                .runs
                .iter()
                .all(|(line, runs)| is_same(runs.as_ref(), source.colors.line(*line)))
        {
            return Arc::clone(layout);
        }
        let layout = Arc::new(source.build(row));
        self.widest = self.widest.max(layout.width);
        self.rows.insert(row.0, Arc::clone(&layout));
        layout
    }

    /// A row that was drawn.
    pub fn drawn(&self, row: Row) -> Option<&RowLayout> {
        self.rows.get(&row.0).map(AsRef::as_ref)
    }

    /// The width of the widest row that was drawn.
    pub fn widest(&self) -> f32 {
        self.widest
    }

    /// Follows rows that gave way to others. What lies below them keeps its pixels; its lines and
    /// characters have moved by as much as `chars` and `lines` say.
    pub fn shift(&mut self, spans: &[Span<Row>], moved: Moved) {
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
        // Between several changes little is shown that is worth keeping.
        let tail = self.rows.split_off(&first.old.start.0);
        let rows = last.new.end.0 as isize - last.old.end.0 as isize;
        for (row, mut layout) in tail {
            if row < last.old.end.0 {
                continue;
            }
            let moving = Arc::make_mut(&mut layout);
            moving.line = Line(moving.line.0.saturating_add_signed(moved.lines));
            moving.move_by(moved.chars);
            self.rows.insert(row.saturating_add_signed(rows), layout);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.widest = 0.0;
    }
}

/// Whether these are the very same colours.
fn is_same(a: Option<&Runs>, b: Option<&Runs>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

impl Source<'_> {
    fn build(&mut self, row: Row) -> RowLayout {
        let row = self.display.row_segments(row, self.columns.clone());
        let rope = self.display.rope();
        let mut parts = SmallVec::new();
        let mut x = row.segments.first().map_or(row.indent, |first| first.columns.start) as f32
            * self.scale.cell;
        let mut runs_left = true;
        for segment in &row.segments {
            self.segment(rope, segment, &mut x, &mut parts);
        }
        let mut direction = None;
        for part in &parts {
            if let Shows::Text { line, .. } = &part.shows {
                direction.get_or_insert(line.direction());
                runs_left &= line.direction() == Direction::Rtl;
            }
        }
        let lines = parts.iter().filter(|part| matches!(part.shows, Shows::Text { .. }));
        let mut lines: SmallVec<[Line; 1]> =
            lines.map(|part| rope.line_of(part.range.start)).collect();
        lines.insert(0, row.line);
        lines.dedup();
        let runs = lines.iter().map(|line| (*line, self.colors.line(*line).cloned())).collect();
        let is_rtl = direction == Some(Direction::Rtl) && runs_left;
        let shift = if is_rtl { (self.width - x).max(0.0) } else { 0.0 };
        RowLayout {
            line: row.line,
            kind: row.kind,
            range: row.range,
            parts,
            shift,
            width: x,
            indent: self.indent(rope, row.line),
            runs,
        }
    }

    fn indent(&self, rope: &Rope, line: Line) -> Option<usize> {
        let tab = self.display.tab_width();
        let mut column = 0;
        for letter in rope.slice_of(rope.line_range(line)).chars().take(INDENT_CHARS_MAX) {
            match letter {
                ' ' => column += 1,
                '\t' => column = tab.next_stop(column),
                _ => return Some(column),
            }
        }
        None
    }

    fn segment(
        &mut self,
        rope: &Rope,
        segment: &Segment,
        x: &mut f32,
        parts: &mut SmallVec<[Part; 1]>,
    ) {
        let mut push = |width: f32, range: CharRange, shows: Shows| {
            parts.push(Part { x: *x, width, range, shows });
            *x += width;
        };
        match &segment.content {
            Content::Text(range) => self.text(rope, *range, &mut push),
            Content::Tab(at) => {
                let stop = segment.columns.end as f32 * self.scale.cell;
                let least = segment.columns.len().min(1) as f32 * self.scale.cell;
                let range = CharRange { start: *at, end: *at + 1 };
                // What stands before may be wider than its cells.
                parts.push(Part { x: *x, width: (stop - *x).max(least), range, shows: Shows::Tab });
                *x = stop.max(*x + least);
            }
            Content::Fold(range) => {
                let line = self.shape("⋯");
                let cells = segment.columns.len() as f32 * self.scale.cell;
                push(cells.max(line.width()), *range, Shows::Fold(line));
            }
            Content::Inlay(inlay, bytes) => {
                let line = self.shape(&inlay.text[bytes.clone()]);
                let range = CharRange::at(inlay.at);
                push(line.width(), range, Shows::Inlay(line, inlay.kind));
            }
        }
    }

    /// Characters, with those that cannot be seen in boxes of their own: a control that reorders
    /// text must not reorder what stands around it here.
    fn text(&mut self, rope: &Rope, range: CharRange, push: &mut dyn FnMut(f32, CharRange, Shows)) {
        let text = rope.slice_of(range).to_string();
        let line_start = rope.byte_of(rope.line_start(rope.line_of(range.start)));
        let first_byte = (rope.byte_of(range.start) - line_start) as u32;
        let runs = self.colors.line(rope.line_of(range.start)).cloned();
        let runs = runs.as_deref().unwrap_or(&[]);
        let revealed = match self.reveals {
            Shown::Yes => reveal::reveal(&text),
            Shown::No => Vec::new(),
        };
        let (mut byte, mut at) = (0, range.start);
        let mut lookalikes: Vec<Range<usize>> = Vec::new();
        for one in &revealed {
            match one.kind {
                Kind::LookAlike => lookalikes.push(one.bytes.clone()),
                Kind::OddSpace => {}
                _ => {
                    let piece = &text[byte..one.bytes.start];
                    self.piece(
                        piece,
                        at,
                        first_byte + byte as u32,
                        runs,
                        &mut lookalikes,
                        byte,
                        push,
                    );
                    at = at + piece.chars().count();
                    let label = self.shape(one.label);
                    let width = label.width() + 6.0;
                    push(width, CharRange { start: at, end: at + 1 }, Shows::Hidden(label));
                    at = at + 1;
                    byte = one.bytes.end;
                }
            }
        }
        let piece = &text[byte..];
        self.piece(piece, at, first_byte + byte as u32, runs, &mut lookalikes, byte, push);
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a loop, taken out of it")]
    fn piece(
        &mut self,
        text: &str,
        at: CharOffset,
        byte_in_line: u32,
        runs: &[Run],
        lookalikes: &mut Vec<Range<usize>>,
        byte: usize,
        push: &mut dyn FnMut(f32, CharRange, Shows),
    ) {
        if text.is_empty() {
            return;
        }
        let options = ShapeOptions { direction: self.direction, cell_width: Some(self.scale.cell) };
        let style = TextStyle::mono(self.scale.font).ligatures(self.ligatures);
        let line = self.shaper.shape(text, style, options);
        let end = byte_in_line + text.len() as u32;
        let first = runs.partition_point(|run| run.end <= byte_in_line);
        let colors: Vec<ColorSpan> = runs[first..]
            .iter()
            .take_while(|run| run.start < end)
            .map(|run| {
                let start = run.start.max(byte_in_line) - byte_in_line;
                let stop = run.end.min(end) - byte_in_line;
                ColorSpan { bytes: start..stop, color: self.color(run) }
            })
            .collect();
        let marks: Box<[Range<usize>]> =
            lookalikes.drain(..).map(|range| range.start - byte..range.end - byte).collect();
        let chars = text.chars().count();
        let shows = Shows::Text {
            text: text.into(),
            colors: colors.into(),
            lookalikes: marks,
            line: Arc::clone(&line),
        };
        push(line.width(), CharRange { start: at, end: at + chars }, shows);
    }

    fn color(&self, run: &Run) -> Color {
        self.theme.syntax(run.highlight.name())
    }

    fn shape(&mut self, text: &str) -> Arc<ShapedLine> {
        let options = ShapeOptions { cell_width: Some(self.scale.cell), ..Default::default() };
        self.shaper.shape(text, TextStyle::mono(self.scale.font), options)
    }
}

/// How far the text below a change has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Lines, positive towards the end.
    pub lines: isize,
    /// Characters, positive towards the end.
    pub chars: isize,
}

impl RowLayout {
    fn move_by(&mut self, chars: isize) {
        let moved = |range: CharRange| CharRange {
            start: CharOffset(range.start.0.saturating_add_signed(chars)),
            end: CharOffset(range.end.0.saturating_add_signed(chars)),
        };
        self.range = moved(self.range);
        for part in &mut self.parts {
            part.range = moved(part.range);
        }
    }

    /// The x of a caret at an offset of the row, from the left edge of the text.
    pub fn x_of(&self, offset: CharOffset) -> f32 {
        let mut best = self.start_x();
        for part in &self.parts {
            if part.range.is_empty() {
                continue;
            }
            if offset < part.range.start {
                break;
            }
            best = part.x + part.x_of(offset.min(part.range.end));
            if offset < part.range.end {
                break;
            }
        }
        best + self.shift
    }

    /// The x of a caret behind what an input method composes at an offset.
    pub fn composed_x(&self, offset: CharOffset) -> f32 {
        let composed = self.parts.iter().find(|part| {
            matches!(part.shows, Shows::Inlay(_, InlayKind::Preedit)) && part.range.start == offset
        });
        composed.map_or_else(|| self.x_of(offset), |part| part.x + part.width + self.shift)
    }

    /// Where a caret stands in a row without characters.
    fn start_x(&self) -> f32 {
        self.parts.first().map_or(0.0, |part| match &part.shows {
            Shows::Text { line, .. } if line.direction() == Direction::Rtl => part.x + part.width,
            _ => part.x,
        })
    }

    /// The offset nearest to an x.
    pub fn offset_at(&self, x: f32) -> CharOffset {
        let x = x - self.shift;
        let real = || self.parts.iter().filter(|part| !part.range.is_empty());
        let under = real().find(|part| x < part.x + part.width).or_else(|| real().next_back());
        under.map_or(self.range.start, |part| part.offset_at(x - part.x))
    }

    /// The stretches of x that a range of the document covers.
    pub fn spans_of(&self, range: CharRange) -> SmallVec<[(f32, f32); 2]> {
        let mut spans: SmallVec<[(f32, f32); 2]> = SmallVec::new();
        for part in &self.parts {
            let start = range.start.max(part.range.start);
            let end = range.end.min(part.range.end);
            if start >= end {
                continue;
            }
            let left = part.x + self.shift;
            match &part.shows {
                Shows::Text { line, .. } => {
                    let bytes = part.byte_of(start)..part.byte_of(end);
                    let inner = line.spans_of(bytes);
                    spans.extend(inner.into_iter().map(|(a, b)| (left + a, left + b)));
                }
                _ => spans.push((left, left + part.width)),
            }
        }
        spans
    }
}

impl Part {
    fn byte_of(&self, offset: CharOffset) -> usize {
        let Shows::Text { text, .. } = &self.shows else { return 0 };
        let chars = offset - self.range.start;
        // One character, one byte: the usual line of code.
        if text.len() == self.range.len() {
            return chars.min(text.len());
        }
        text.char_indices().nth(chars).map_or(text.len(), |(byte, _)| byte)
    }

    fn x_of(&self, offset: CharOffset) -> f32 {
        match &self.shows {
            Shows::Text { line, .. } => {
                let affinity = match offset == self.range.end {
                    true => Affinity::Upstream,
                    false => Affinity::Downstream,
                };
                line.x_of(self.byte_of(offset), affinity)
            }
            _ if offset <= self.range.start => 0.0,
            _ => self.width,
        }
    }

    fn offset_at(&self, x: f32) -> CharOffset {
        match &self.shows {
            Shows::Text { line, text, .. } => {
                let (byte, _) = line.byte_at(x);
                let chars = match text.len() == self.range.len() {
                    true => byte,
                    false => text[..byte.min(text.len())].chars().count(),
                };
                self.range.start + chars
            }
            _ if x < self.width / 2.0 => self.range.start,
            _ => self.range.end,
        }
    }
}
