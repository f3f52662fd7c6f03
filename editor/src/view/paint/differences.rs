//! What a compared text shows of its differences: a bar, a sign and a tint for each line, a rule
//! under words, and the desk where only the other text has a line.

use std::sync::Arc;

use render::color::Color;
use render::geometry::{Point, Rect};
use render::shape::{ShapeOptions, TextStyle, Weight};
use render::theme::Colors;
use text::CharRange;

use super::{NUMBER_RIGHT, Painter, SCROLL_BAR, number_size};
use crate::compare::Kind;
use crate::view::rows::RowLayout;

/// How much of its colour lies under a line that differs. More would take contrast from its words;
/// a test holds that.
const TINT: u8 = 0x10;

/// The width of the bar at the edge, and the height of the rule under words, logical pixels.
const BAR: f32 = 3.0;
const RULE: f32 = 2.0;

fn color(kind: Kind, colors: &Colors) -> Color {
    match kind {
        Kind::Added => colors.good,
        Kind::Removed => colors.error,
        Kind::Changed => colors.warning,
    }
}

impl Painter<'_> {
    /// Tints the lines that differ, and takes the sheet away where there is none.
    pub(super) fn differences(&mut self) {
        let Some(alignment) = &self.view.alignment else { return };
        let (height, scroll) = (self.options.scale.row, self.view.scroll.row);
        let (area, text) = (self.area, self.view.area);
        let y = |row: usize| area.y + ((row as f64 - scroll) * f64::from(height)) as f32;
        let top = scroll.floor() as usize;
        let seen = top..top + self.view.rows_in_view() + 1;
        for index in alignment.parts_in(seen) {
            let (part, rows) = (&alignment.parts()[index], alignment.rows_of(index));
            let color = color(part.kind, &self.theme.colors);
            let blanks = alignment.blanks_of(index);
            let own = rows.len() - blanks;
            let (start, lines) = (y(rows.start), own as f32 * height);
            let tint = Rect {
                x: text.x - NUMBER_RIGHT / 3.0,
                y: start,
                width: text.width + NUMBER_RIGHT / 3.0,
                height: lines,
            };
            self.scene.fill(tint, color.with_alpha(TINT));
            let bar = Rect { x: area.x, y: start, width: BAR, height: lines };
            self.scene.fill(bar, color);
            let hole = Rect {
                y: start + lines,
                width: area.width - SCROLL_BAR,
                height: blanks as f32 * height,
                ..area
            };
            self.scene.fill(hole, self.theme.colors.canvas);
            let gap = alignment.gap_before(index);
            let hole = Rect {
                y: y(gap.start),
                width: area.width - SCROLL_BAR,
                height: gap.len() as f32 * height,
                ..area
            };
            self.scene.fill(hole, self.theme.colors.canvas);
        }
    }

    /// Marks what differs within lines.
    pub(super) fn words(&mut self, rows: &[(f32, Arc<RowLayout>)]) {
        let Some(alignment) = &self.view.alignment else { return };
        let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else { return };
        let seen = first.line.0..last.line.0 + 1;
        let parts = alignment.parts().iter();
        let parts = parts.filter(|part| part.lines.start < seen.end && part.lines.end > seen.start);
        let ranges: Vec<CharRange> = parts.flat_map(|part| part.words.iter().copied()).collect();
        let (left, height) = (self.left(), self.options.scale.row);
        let color = color(Kind::Changed, &self.theme.colors);
        for (y, row) in rows {
            let is_here =
                |range: &&CharRange| range.start < row.range.end && range.end > row.range.start;
            for (x0, x1) in ranges.iter().filter(is_here).flat_map(|range| row.spans_of(*range)) {
                let rule =
                    Rect { x: left + x0, y: y + height - RULE - 1.0, width: x1 - x0, height: RULE };
                self.scene.fill(rule, color);
            }
        }
    }

    /// The sign of a line that differs, beside its number.
    pub(super) fn sign(&mut self, y: f32, line: usize, right: f32) {
        let found = self.view.alignment.as_ref().and_then(|alignment| alignment.part_at(line));
        let Some(kind) = found.map(|part| part.kind) else { return };
        let style = TextStyle::mono(number_size(self.options.scale)).weight(Weight::Medium);
        let sign = self.shaper.shape(kind.sign(), style, ShapeOptions::default());
        let origin = Point {
            x: (right + (NUMBER_RIGHT - 4.0 - sign.width()) / 2.0).round(),
            y: y + sign.baseline_in(self.options.scale.row),
        };
        self.scene.text(&sign, origin, color(kind, &self.theme.colors));
    }
}

#[cfg(test)]
mod tests {
    use render::color::contrast;
    use render::theme::{Appearance, Theme};

    use super::*;

    #[test]
    fn words_have_enough_contrast_on_what_differs() {
        for appearance in [Appearance::Light, Appearance::Dark] {
            let theme = Theme::built_in(appearance);
            let c = &theme.colors;
            let under = [c.surface, c.current_line];
            for kind in [Kind::Added, Kind::Removed, Kind::Changed] {
                let tinted = under.map(|ground| color(kind, c).with_alpha(TINT).over(ground));
                let words = theme.captures().map(|(_, color)| color).chain([c.text]);
                for ink in words {
                    for ground in tinted {
                        let ratio = contrast(ink, ground);
                        assert!(ratio >= 4.5, "{}: {ink:?} on {kind:?}: {ratio:.2}", theme.name);
                    }
                }
            }
        }
    }
}
