//! The words of an element: measured, broken or cut to their room.

use std::ops::Range;
use std::sync::Arc;

use super::element::{Align, Overflow, Text};
use crate::color::Color;
use crate::geometry::{Point, Rect, Size};
use crate::scene::{ColorSpan, Scene};
use crate::shape::{Direction, ShapeOptions, ShapedLine, Shaper, StyleSpan};

/// A text with its lines.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    text: Arc<str>,
    source: Text,
    justify: Align,
    /// The whole text on one line.
    natural: Arc<ShapedLine>,
    lines: Vec<Arc<ShapedLine>>,
    /// Where each line starts in the text.
    starts: Vec<usize>,
}

impl Words {
    pub fn new(text: &Text, justify: Align, shaper: &mut Shaper) -> Self {
        let natural = shape(text, 0..text.text.len(), &text.text, shaper);
        Self {
            text: Arc::clone(&text.text),
            source: text.clone(),
            justify,
            lines: vec![Arc::clone(&natural)],
            natural,
            starts: vec![0],
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn lines(&self) -> &[Arc<ShapedLine>] {
        &self.lines
    }

    /// The room it takes when it gets `width`. Widths are whole pixels, so that rounding of edges
    /// never cuts the last letter.
    pub fn measure(&self, width: f32) -> Size {
        let line = self.source.line_height;
        if self.source.overflow != Overflow::Wrap {
            return Size::new(self.natural.width().ceil(), line);
        }
        let breaks = self.breaks(width);
        let widest = breaks.iter().map(|range| self.extent(range)).fold(0.0, f32::max);
        Size::new(widest.ceil(), line * breaks.len() as f32)
    }

    fn extent(&self, bytes: &Range<usize>) -> f32 {
        let shown = self.text[bytes.clone()].trim_end_matches(' ').len();
        let spans = self.natural.spans_of(bytes.start..bytes.start + shown);
        spans.iter().map(|span| span.1 - span.0).sum()
    }

    /// The lines when broken at spaces; a longer word stands out.
    fn breaks(&self, width: f32) -> Vec<Range<usize>> {
        let mut lines = Vec::new();
        let (mut start, mut end) = (0, 0);
        for word in self.text.split_inclusive(' ') {
            let next = end + word.len();
            if end > start && self.extent(&(start..next)) > width + 0.5 {
                lines.push(start..end);
                start = end;
            }
            end = next;
        }
        lines.push(start..self.text.len());
        lines
    }

    /// Settles the lines for the room that it got.
    pub fn fit(&mut self, width: f32, shaper: &mut Shaper) {
        match self.source.overflow {
            Overflow::Visible => {}
            Overflow::Ellipsis if self.natural.width() > width + 0.5 => self.cut(width, shaper),
            Overflow::Ellipsis => {}
            Overflow::Wrap => {
                let breaks = self.breaks(width);
                if breaks.len() > 1 {
                    self.starts = breaks.iter().map(|range| range.start).collect();
                    self.lines = breaks
                        .into_iter()
                        .map(|range| {
                            let shown = self.text[range.clone()].trim_end_matches(' ').len();
                            let bytes = range.start..range.start + shown;
                            shape(&self.source, bytes.clone(), &self.text[bytes], shaper)
                        })
                        .collect();
                }
            }
        }
    }

    fn cut(&mut self, width: f32, shaper: &mut Shaper) {
        let options = ShapeOptions::default();
        let mark = shaper.shape("…", self.source.style, options).width();
        let mut keep = 0;
        for cluster in self.natural.clusters() {
            let end = cluster.end as usize;
            if self.extent(&(0..end)) + mark <= width {
                keep = keep.max(end);
            }
        }
        let text = format!("{}…", self.text[..keep].trim_end());
        let kept = text.len() - '…'.len_utf8();
        self.lines = vec![shape(&self.source, 0..kept, &text, shaper)];
    }

    pub fn paint(&self, rect: Rect, direction: Direction, scene: &mut Scene) {
        let line_height = self.source.line_height;
        let height = line_height * self.lines.len() as f32;
        let mut top = rect.y + ((rect.height - height) / 2.0).round().max(0.0);
        for (line, start) in self.lines.iter().zip(&self.starts) {
            let free = rect.width - line.width();
            let from_left =
                match (self.justify, direction) {
                    (Align::Center, _) => (free / 2.0).round(),
                    (Align::Start | Align::Stretch, Direction::Ltr)
                    | (Align::End, Direction::Rtl) => 0.0,
                    (Align::Start | Align::Stretch, Direction::Rtl)
                    | (Align::End, Direction::Ltr) => free.floor(),
                };
            let origin = Point::new(rect.x + from_left, top + line.baseline_in(line_height));
            let colors = self.colors(*start..*start + line.len());
            if colors.is_empty() {
                scene.text(line, origin, self.color());
            } else {
                scene.glyphs(line, origin, self.color(), &colors.into());
            }
            top += line_height;
        }
    }

    fn color(&self) -> Color {
        self.source.color
    }

    /// The colour spans of a line, from its own start.
    fn colors(&self, bytes: Range<usize>) -> Vec<ColorSpan> {
        let (first, last) = (bytes.start as u32, bytes.end as u32);
        let touched = self
            .source
            .colors
            .iter()
            .filter(|span| span.bytes.start < last && span.bytes.end > first);
        touched
            .map(|span| ColorSpan {
                bytes: span.bytes.start.max(first) - first..span.bytes.end.min(last) - first,
                color: span.color,
            })
            .collect()
    }
}

/// Shapes `text`, which shows `bytes` of the source (and maybe an ellipsis).
fn shape(source: &Text, bytes: Range<usize>, text: &str, shaper: &mut Shaper) -> Arc<ShapedLine> {
    let options = ShapeOptions { direction: source.direction, cell_width: None };
    if source.spans.is_empty() {
        return shaper.shape(text, source.style, options);
    }
    let spans: Vec<StyleSpan> = source
        .spans
        .iter()
        .filter(|span| span.bytes.start < bytes.end && span.bytes.end > bytes.start)
        .map(|span| StyleSpan {
            bytes: span.bytes.start.max(bytes.start) - bytes.start
                ..span.bytes.end.min(bytes.end) - bytes.start,
            style: span.style,
        })
        .collect();
    shaper.shape_spans(text, source.style, &spans, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Content, Element};
    use crate::shape::{Affinity, Fonts, TextStyle};

    #[test]
    fn a_caret_measure_matches_the_words() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let element = Element::text("ab cd", TextStyle::ui(13.0), Color::BLACK);
        let Content::Text(text) = &element.content else { panic!("a text") };
        let words = Words::new(text, Align::Start, &mut shaper);
        let whole = words.natural.x_of(5, Affinity::Upstream);
        assert!((words.extent(&(0..5)) - whole).abs() < 0.01);
        assert!(words.extent(&(0..3)) < whole);
    }
}
