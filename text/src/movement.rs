//! Moving carets: pure functions from a text and a selection to a selection.
//!
//! Every place that comes out is a grapheme boundary. A movement within lines is a [`Motion`];
//! one across them asks a [`Columns`] where things stand on the screen ([`vertical`]), since only
//! the view knows about wrapping, folds and the widths of glyphs. [`multiply`] makes many
//! selections of one, [`expand`] grows them.

pub mod columns;
pub mod expand;
#[cfg(test)]
pub(crate) mod fixture;
pub mod multiply;
pub mod vertical;

use ropey::Rope;

pub use columns::{Columns, PlainColumns};

use crate::bidi::{Base, BidiLine, Direction, LINE_BYTES_MAX, Side};
use crate::bracket;
use crate::grapheme;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::{Movement, Selection, Selections};
use crate::word::{self, Class};

/// A movement of a caret that needs the text alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One grapheme cluster towards the start of the text.
    Left,
    /// One grapheme cluster towards its end.
    Right,
    /// One step to the left as seen on the screen, in lines that have this base direction.
    VisualLeft(Base),
    /// One step to the right as seen on the screen.
    VisualRight(Base),
    /// To the start of the word before.
    WordStartLeft,
    /// To the end of the word before.
    WordEndLeft,
    /// To the start of the word after.
    WordStartRight,
    /// To the end of the word after.
    WordEndRight,
    /// To the start of the part of an identifier before (`camel|Case`, `snake_|case`).
    PartLeft,
    /// To the end of the part of an identifier after.
    PartRight,
    /// To the first character of the line that is not blank, or from there to its start.
    LineStart,
    /// To the start of the line, whatever stands there.
    LineStartHard,
    /// To the end of the line.
    LineEnd,
    /// To the blank line before, or the start of the text.
    ParagraphUp,
    /// To the blank line after, or the end of the text.
    ParagraphDown,
    /// To the start of the text.
    DocumentStart,
    /// To the end of the text.
    DocumentEnd,
    /// To the partner of the bracket beside the caret; from elsewhere, to the closing bracket
    /// around it.
    MatchingBracket,
}

/// Moves one selection. A step to the left or right from a selection that is not extended ends
/// at that edge of it.
pub fn move_selection(
    rope: &Rope,
    selection: Selection,
    motion: Motion,
    movement: Movement,
) -> Selection {
    if movement == Movement::Move
        && !selection.is_caret()
        && let Some(edge) = collapse(rope, selection.range(), motion)
    {
        return Selection::caret(edge);
    }
    selection.moved(target(rope, selection.head, motion), movement)
}

/// Moves every selection; those that meet become one.
pub fn move_all(
    rope: &Rope,
    selections: &Selections,
    motion: Motion,
    movement: Movement,
) -> Selections {
    selections.map(|selection| move_selection(rope, selection, motion, movement))
}

/// Where a movement leads from an offset; the same offset if it leads nowhere.
pub fn target(rope: &Rope, from: CharOffset, motion: Motion) -> CharOffset {
    let from = rope.nearest(from);
    let line = rope.line_of(from);
    match motion {
        Motion::Left => grapheme::previous(rope, from),
        Motion::Right => grapheme::next(rope, from),
        Motion::VisualLeft(base) => visual(rope, from, base, Side::Left),
        Motion::VisualRight(base) => visual(rope, from, base, Side::Right),
        Motion::WordStartLeft => word::previous_start(rope, from),
        Motion::WordEndLeft => word::previous_end(rope, from),
        Motion::WordStartRight => word::next_start(rope, from),
        Motion::WordEndRight => word::next_end(rope, from),
        Motion::PartLeft => word::previous_part_start(rope, from),
        Motion::PartRight => word::next_part_end(rope, from),
        Motion::LineStart => match first_non_blank(rope, line) {
            text if text == from => rope.line_start(line),
            text => text,
        },
        Motion::LineStartHard => rope.line_start(line),
        Motion::LineEnd => rope.line_end(line),
        Motion::ParagraphUp => paragraph_up(rope, line),
        Motion::ParagraphDown => paragraph_down(rope, line),
        Motion::DocumentStart => CharOffset(0),
        Motion::DocumentEnd => rope.end(),
        Motion::MatchingBracket => grapheme::floor(rope, matching_bracket(rope, from)),
    }
}

/// The first character of a line that is not blank; the line's end if all are.
pub fn first_non_blank(rope: &Rope, line: Line) -> CharOffset {
    let range = rope.line_range(line);
    word::skip_right(rope, range, range.start, Class::Space)
}

/// Whether a line holds nothing but blanks.
pub fn is_blank(rope: &Rope, line: Line) -> bool {
    first_non_blank(rope, line) == rope.line_end(line)
}

/// The edge at which a selection ends when it is left by a step.
fn collapse(rope: &Rope, range: CharRange, motion: Motion) -> Option<CharOffset> {
    match motion {
        Motion::Left => Some(range.start),
        Motion::Right => Some(range.end),
        Motion::VisualLeft(base) | Motion::VisualRight(base) => {
            let (line, text) = line_text(rope, range.start);
            let order = BidiLine::new(&text, base);
            let byte = rope.byte_of(range.start) - rope.byte_of(line.start);
            let is_left = matches!(motion, Motion::VisualLeft(_));
            let is_ltr = order.direction_at(byte) == Direction::Ltr;
            Some(if is_left == is_ltr { range.start } else { range.end })
        }
        _ => None,
    }
}

/// The line around an offset and as much of its text as is ordered.
fn line_text(rope: &Rope, at: CharOffset) -> (CharRange, String) {
    let line = rope.line_range(rope.line_of(at));
    let bytes = rope.byte_of(line.end) - rope.byte_of(line.start);
    let text = if bytes > LINE_BYTES_MAX { String::new() } else { rope.slice_of(line).to_string() };
    (line, text)
}

fn visual(rope: &Rope, from: CharOffset, base: Base, side: Side) -> CharOffset {
    let (line, text) = line_text(rope, from);
    let order = BidiLine::new(&text, base);
    let forward = (side == Side::Right) == (order.base() == Direction::Ltr);
    if text.is_empty() || order.is_plain() {
        return if forward { grapheme::next(rope, from) } else { grapheme::previous(rope, from) };
    }
    let start = rope.byte_of(line.start);
    let byte = rope.byte_of(from.min(line.end)) - start;
    if let Some(next) = order.step(&text, byte, side) {
        return rope.char_of_byte(start + next);
    }
    // Past the edge of the line, the caret enters the next one where it starts or ends.
    match forward {
        true => grapheme::next(rope, line.end),
        false => grapheme::previous(rope, line.start),
    }
}

fn paragraph_up(rope: &Rope, line: Line) -> CharOffset {
    let mut line = line;
    while line.0 > 0 && is_blank(rope, line) {
        line = line - 1;
    }
    while line.0 > 0 && !is_blank(rope, line) {
        line = line - 1;
    }
    rope.line_start(line)
}

fn paragraph_down(rope: &Rope, line: Line) -> CharOffset {
    let last = rope.last_line();
    let mut line = line;
    while line < last && is_blank(rope, line) {
        line = line + 1;
    }
    while line < last && !is_blank(rope, line) {
        line = line + 1;
    }
    if is_blank(rope, line) { rope.line_start(line) } else { rope.line_end(line) }
}

fn matching_bracket(rope: &Rope, from: CharOffset) -> CharOffset {
    if let Some(pair) = bracket::pair_at(rope, from, &bracket::everything) {
        return if from <= pair.open + 1 && from != pair.close { pair.close } else { pair.open };
    }
    match bracket::enclosing(rope, CharRange::at(from), &bracket::everything) {
        Some(pair) => pair.close,
        None => from,
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{Random, marked, unmarked};
    use super::*;

    fn moved(text: &str, motion: Motion, movement: Movement) -> String {
        let (rope, selections) = unmarked(text);
        marked(&rope, &move_all(&rope, &selections, motion, movement))
    }

    #[test]
    fn a_step_crosses_a_cluster_or_leaves_a_selection() {
        assert_eq!(moved("e\u{301}|x", Motion::Left, Movement::Move), "|e\u{301}x");
        assert_eq!(moved("a|\r\nb", Motion::Right, Movement::Move), "a\r\n|b");
        assert_eq!(moved("a«bc|»d", Motion::Left, Movement::Move), "a|bcd");
        assert_eq!(moved("a«|bc»d", Motion::Right, Movement::Move), "abc|d");
        assert_eq!(moved("a«bc|»d", Motion::Right, Movement::Extend), "a«bcd|»");
        assert_eq!(moved("|a|b|", Motion::Right, Movement::Move), "a|b|");
    }

    #[test]
    fn a_line_starts_at_its_text_and_then_at_its_edge() {
        assert_eq!(moved("x\n  ab|c", Motion::LineStart, Movement::Move), "x\n  |abc");
        assert_eq!(moved("x\n  |abc", Motion::LineStart, Movement::Move), "x\n|  abc");
        assert_eq!(moved("x\n|  abc", Motion::LineStart, Movement::Move), "x\n  |abc");
        assert_eq!(moved("x|\r\n  abc", Motion::LineEnd, Movement::Extend), "x|\r\n  abc");
        assert_eq!(moved("x\n  a«|bc»", Motion::LineStart, Movement::Extend), "x\n  «|abc»");
    }

    #[test]
    fn paragraphs_are_divided_by_blank_lines() {
        let text = "a\nb\n \n\nc|\nd\n\ne";
        assert_eq!(moved(text, Motion::ParagraphUp, Movement::Move), "a\nb\n \n|\nc\nd\n\ne");
        assert_eq!(moved(text, Motion::ParagraphDown, Movement::Move), "a\nb\n \n\nc\nd\n|\ne");
        assert_eq!(moved("a|b\nc", Motion::ParagraphUp, Movement::Move), "|ab\nc");
        assert_eq!(moved("a|b\nc", Motion::ParagraphDown, Movement::Move), "ab\nc|");
    }

    #[test]
    fn the_caret_jumps_between_brackets() {
        assert_eq!(moved("f|(a[0])", Motion::MatchingBracket, Movement::Move), "f(a[0]|)");
        assert_eq!(moved("f(a[0]|)", Motion::MatchingBracket, Movement::Move), "f|(a[0])");
        assert_eq!(moved("f(a[0])|", Motion::MatchingBracket, Movement::Move), "f|(a[0])");
        assert_eq!(moved("f(a[|0])", Motion::MatchingBracket, Movement::Move), "f(a[0|])");
        assert_eq!(moved("f(a, |b)", Motion::MatchingBracket, Movement::Move), "f(a, b|)");
        assert_eq!(moved("a|b", Motion::MatchingBracket, Movement::Move), "a|b");
    }

    #[test]
    fn the_left_arrow_goes_forward_in_an_arabic_line() {
        let left = Motion::VisualLeft(Base::Auto);
        assert_eq!(moved("|كل", left, Movement::Move), "ك|ل");
        assert_eq!(moved("كل|\nab", left, Movement::Move), "كل\n|ab");
        assert_eq!(moved("ab|\nكل", Motion::VisualRight(Base::Auto), Movement::Move), "ab\n|كل");
        assert_eq!(moved("«كل|» ا", left, Movement::Move), "كل| ا");
        assert_eq!(moved("= \"|مر\"", Motion::VisualRight(Base::Ltr), Movement::Move), "= \"م|ر\"");
    }

    #[test]
    fn any_movement_in_any_text_ends_on_a_boundary() {
        let motions = [
            Motion::Left,
            Motion::Right,
            Motion::VisualLeft(Base::Auto),
            Motion::VisualRight(Base::Rtl),
            Motion::WordStartLeft,
            Motion::WordEndLeft,
            Motion::WordStartRight,
            Motion::WordEndRight,
            Motion::PartLeft,
            Motion::PartRight,
            Motion::LineStart,
            Motion::LineEnd,
            Motion::ParagraphUp,
            Motion::ParagraphDown,
            Motion::MatchingBracket,
        ];
        let mut random = Random::new();
        for _ in 0..300 {
            let text = random.text(60);
            let rope = Rope::from_str(&text);
            for motion in motions {
                let from = CharOffset(random.below(rope.len_chars() + 2));
                let from = grapheme::floor(&rope, from);
                let to = target(&rope, from, motion);
                assert!(grapheme::is_boundary(&rope, to), "{text:?} {motion:?} {from:?} {to:?}");
            }
        }
    }

    #[test]
    fn right_takes_left_back() {
        let mut random = Random::new();
        for _ in 0..300 {
            let rope = Rope::from_str(&random.text(40));
            let mut at = CharOffset(0);
            while at < rope.end() {
                let next = target(&rope, at, Motion::Right);
                assert_eq!(target(&rope, next, Motion::Left), at);
                at = next;
            }
        }
    }

    #[test]
    fn a_step_in_a_huge_line_does_not_read_the_line() {
        let rope = Rope::from_str(&"fn x(); ".repeat(12_500_000 / 4));
        let started = std::time::Instant::now();
        for round in 0..1000 {
            let at = CharOffset(rope.len_chars() / 1000 * round);
            target(&rope, at, Motion::Left);
            target(&rope, at, Motion::VisualRight(Base::Auto));
            target(&rope, at, Motion::WordEndRight);
        }
        // Reading 25 MB three thousand times would take minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
    }
}
