//! Deleting up to where a movement leads.

use ropey::Rope;

use super::{Builder, Transformed};
use crate::movement::{self, Motion};
use crate::position::{CharOffset, CharRange, Positions};
use crate::selection::{Selection, Selections};

/// Deletes the selections, and for each caret the text up to where a movement leads from it.
///
/// A movement by words stops at the line's edge first; from that edge, and for movements to a
/// line's start or end that have arrived, the line break goes.
pub fn by(rope: &Rope, selections: &Selections, motion: Motion) -> Transformed {
    ranges(rope, selections, |one| match one.is_caret() {
        false => one.range(),
        true => CharRange::new(one.head, target(rope, one.head, motion)),
    })
}

/// Deletes the selections; carets delete nothing.
pub fn selected(rope: &Rope, selections: &Selections) -> Transformed {
    ranges(rope, selections, Selection::range)
}

/// Deletes a range for each selection, which becomes a caret there.
pub(super) fn ranges(
    rope: &Rope,
    selections: &Selections,
    range: impl Fn(Selection) -> CharRange,
) -> Transformed {
    let mut builder = Builder::new(rope);
    let mut chosen: Vec<CharRange> = selections.iter().map(range).collect();
    // One that reaches back over its neighbours takes what they would have deleted too.
    for index in (1..chosen.len()).rev() {
        let start = chosen[index].start;
        let before = &mut chosen[index - 1];
        before.start = before.start.min(start);
        before.end = before.end.max(start.min(before.end));
    }
    for range in chosen {
        let place = builder.replace(range, "");
        builder.keep(place, place);
    }
    builder.finish(selections.primary_index())
}

fn target(rope: &Rope, from: CharOffset, motion: Motion) -> CharOffset {
    let line = rope.line_range(rope.line_of(from));
    let to = movement::target(rope, from, motion);
    let by_word = matches!(
        motion,
        Motion::WordStartLeft
            | Motion::WordEndLeft
            | Motion::WordStartRight
            | Motion::WordEndRight
            | Motion::PartLeft
            | Motion::PartRight
    );
    let one_left = || movement::target(rope, from, Motion::Left);
    let one_right = || movement::target(rope, from, Motion::Right);
    match motion {
        Motion::LineStart | Motion::LineStartHard if from == line.start => one_left(),
        // Deleting never goes to the right of a caret in the blanks before a line's text.
        Motion::LineStart => to.min(from).min(if to >= from { line.start } else { to }),
        Motion::LineEnd if from == line.end => one_right(),
        _ if by_word && to < line.start && from == line.start => one_left(),
        _ if by_word && to > line.end && from == line.end => one_right(),
        _ => to,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    fn run(text: &str, motion: Motion) -> String {
        after(text, |r, s| by(r, s, motion))
    }

    #[test]
    fn words_and_their_parts_are_deleted() {
        assert_eq!(run("foo bar|", Motion::WordStartLeft), "foo |");
        assert_eq!(run("foo\n|bar", Motion::WordStartLeft), "foo|bar");
        assert_eq!(run("|foo bar", Motion::WordEndRight), "| bar");
        assert_eq!(run("foo|\r\nbar", Motion::WordEndRight), "foo|bar");
        assert_eq!(run("fooBar_baz|", Motion::PartLeft), "fooBar_|");
        assert_eq!(run("foo|Bar", Motion::PartRight), "foo|");
        assert_eq!(run("a «b|» c|", Motion::WordStartLeft), "a | |");
        assert_eq!(run("fo|o b|ar|", Motion::WordStartLeft), "|o |");
    }

    #[test]
    fn a_line_is_deleted_to_its_edges_and_then_its_break() {
        assert_eq!(run("  ab|c", Motion::LineStart), "  |c");
        assert_eq!(run("  |abc", Motion::LineStart), "|abc");
        assert_eq!(run(" | abc", Motion::LineStart), "| abc");
        assert_eq!(run("x\r\n|abc", Motion::LineStart), "x|abc");
        assert_eq!(run("a|bc\nd", Motion::LineEnd), "a|\nd");
        assert_eq!(run("a|\nd", Motion::LineEnd), "a|d");
        assert_eq!(run("a|", Motion::LineEnd), "a|");
    }

    #[test]
    fn clusters_go_whole() {
        assert_eq!(run("x👨\u{200d}👩\u{200d}👧|", Motion::Left), "x|");
        assert_eq!(run("a|\r\nb", Motion::Right), "a|b");
        assert_eq!(run("|a|b|", Motion::Left), "|");
        assert_eq!(after("a«b|»|c", selected), "a|c");
    }
}
