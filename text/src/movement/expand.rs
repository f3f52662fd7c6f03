//! Growing selections: to words, lines and brackets. Syntax nodes belong to `syntax`.

use ropey::Rope;

use crate::bracket::{self, IsCode};
use crate::grapheme;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::{Selection, Selections};
use crate::word;

/// Which part of something is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What stands between the edges.
    Inside,
    /// The edges too.
    Around,
}

/// The word, blanks or punctuation around the head, as a double click selects it.
pub fn word(rope: &Rope, selection: Selection) -> Selection {
    span(word::at(rope, selection.head))
}

/// The selection grown to whole words at both ends.
pub fn to_words(rope: &Rope, selection: Selection) -> Selection {
    let range = selection.range();
    let first = word::at(rope, range.start);
    let last = if selection.is_caret() { first } else { word::at(rope, range.end - 1) };
    pointing(selection, CharRange { start: first.start, end: last.end.max(range.end) })
}

/// Whole lines with their endings; a selection of whole lines takes one line more.
pub fn lines(rope: &Rope, selection: Selection) -> Selection {
    let range = selection.range();
    let start = rope.line_start(rope.line_of(range.start));
    let last = rope.line_of(range.end);
    let after =
        |line: Line| if line < rope.last_line() { rope.line_start(line + 1) } else { rope.end() };
    let ends_line = !selection.is_caret() && range.end == rope.line_start(last);
    let end = match (ends_line, range.start == start) {
        (true, false) => range.end,
        _ => after(last),
    };
    span(CharRange { start, end })
}

/// The selection from one end of a drag to the other in whole words or lines: what `whole` makes
/// of both ends, with the head on the side of `to`.
pub fn drag(
    from: CharOffset,
    to: CharOffset,
    whole: impl Fn(CharOffset) -> CharRange,
) -> Selection {
    let (first, last) = (whole(from), whole(to));
    match to < first.start {
        true => Selection::new(first.end, last.start),
        false => Selection::new(first.start, last.end.max(first.end)),
    }
}

/// The pair of brackets around the selection; if that is selected already, the next one outside.
pub fn brackets(
    rope: &Rope,
    selection: Selection,
    part: Part,
    is_code: IsCode<'_>,
) -> Option<Selection> {
    let range = selection.range();
    let chosen = |pair: bracket::Pair| match part {
        Part::Inside => whole(rope, pair.inside()),
        Part::Around => whole(rope, pair.around()),
    };
    let mut inner = range;
    loop {
        let pair = bracket::enclosing(rope, inner, is_code)?;
        if chosen(pair) != range || selection.is_caret() {
            return Some(span(chosen(pair)));
        }
        inner = pair.around();
    }
}

/// One step larger: the word, the text of the line, what the brackets hold, the brackets, the
/// whole text. What a language without a syntax tree gets.
pub fn grow(rope: &Rope, selection: Selection, is_code: IsCode<'_>) -> Selection {
    let range = selection.range();
    let line = rope.line_of(range.start);
    let text = CharRange {
        start: super::first_non_blank(rope, line).min(range.start),
        end: rope.line_end(line),
    };
    let pair = bracket::enclosing(rope, range, is_code);
    let candidates = [
        word::word_at(rope, selection.head),
        pair.map(|pair| whole(rope, pair.inside())),
        pair.map(|pair| whole(rope, pair.around())),
        Some(text),
        Some(rope.line_range(line)),
        Some(CharRange::new(CharOffset(0), rope.end())),
    ];
    let larger = |one: &CharRange| {
        one.start <= range.start && range.end <= one.end && one.len() > range.len()
    };
    let smallest = candidates.into_iter().flatten().filter(larger).min_by_key(|one| one.len());
    smallest.map_or(selection, |one| pointing(selection, one))
}

/// Everything.
pub fn all(rope: &Rope) -> Selections {
    Selections::single(Selection::new(CharOffset(0), rope.end()))
}

/// A range grown to whole clusters.
fn whole(rope: &Rope, range: CharRange) -> CharRange {
    CharRange { start: grapheme::floor(rope, range.start), end: grapheme::ceil(rope, range.end) }
}

fn span(range: CharRange) -> Selection {
    Selection::new(range.start, range.end)
}

/// A range pointing the way of a selection.
fn pointing(selection: Selection, range: CharRange) -> Selection {
    match selection.head < selection.anchor {
        true => Selection::new(range.end, range.start),
        false => span(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::fixture::{marked, unmarked};

    fn grown(text: &str, change: impl Fn(&Rope, Selection) -> Selection) -> String {
        let (rope, selections) = unmarked(text);
        marked(&rope, &selections.map(|one| change(&rope, one)))
    }

    #[test]
    fn words_and_lines_are_taken_whole() {
        assert_eq!(grown("a fo|o b", word), "a «foo|» b");
        assert_eq!(grown("a f«o|»o b", to_words), "a «foo|» b");
        assert_eq!(grown("a f«|oo b»ar", to_words), "a «|foo bar»");
        assert_eq!(grown("a\nb|\nc", lines), "a\n«b\n|»c");
        assert_eq!(grown("a\n«b\n|»c\nd", lines), "a\n«b\nc\n|»d");
        assert_eq!(grown("a|", lines), "«a|»");
    }

    #[test]
    fn brackets_grow_outwards() {
        let inside = |rope: &Rope, one| {
            brackets(rope, one, Part::Inside, &bracket::everything).unwrap_or(one)
        };
        assert_eq!(grown("f(a, [b|])", inside), "f(a, [«b|»])");
        assert_eq!(grown("f(a, [«b|»])", inside), "f(«a, [b]|»)");
        assert_eq!(grown("f(«a, [b]|»)", inside), "f(«a, [b]|»)");
        let around = |rope: &Rope, one| {
            brackets(rope, one, Part::Around, &bracket::everything).unwrap_or(one)
        };
        assert_eq!(grown("f(a, [b|])", around), "f(a, «[b]|»)");
        assert_eq!(grown("f(a, «[b]|»)", around), "f«(a, [b])|»");
    }

    #[test]
    fn each_step_grows_until_everything_is_selected() {
        let step = |rope: &Rope, one| grow(rope, one, &bracket::everything);
        let mut text = "  f(a.bar|, 1);\nx".to_owned();
        for expected in [
            "  f(a.«bar|», 1);\nx",
            "  f(«a.bar, 1|»);\nx",
            "  f«(a.bar, 1)|»;\nx",
            "  «f(a.bar, 1);|»\nx",
            "«  f(a.bar, 1);|»\nx",
            "«  f(a.bar, 1);\nx|»",
            "«  f(a.bar, 1);\nx|»",
        ] {
            text = grown(&text, step);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_drag_takes_whole_words_both_ways() {
        let rope = Rope::from_str("one two three");
        let whole = |at| word::at(&rope, at);
        let forward = drag(CharOffset(5), CharOffset(9), whole);
        assert_eq!((forward.anchor.0, forward.head.0), (4, 13));
        let back = drag(CharOffset(5), CharOffset(1), whole);
        assert_eq!((back.anchor.0, back.head.0), (7, 0));
    }
}
