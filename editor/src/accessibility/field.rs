//! The text of a line that is typed into, as assistive technology reads it.

use accesskit::{NodeId, TextDirection, TextSelection};
use render::geometry::Rect;
use render::shape::{Affinity, ShapedLine};
use text::bidi::{self, Base, BidiLine, Direction};
use text::{ByteOffset, CharOffset, Positions, Rope, grapheme, word};

use super::runs::{Character, RowPlace, RowText, Runs, Side};
use crate::line_input::LineInput;
use crate::program::Program;
use crate::program::frame::{FieldLine, field_style};
use crate::ui::target::{Field, Target};

/// Tells a field's runs from elements and from a pane's.
const KIND: u64 = 1 << 62;

fn id_of(field: Field, run: usize) -> NodeId {
    NodeId(KIND | (field as u64) << 32 | run as u64)
}

/// What is told of a field: its text, its offsets in bytes, and what is selected.
pub fn text(program: &mut Program, field: Field) -> Option<(Runs, Option<TextSelection>)> {
    let input = program.field(field)?.veiled();
    let rect = program.layout().and_then(|layout| layout.rect(Target::Field(field).id()))?;
    let drawn = program.field_line(&input, field_style(field), rect);
    // What is composed stands among the text on the screen, but is not in it yet.
    let drawn = (!input.is_composing()).then_some(&drawn);
    let row = row(&input, drawn, rect, program.window.scale());
    let mut runs = Runs::default();
    runs.push(&row, input.text().len(), |run| id_of(field, run));
    let (anchor, head) = input.ends();
    let selection = runs.selection(anchor, head, Side::Below);
    Some((runs, selection))
}

fn row(input: &LineInput, drawn: Option<&FieldLine>, rect: Rect, scale: f32) -> RowText {
    let text = input.text();
    let order = bidi::has_rtl(text).then(|| BidiLine::new(text, Base::Auto));
    let place = drawn.map(|drawn| RowPlace {
        top: rect.y * scale,
        bottom: rect.bottom() * scale,
        start: drawn.left * scale,
    });
    let mut row = RowText { place, ..RowText::default() };
    let rope = Rope::from_str(text);
    let mut at = CharOffset(0);
    while at < rope.end() {
        let next = grapheme::next(&rope, at);
        let bytes = rope.byte_of(at).0..rope.byte_of(next).0;
        let direction = match order.as_ref().map(|order| order.direction_at(bytes.start)) {
            Some(Direction::Rtl) => TextDirection::RightToLeft,
            _ => TextDirection::LeftToRight,
        };
        let x = drawn.map(|drawn| {
            let (left, right) = edges(&drawn.line, bytes.clone());
            ((drawn.left + left) * scale, (drawn.left + right) * scale)
        });
        row.push(&text[bytes.clone()], Character { at: bytes.start, bytes: 0, direction, x });
        at = next;
    }
    row.words = words(&rope);
    row
}

fn edges(line: &ShapedLine, bytes: std::ops::Range<usize>) -> (f32, f32) {
    let spans = line.spans_of(bytes.clone());
    let nowhere = line.x_of(bytes.start, Affinity::Downstream);
    let left = spans.iter().map(|span| span.0).reduce(f32::min);
    let right = spans.iter().map(|span| span.1).reduce(f32::max);
    (left.unwrap_or(nowhere), right.unwrap_or(nowhere))
}

/// Bytes at which words begin, as movements by words find them.
fn words(rope: &Rope) -> Vec<usize> {
    let mut words = vec![ByteOffset(0)];
    let mut at = CharOffset(0);
    loop {
        let next = word::next_start(rope, at);
        if next <= at || next >= rope.end() {
            return words.into_iter().map(|word| word.0).collect();
        }
        words.push(rope.byte_of(next));
        at = next;
    }
}
