//! Draws a view: gutter, rows, selections, carets, scroll bars.

mod differences;

use std::sync::Arc;

use render::color::Color;
use render::geometry::{Point, Rect};
use render::icon::Icon;
use render::scene::Scene;
use render::scene::{Border, Quad, Radii, Rule, RuleStyle};
use render::shape::{Ligatures, ParagraphDirection, ShapeOptions, Shaper, TextStyle, Weight};
use render::theme::Theme;
use text::bidi::Base;
use text::display::{InlayKind, Row, RowKind};
use text::edit::Bias;
use text::width::TabWidth;
use text::{CharOffset, CharRange, Place, Positions, Selection};

use super::rows::{Part, RowLayout, Shows, Source};
use super::{EditorView, Margins, Scale};
use crate::buffer::Buffer;
use crate::settings::LineNumbers;

/// Left of the line numbers, and between them and the text, logical pixels.
const NUMBER_LEFT: f32 = 16.0;
const NUMBER_RIGHT: f32 = 18.0;

/// The width of a caret, logical pixels.
const CARET: f32 = 2.0;

/// The room of a scroll bar at the view's edge, logical pixels.
pub const SCROLL_BAR: f32 = 12.0;

/// How a view is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Sizes.
    pub scale: Scale,
    /// Columns of a tab.
    pub tab: TabWidth,
    /// Columns between indent guides; `None` for no guides.
    pub guides: Option<usize>,
    /// Whether ligatures are used.
    pub ligatures: Ligatures,
    /// Whether blanks are shown, and where.
    pub blanks: Blanks,
    /// Whether the view has the keyboard.
    pub focus: ViewFocus,
    /// What the gutter counts.
    pub numbers: LineNumbers,
    /// Whether the partner of a bracket is marked.
    pub brackets: Shown,
    /// Whether characters that cannot be told by sight are.
    pub reveals: Shown,
    /// What following a caret keeps in sight.
    pub margins: Margins,
}

/// Whether something is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl From<bool> for Shown {
    fn from(is_shown: bool) -> Self {
        if is_shown { Shown::Yes } else { Shown::No }
    }
}

/// Which blanks are shown as dots and arrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blanks {
    /// None.
    Hidden,
    /// Those that are selected.
    Selected,
    /// All of them.
    Shown,
}

/// Whether a view has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewFocus {
    /// It has: carets are drawn full.
    Here,
    /// It has not: carets are outlines.
    Elsewhere,
}

/// What was drawn, for input methods.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Where the primary caret is, if it is seen.
    pub caret: Option<Rect>,
}

/// Draws `view` into `area`, rows first measured, then painted from the back to the front.
pub fn view(
    view: &mut EditorView,
    buffer: &mut Buffer,
    area: Rect,
    options: Options,
    shaper: &mut Shaper,
    theme: &Theme,
    scene: &mut Scene,
) -> Drawn {
    let gutter = gutter_width(buffer, options);
    let text_area = Rect {
        x: area.x + gutter,
        y: area.y,
        width: (area.width - gutter - SCROLL_BAR).max(0.0),
        height: area.height,
    };
    view.lay_out(text_area, options.scale, options.tab, options.margins);
    let rows = rows(view, buffer, options, shaper, theme);
    let mut painter = Painter { view, buffer, area, options, shaper, theme, scene };
    painter.bands(&rows);
    painter.differences();
    let clip = painter.text_clip();
    painter.scene.push(render::scene::Primitive::PushClip(clip, 0.0));
    painter.guides(&rows);
    painter.words(&rows);
    painter.matches(&rows);
    painter.selections(&rows);
    painter.brackets(&rows);
    rows.iter().for_each(|(y, row)| painter.row(*y, row));
    let caret = painter.carets(&rows);
    painter.scene.push(render::scene::Primitive::PopClip);
    painter.numbers(&rows);
    painter.scroll_bars();
    Drawn { caret }
}

/// The width of the gutter for a buffer's line numbers.
pub fn gutter_width(buffer: &Buffer, options: Options) -> f32 {
    if options.numbers == LineNumbers::Off {
        return NUMBER_LEFT + NUMBER_RIGHT / 2.0;
    }
    let digits = (buffer.rope().len_lines().ilog10() + 1).max(3) as f32;
    let digit = number_size(options.scale) * options.scale.cell / options.scale.font;
    (NUMBER_LEFT + digits * digit + NUMBER_RIGHT).round()
}

fn number_size(scale: Scale) -> f32 {
    scale.font * 12.5 / 14.0
}

/// The rows that are seen, each with its top edge, coloured as far as colours are known.
fn rows(
    view: &mut EditorView,
    buffer: &mut Buffer,
    options: Options,
    shaper: &mut Shaper,
    theme: &Theme,
) -> Vec<(f32, Arc<RowLayout>)> {
    let top = view.scroll.row.floor();
    let first = top as usize;
    let last = (first + view.rows_in_view() + 1).min(view.shown_rows());
    let shown: Vec<(usize, Row)> =
        (first..last).filter_map(|at| Some((at, Row(view.row_shown(at)?)))).collect();
    let mut source = Source {
        display: &view.display,
        colors: &buffer.colors,
        shaper,
        theme,
        scale: options.scale,
        ligatures: options.ligatures,
        direction: match buffer.base() {
            Base::Auto => ParagraphDirection::Auto,
            Base::Ltr => ParagraphDirection::Ltr,
            Base::Rtl => ParagraphDirection::Rtl,
        },
        reveals: options.reveals,
        width: view.area.width,
        columns: view.columns(),
    };
    let offset = ((view.scroll.row - top) * f64::from(options.scale.row)) as f32;
    let mut drawn = Vec::with_capacity(shown.len());
    for (at, row) in shown {
        let y = view.area.y + (at - first) as f32 * options.scale.row - offset;
        drawn.push((y, view.cache.row(row, &mut source)));
    }
    for line in drawn.iter().flat_map(|(_, layout)| layout.lines()) {
        buffer.colors.want(line);
    }
    drawn
}

struct Painter<'a> {
    view: &'a mut EditorView,
    buffer: &'a Buffer,
    area: Rect,
    options: Options,
    shaper: &'a mut Shaper,
    theme: &'a Theme,
    scene: &'a mut Scene,
}

impl Painter<'_> {
    fn row_height(&self) -> f32 {
        self.options.scale.row
    }

    /// The text's part of the area; what is scrolled to the left does not run into the gutter.
    fn text_clip(&self) -> Rect {
        let text = self.view.area;
        // A caret at the very left is centred on its place.
        Rect { x: text.x - CARET, width: text.width + CARET, ..text }
    }

    /// From the left edge of the text to the window.
    fn left(&self) -> f32 {
        self.view.area.x - self.view.scroll.x
    }

    /// The band behind the line of the caret.
    fn bands(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let primary = self.view.selections.primary();
        if !primary.is_caret() || self.options.focus == ViewFocus::Elsewhere {
            return;
        }
        let line = self.view.display.rope().line_of(primary.head);
        for (y, _) in rows.iter().filter(|(_, row)| row.line == line) {
            let band = Rect { y: *y, height: self.row_height(), ..self.area };
            self.scene.fill(band, self.theme.colors.current_line);
        }
    }

    fn selections(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let color = self.theme.colors.selection;
        let ranges: Vec<CharRange> = self
            .view
            .selections
            .iter()
            .filter(|selection| !selection.is_caret())
            .map(Selection::range)
            .collect();
        self.ranges(rows, &ranges, color, LineEnds::Shown);
    }

    fn matches(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let Some(find) = &self.view.find else { return };
        let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else { return };
        let seen = CharRange { start: first.range.start, end: last.range.end };
        let ranges: Vec<CharRange> = find.matches_in(seen).to_vec();
        self.ranges(rows, &ranges, self.theme.colors.accent.with_alpha(0x50), LineEnds::Hidden);
    }

    fn ranges(
        &mut self,
        rows: &[(f32, Arc<RowLayout>)],
        ranges: &[CharRange],
        color: Color,
        ends: LineEnds,
    ) {
        let left = self.left();
        for (y, row) in rows {
            for range in ranges {
                if range.end < row.range.start || range.start > row.range.end {
                    continue;
                }
                let mut quad = |x0: f32, x1: f32| {
                    let rect = Rect {
                        x: left + x0,
                        y: *y,
                        width: x1 - x0,
                        height: self.options.scale.row,
                    };
                    self.scene.quad(Quad { radii: Radii::all(2.0), ..Quad::fill(rect, color) });
                };
                for (x0, x1) in row.spans_of(*range) {
                    quad(x0, x1);
                }
                // A selected line ending is a sliver behind the line.
                let is_over = range.start <= row.range.end && range.end > row.range.end;
                if ends == LineEnds::Shown && is_over {
                    let end = row.x_of(row.range.end);
                    quad(end, end + self.options.scale.cell * 0.6);
                }
            }
        }
    }

    /// Boxes around a bracket at the caret and its partner.
    fn brackets(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let primary = self.view.selections.primary();
        let is_wanted = self.options.brackets == Shown::Yes && primary.is_caret();
        if !is_wanted || self.options.focus == ViewFocus::Elsewhere {
            return;
        }
        let Some(pair) = self.buffer.bracket_at(primary.head) else { return };
        let left = self.left();
        for at in pair {
            let range = CharRange { start: at, end: at + 1 };
            for (y, row) in rows.iter().filter(|(_, row)| row.range.contains(at)) {
                for (x0, x1) in row.spans_of(range) {
                    let rect = Rect {
                        x: left + x0 - 0.5,
                        y: *y + 2.0,
                        width: x1 - x0 + 1.0,
                        height: self.options.scale.row - 4.0,
                    };
                    self.scene.quad(Quad {
                        radii: Radii::all(3.0),
                        border: Some(Border::solid(1.0, self.theme.colors.mark)),
                        ..Quad::fill(rect, Color::TRANSPARENT)
                    });
                }
            }
        }
    }

    fn guides(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let Some(step) = self.options.guides.filter(|step| *step > 0) else { return };
        let levels = indents(rows, step);
        let (left, cell) = (self.left(), self.options.scale.cell);
        for ((y, row), level) in rows.iter().zip(levels) {
            if row.shift > 0.0 {
                continue;
            }
            for guide in 1..level {
                let x = (left + (guide * step) as f32 * cell).round();
                let rect = Rect { x, y: *y, width: 1.0, height: self.row_height() };
                self.scene.fill(rect, self.theme.colors.line);
            }
        }
    }

    fn row(&mut self, y: f32, row: &RowLayout) {
        let left = self.left() + row.shift;
        for part in &row.parts {
            let x = left + part.x;
            match &part.shows {
                Shows::Text { line, text, colors, lookalikes } => {
                    let origin = Point { x, y: y + line.baseline_in(self.row_height()) };
                    self.scene.glyphs(line, origin, self.theme.colors.text, colors);
                    for bytes in lookalikes {
                        self.warn_under(x, y, line, bytes.clone());
                    }
                    if self.options.blanks != Blanks::Hidden {
                        self.blanks(x, y, part, text, line);
                    }
                }
                Shows::Tab => self.tab(x, y, part),
                Shows::Hidden(label) => {
                    self.boxed(x, y, part.width, label, self.theme.colors.warning)
                }
                Shows::Fold(line) => self.boxed(x, y, part.width, line, self.theme.colors.muted),
                Shows::Inlay(line, kind) => {
                    let color = match kind {
                        InlayKind::Preedit => self.theme.colors.text,
                        InlayKind::Ghost | InlayKind::Hint => self.theme.colors.suggestion,
                    };
                    let origin = Point { x, y: y + line.baseline_in(self.row_height()) };
                    self.scene.text(line, origin, color);
                    let style = match kind {
                        InlayKind::Ghost => RuleStyle::Dashed,
                        InlayKind::Preedit | InlayKind::Hint => RuleStyle::Solid,
                    };
                    if *kind != InlayKind::Hint {
                        self.under(x, y, part.width, color, style);
                    }
                }
            }
        }
    }

    fn under(&mut self, x: f32, y: f32, length: f32, color: Color, style: RuleStyle) {
        let origin = Point { x, y: y + self.row_height() - 3.0 };
        self.scene.rule(Rule { origin, length, thickness: 1.0, color, style });
    }

    fn warn_under(
        &mut self,
        x: f32,
        y: f32,
        line: &render::shape::ShapedLine,
        bytes: std::ops::Range<usize>,
    ) {
        for (x0, x1) in line.spans_of(bytes) {
            self.under(x + x0, y, x1 - x0, self.theme.colors.warning, RuleStyle::Squiggle);
        }
    }

    fn boxed(
        &mut self,
        x: f32,
        y: f32,
        width: f32,
        label: &Arc<render::shape::ShapedLine>,
        color: Color,
    ) {
        let height = self.row_height();
        let rect = Rect { x: x + 1.0, y: y + 3.0, width: width - 2.0, height: height - 6.0 };
        self.scene.quad(Quad {
            radii: Radii::all(4.0),
            border: Some(Border::solid(1.0, color)),
            ..Quad::fill(rect, self.theme.colors.raised)
        });
        let inset = (width - label.width()) / 2.0;
        self.scene.text(label, Point { x: x + inset, y: y + label.baseline_in(height) }, color);
    }

    fn is_selected(&self, at: CharOffset) -> bool {
        self.view.selections.iter().any(|selection| selection.range().contains(at))
    }

    fn shows_blank(&self, at: CharOffset) -> bool {
        match self.options.blanks {
            Blanks::Hidden => false,
            Blanks::Selected => self.is_selected(at),
            Blanks::Shown => true,
        }
    }

    fn blanks(
        &mut self,
        x: f32,
        y: f32,
        part: &Part,
        text: &str,
        line: &render::shape::ShapedLine,
    ) {
        for (chars, (byte, letter)) in text.char_indices().enumerate() {
            if letter != ' ' || !self.shows_blank(part.range.start + chars) {
                continue;
            }
            for (x0, x1) in line.spans_of(byte..byte + 1) {
                let center = x + (x0 + x1) / 2.0;
                let rect = Rect {
                    x: (center - 1.0).round(),
                    y: (y + self.row_height() / 2.0).round(),
                    width: 2.0,
                    height: 2.0,
                };
                self.scene.fill(rect, self.theme.colors.mark);
            }
        }
    }

    fn tab(&mut self, x: f32, y: f32, part: &Part) {
        if self.shows_blank(part.range.start) {
            let rect = Rect {
                x: x + 2.0,
                y: (y + self.row_height() / 2.0).round(),
                width: (part.width - 4.0).max(2.0),
                height: 1.0,
            };
            self.scene.fill(rect, self.theme.colors.mark);
        }
    }

    /// Draws the carets and answers where the primary one is.
    fn carets(&mut self, rows: &[(f32, Arc<RowLayout>)]) -> Option<Rect> {
        let primary = self.view.selections.primary_index();
        let bias = if self.view.is_composing() { Bias::After } else { Bias::Before };
        let heads: Vec<Place> = self.view.selections.iter().map(|one| one.place()).collect();
        let mut found = None;
        for (index, head) in heads.into_iter().enumerate() {
            let (at, head) = (self.view.display.to_display(head, bias).row.0, head.at);
            let at = self.view.shown_row(at);
            let wanted = self.view.area.y
                + ((at as f64 - self.view.scroll.row) * f64::from(self.row_height())) as f32;
            let half = self.row_height() / 2.0;
            let near = |(y, _): &&(f32, Arc<RowLayout>)| (y - wanted).abs() < half;
            let Some((y, row)) = rows.iter().find(near) else { continue };
            let x = match self.view.is_composing() && index == primary {
                true => row.composed_x(head),
                false => row.x_of(head),
            };
            let rect = Rect {
                x: (self.left() + x - CARET / 2.0).round(),
                y: *y + 1.0,
                width: CARET,
                height: self.row_height() - 2.0,
            };
            let color = match self.options.focus {
                ViewFocus::Here => self.theme.colors.caret,
                ViewFocus::Elsewhere => self.theme.colors.border,
            };
            self.scene.fill(rect, color);
            if index == primary {
                found = Some(rect);
            }
        }
        found
    }

    fn numbers(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let gutter = Rect { width: self.view.area.x - self.area.x, ..self.area };
        self.scene.push(render::scene::Primitive::PushClip(gutter, 0.0));
        let rope = self.view.display.rope();
        let current = rope.line_of(self.view.selections.primary().head);
        let style = TextStyle::mono(number_size(self.options.scale));
        let right = self.view.area.x - NUMBER_RIGHT;
        for (y, row) in rows.iter().filter(|(_, row)| row.kind == RowKind::First) {
            let (style, color) = match row.line == current {
                true => (style.weight(Weight::Medium), self.theme.colors.text),
                false => (style, self.theme.colors.line_number),
            };
            self.sign(*y, row.line.0, right);
            let Some(number) = self.number(row.line.0, current.0) else { continue };
            let number = number.to_string();
            let line = self.shaper.shape(&number, style, ShapeOptions::default());
            let origin = Point {
                x: (right - line.width()).round(),
                y: y + line.baseline_in(self.options.scale.row),
            };
            self.scene.text(&line, origin, color);
            let has_fold = row.parts.iter().any(|part| matches!(part.shows, Shows::Fold(_)));
            if has_fold {
                let size = 10.0;
                let rect = Rect {
                    x: right + (NUMBER_RIGHT - size) / 2.0 - 1.0,
                    y: (y + (self.options.scale.row - size) / 2.0).round(),
                    width: size,
                    height: size,
                };
                self.scene.icon(Icon::ChevronRight, rect, self.theme.colors.muted);
            }
        }
        self.scene.push(render::scene::Primitive::PopClip);
    }

    /// What stands in the gutter beside a line.
    fn number(&self, line: usize, current: usize) -> Option<usize> {
        match self.options.numbers {
            LineNumbers::Off => None,
            LineNumbers::Relative if line != current => Some(line.abs_diff(current)),
            LineNumbers::On | LineNumbers::Relative => Some(line + 1),
        }
    }

    fn scroll_bars(&mut self) {
        let color = Color { a: 0x59, ..self.theme.colors.mark };
        if let Some(thumb) = vertical_thumb(self.view, self.area) {
            self.scene.quad(Quad { radii: Radii::all(3.0), ..Quad::fill(thumb, color) });
        }
        if let Some(thumb) = horizontal_thumb(self.view) {
            self.scene.quad(Quad { radii: Radii::all(3.0), ..Quad::fill(thumb, color) });
        }
    }
}

/// How many guides each row has; a blank row has those that both its neighbours have.
fn indents(rows: &[(f32, Arc<RowLayout>)], step: usize) -> Vec<usize> {
    let level = |columns: usize| columns.div_ceil(step);
    let own: Vec<Option<usize>> = rows.iter().map(|(_, row)| row.indent.map(level)).collect();
    let fill = |index: usize| {
        let above = own[..index].iter().rev().flatten().next();
        let below = own[index..].iter().flatten().next();
        above.zip(below).map_or(0, |(above, below)| *above.min(below))
    };
    (0..own.len()).map(|index| own[index].unwrap_or_else(|| fill(index))).collect()
}

/// Whether a selected line ending is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Shown,
    Hidden,
}

/// Where the thumb of the vertical scroll bar lies; `None` when all rows are seen.
pub fn vertical_thumb(view: &EditorView, area: Rect) -> Option<Rect> {
    let rows = view.height();
    let seen = f64::from(area.height / view.scale.row);
    let all = view.scroll_height_max() + seen;
    if rows <= seen {
        return None;
    }
    let track = f64::from(area.height - 8.0);
    let length = (track * seen / all).max(24.0).min(track);
    let at = (track - length) * view.scroll_share();
    Some(Rect {
        x: area.x + area.width - SCROLL_BAR + 3.0,
        y: area.y + 4.0 + at as f32,
        width: 6.0,
        height: length as f32,
    })
}

/// Where the thumb of the horizontal scroll bar lies; `None` when no row is longer than the view.
pub fn horizontal_thumb(view: &EditorView) -> Option<Rect> {
    let hidden = view.scroll_x_max();
    let area = view.area;
    if hidden <= 0.0 || view.wrap == super::Wrap::On || area.width < 60.0 {
        return None;
    }
    let length = (area.width * area.width / (area.width + hidden)).max(24.0);
    let at = (area.width - length) * view.scroll.x / hidden;
    Some(Rect { x: area.x + at, y: area.y + area.height - 9.0, width: length, height: 6.0 })
}
