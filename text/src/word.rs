//! Words as a programmer means them: identifiers, runs of punctuation, runs of blanks.
//!
//! UAX #29 is the base: a word in Arabic keeps its diacritics, and Chinese and Japanese text
//! breaks as the standard says. It differs in two ways that code needs: an apostrophe, a colon or
//! a full stop ends a word, and a run of punctuation is one step. No walk is longer than
//! [`WALK_MAX`] characters.

use ropey::Rope;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::grapheme;
use crate::position::{CharOffset, CharRange, Positions};

/// The characters that one step crosses at most, so that a step in a 100 MB line stays a step.
pub const WALK_MAX: usize = 1 << 16;

/// What a character is to a movement by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A letter, digit or underscore of any script.
    Word,
    /// Anything else that is seen.
    Punctuation,
    /// Blanks.
    Space,
    /// A line feed or carriage return.
    LineBreak,
    /// A mark or invisible character, which belongs to what stands before it.
    Mark,
}

/// The class of a character.
pub fn class(c: char) -> Class {
    match c {
        '\n' | '\r' => Class::LineBreak,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => Class::Word,
        '!'..='~' => Class::Punctuation,
        _ if c.is_whitespace() => Class::Space,
        _ if c.is_control() => Class::Punctuation,
        _ if c.width() == Some(0) => Class::Mark,
        _ if c.is_alphanumeric() => Class::Word,
        _ => Class::Punctuation,
    }
}

/// The run of one class around an offset: a word, punctuation or blanks. Between two runs the
/// word is preferred, then the run after. Empty on an empty line.
pub fn at(rope: &Rope, at: CharOffset) -> CharRange {
    let at = rope.nearest(at);
    let line = rope.line_range(rope.line_of(at));
    let at = at.min(line.end);
    let class_after = (at < line.end).then(|| class_at(rope, line, at));
    let class_before = (at > line.start).then(|| class_at(rope, line, at - 1));
    let before = match (class_before, class_after) {
        (None, None) => return CharRange::at(at),
        (Some(_), None) => true,
        (Some(Class::Word), Some(after)) => after != Class::Word,
        (Some(before), Some(Class::Space)) => before != Class::Space,
        _ => false,
    };
    run(rope, line, if before { at - 1 } else { at })
}

/// The word around an offset, or none where there is only punctuation and blanks.
pub fn word_at(rope: &Rope, offset: CharOffset) -> Option<CharRange> {
    let range = at(rope, offset);
    let line = rope.line_range(rope.line_of(offset));
    (!range.is_empty() && class_at(rope, line, range.start) == Class::Word).then_some(range)
}

/// The end of the word after an offset; at a line's end, the end of the next line's first word.
pub fn next_end(rope: &Rope, at: CharOffset) -> CharOffset {
    let (line, at) = enter_right(rope, at);
    let at = skip_right(rope, line, at, Class::Space);
    if at < line.end { run(rope, line, at).end } else { at }
}

/// The start of the word after an offset.
pub fn next_start(rope: &Rope, at: CharOffset) -> CharOffset {
    let (line, mut at) = enter_right(rope, at);
    if at < line.end && class_at(rope, line, at) != Class::Space {
        at = run(rope, line, at).end;
    }
    skip_right(rope, line, at, Class::Space)
}

/// The start of the word before an offset; at a line's start, that of the line before.
pub fn previous_start(rope: &Rope, at: CharOffset) -> CharOffset {
    let (line, at) = enter_left(rope, at);
    let at = skip_left(rope, line, at, Class::Space);
    if at > line.start { run(rope, line, at - 1).start } else { at }
}

/// The end of the word before an offset.
pub fn previous_end(rope: &Rope, at: CharOffset) -> CharOffset {
    let (line, mut at) = enter_left(rope, at);
    if at > line.start && class_at(rope, line, at - 1) != Class::Space {
        at = run(rope, line, at - 1).start;
    }
    skip_left(rope, line, at, Class::Space)
}

/// The end of the part of an identifier after an offset: `foo|_bar`, `foo|Bar`, `HTTP|Server`.
pub fn next_part_end(rope: &Rope, at: CharOffset) -> CharOffset {
    let end = next_end(rope, at);
    let (line, at) = enter_right(rope, at);
    let start = skip_right(rope, line, at, Class::Space);
    let text = chars(rope, CharRange::new(start, end));
    let from = text.iter().take_while(|c| **c == '_').count();
    let part = (from + 1..text.len()).find(|&index| is_part_start(&text, index));
    grapheme::ceil(rope, part.map_or(end, |index| start + index))
}

/// The start of the part of an identifier before an offset: `foo_|bar`, `foo|Bar`.
pub fn previous_part_start(rope: &Rope, at: CharOffset) -> CharOffset {
    let start = previous_start(rope, at);
    let (line, at) = enter_left(rope, at);
    let end = skip_left(rope, line, at, Class::Space);
    let text = chars(rope, CharRange::new(start, end));
    let last = text.len() - text.iter().rev().take_while(|c| **c == '_').count();
    let part = (1..last).rev().find(|&index| {
        text[index] != '_' && (text[index - 1] == '_' || is_part_start(&text, index))
    });
    grapheme::floor(rope, part.map_or(start, |index| start + index))
}

/// Whether a part of an identifier ends before the character at an index.
fn is_part_start(text: &[char], index: usize) -> bool {
    let (before, here) = (text[index - 1], text[index]);
    if here == '_' || before == '_' {
        return here == '_' && before != '_';
    }
    let after_is_lower = text.get(index + 1).is_some_and(|next| next.is_lowercase());
    here.is_uppercase() && (!before.is_uppercase() || after_is_lower)
}

fn chars(rope: &Rope, range: CharRange) -> Vec<char> {
    rope.slice_of(range).chars().collect()
}

/// The line in which a step to the right happens; from a line's end, the next one.
fn enter_right(rope: &Rope, at: CharOffset) -> (CharRange, CharOffset) {
    let at = rope.nearest(at);
    let line = rope.line_of(at);
    let range = rope.line_range(line);
    if at < range.end || line == rope.last_line() {
        return (range, at);
    }
    let next = rope.line_range(line + 1);
    (next, next.start)
}

/// The line in which a step to the left happens; from a line's start, the one before.
fn enter_left(rope: &Rope, at: CharOffset) -> (CharRange, CharOffset) {
    let at = rope.nearest(at);
    let line = rope.line_of(at);
    let range = rope.line_range(line);
    if at > range.start || line.0 == 0 {
        return (range, at.min(range.end));
    }
    let before = rope.line_range(line - 1);
    (before, before.end)
}

/// Past the characters of a class, at most to the line's end.
pub(crate) fn skip_right(
    rope: &Rope,
    line: CharRange,
    at: CharOffset,
    skipped: Class,
) -> CharOffset {
    let most = WALK_MAX.min(line.end - at);
    let same = |c: &char| matches!(class(*c), c if c == skipped || c == Class::Mark);
    grapheme::ceil(rope, at + rope.chars_at(at.0).take(most).take_while(same).count())
}

/// Before the characters of a class, at most to the line's start.
pub(crate) fn skip_left(
    rope: &Rope,
    line: CharRange,
    at: CharOffset,
    skipped: Class,
) -> CharOffset {
    let most = WALK_MAX.min(at - line.start);
    let mut before = rope.chars_at(at.0);
    let (mut walked, mut found) = (0, 0);
    while walked < most
        && let Some(c) = before.prev()
    {
        walked += 1;
        match class(c) {
            Class::Mark => {}
            c if c == skipped => found = walked,
            _ => break,
        }
    }
    grapheme::floor(rope, at - found)
}

/// The class of the character at an offset; a mark has that of what it stands on.
fn class_at(rope: &Rope, line: CharRange, at: CharOffset) -> Class {
    let mut before = rope.chars_at((at + 1).0.min(line.end.0));
    for _ in 0..WALK_MAX.min(at + 1 - line.start) {
        match before.prev().map(class) {
            Some(Class::Mark) => {}
            Some(found) => return found,
            None => break,
        }
    }
    Class::Punctuation
}

/// The run of one class that holds a character of a line.
fn run(rope: &Rope, line: CharRange, at: CharOffset) -> CharRange {
    let kind = class_at(rope, line, at);
    let start = skip_left(rope, line, at + 1, kind).min(grapheme::floor(rope, at));
    let end = skip_right(rope, line, at, kind).max(grapheme::next(rope, at)).min(line.end);
    if kind != Class::Word {
        return CharRange { start, end };
    }
    let text = rope.slice(start.0..end.0);
    if !text.chars().any(is_unspaced) {
        return CharRange { start, end };
    }
    let piece = piece(&text.to_string(), start, at);
    CharRange { start: grapheme::floor(rope, piece.start), end: grapheme::ceil(rope, piece.end) }
}

/// The word of the standard that holds a character, in a run of a script without blanks.
/// Neighbouring hiragana, which the standard splits into single characters, stay together.
fn piece(text: &str, start: CharOffset, at: CharOffset) -> CharRange {
    let mut found = CharRange::at(start);
    let mut was_kana = false;
    for word in text.split_word_bounds() {
        let is_kana = word.chars().all(|c| matches!(c, '\u{3041}'..='\u{309f}' | 'ー'));
        let joins = was_kana && is_kana;
        if !joins && found.contains(at) {
            break;
        }
        let end = found.end + word.chars().count();
        found = CharRange { start: if joins { found.start } else { found.end }, end };
        was_kana = is_kana;
    }
    found
}

/// Letters of scripts that write no blanks between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Step = fn(&Rope, CharOffset) -> CharOffset;

    /// The text with a bar at every place where repeated steps stop.
    fn stops(text: &str, step: Step) -> String {
        let rope = Rope::from_str(text);
        let forward = step(&rope, CharOffset(0)).0 > 0;
        let mut at = if forward { CharOffset(0) } else { rope.end() };
        let mut marks = Vec::new();
        loop {
            let next = step(&rope, at);
            if next == at {
                break;
            }
            marks.push(next.0);
            at = next;
        }
        let mut shown = String::new();
        for (index, c) in text.chars().chain(['$']).enumerate() {
            if marks.contains(&index) {
                shown.push('|');
            }
            shown.push(c);
        }
        shown.trim_end_matches('$').to_owned()
    }

    #[test]
    fn words_end_and_start_as_programmers_expect() {
        assert_eq!(stops("let foo_bar = a.b();", next_end), "let| foo_bar| =| a|.|b|();|");
        assert_eq!(stops("let foo_bar = a.b();", previous_start), "|let |foo_bar |= |a|.|b|();");
        assert_eq!(stops("ab  cd\n\n  e", next_end), "ab|  cd|\n|\n  e|");
        assert_eq!(stops("ab  cd\n\n  e", previous_start), "|ab  |cd\n|\n|  |e");
        assert_eq!(stops("ab  cd -> e", next_start), "ab  |cd |-> |e|");
        assert_eq!(stops("ab  cd -> e", previous_end), "|ab|  cd| ->| e");
        assert_eq!(stops("a\r\n  b", next_end), "a|\r\n  b|");
    }

    #[test]
    fn an_arabic_word_keeps_its_diacritics() {
        let text = "كل تعديل عملية: تُطبَّق هنا";
        assert_eq!(stops(text, next_end), "كل| تعديل| عملية|:| تُطبَّق| هنا|");
        assert_eq!(stops(text, previous_start), "|كل |تعديل |عملية|: |تُطبَّق |هنا");
    }

    #[test]
    fn scripts_without_blanks_break_by_the_standard() {
        assert_eq!(stops("x中文カタカナです。", next_end), "x|中|文|カタカナ|です|。|");
        assert_eq!(stops("x中文カタカナです。", previous_start), "|x|中|文|カタカナ|です|。");
    }

    #[test]
    fn parts_of_identifiers_are_steps() {
        let text = "fooBar HTTPServer _snake__case2 ";
        assert_eq!(stops(text, next_part_end), "foo|Bar| HTTP|Server| _snake|__case2| |");
        assert_eq!(stops(text, previous_part_start), "|foo|Bar |HTTP|Server |_|snake__|case2 ");
    }

    #[test]
    fn the_word_is_preferred_where_two_runs_meet() {
        let rope = Rope::from_str("foo+ bar");
        let text = |offset| rope.slice_of(at(&rope, CharOffset(offset))).to_string();
        assert_eq!(text(0), "foo");
        assert_eq!(text(3), "foo");
        assert_eq!(text(4), "+");
        assert_eq!(text(8), "bar");
        assert_eq!(word_at(&rope, CharOffset(4)), None);
        assert_eq!(word_at(&rope, CharOffset(5)).map(|word| word.start.0), Some(5));
    }
}
