//! The difference between two texts: lines first, then words and characters within them.
//!
//! Time is bounded: what both texts start and end with is cut off first, texts that still differ
//! over more than [`LINE_LIMIT`] lines or [`BYTE_LIMIT`] bytes are one hunk, and hunks of more than
//! [`REFINE_LIMIT`] bytes are not looked into. A coarse answer is still right.

use std::borrow::Cow;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};
use ropey::{Rope, RopeSlice};
use unicode_segmentation::UnicodeSegmentation;

use crate::edit::{Edit, Transaction};
use crate::position::{CharOffset, CharRange, Line, Positions};

/// The most lines on one side that are compared one by one.
pub const LINE_LIMIT: usize = 400_000;

/// The most bytes on one side that are compared line by line.
pub const BYTE_LIMIT: usize = 64 << 20;

/// The most bytes on one side of a hunk that is compared word by word.
pub const REFINE_LIMIT: usize = 32 << 10;

/// Lines that gave way to other lines; one side may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hunk {
    /// In the text before.
    pub before: Range<Line>,
    /// In the text after.
    pub after: Range<Line>,
}

/// Characters that gave way to others; one side may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replacement {
    /// In the text before.
    pub before: CharRange,
    /// In the text after.
    pub after: CharRange,
}

impl Hunk {
    /// Its characters, line endings included.
    pub fn chars(&self, before: &Rope, after: &Rope) -> Replacement {
        let range = |rope: &Rope, lines: &Range<Line>| CharRange {
            start: line_start(rope, lines.start),
            end: line_start(rope, lines.end),
        };
        Replacement { before: range(before, &self.before), after: range(after, &self.after) }
    }
}

/// The start of a line; the text's end for the line past the last.
fn line_start(rope: &Rope, line: Line) -> CharOffset {
    if line > rope.last_line() { rope.end() } else { rope.line_start(line) }
}

/// The lines that differ, in order.
pub fn hunks(before: &Rope, after: &Rope) -> Vec<Hunk> {
    let (a, b) = (before.len_lines(), after.len_lines());
    let prefix = common_lines(before.lines(), after.lines());
    let most = a.min(b) - prefix;
    let suffix = common_lines(
        before.lines_at(a).reversed().take(most),
        after.lines_at(b).reversed().take(most),
    );
    let (old, new) = (prefix..a - suffix, prefix..b - suffix);
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    let hunk = |old: Range<usize>, new: Range<usize>| Hunk {
        before: Line(old.start)..Line(old.end),
        after: Line(new.start)..Line(new.end),
    };
    let bytes = |rope: &Rope, lines: &Range<usize>| {
        rope.line_to_byte(lines.end) - rope.line_to_byte(lines.start)
    };
    let size = bytes(before, &old).max(bytes(after, &new));
    if old.is_empty()
        || new.is_empty()
        || old.len().max(new.len()) > LINE_LIMIT
        || size > BYTE_LIMIT
    {
        return vec![hunk(old, new)];
    }
    let mut input: InternedInput<Cow<'_, str>> = InternedInput::default();
    input.update_before(before.lines_at(old.start).take(old.len()).map(Cow::from));
    input.update_after(after.lines_at(new.start).take(new.len()).map(Cow::from));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_with_heuristic(
        &input,
        imara_diff::IndentHeuristic::new(|token| {
            let line = input.interner[token].bytes();
            imara_diff::IndentLevel::for_ascii_line(line, 8)
        }),
    );
    let shift = |range: Range<u32>| prefix + range.start as usize..prefix + range.end as usize;
    diff.hunks().map(|found| hunk(shift(found.before), shift(found.after))).collect()
}

fn common_lines<'r>(
    before: impl Iterator<Item = RopeSlice<'r>>,
    after: impl Iterator<Item = RopeSlice<'r>>,
) -> usize {
    before.zip(after).take_while(|(a, b)| a == b).count()
}

/// The characters that differ within a hunk, by words: what stays between two changes is at
/// least a word, a run of white space or a sign.
pub fn refine(before: &Rope, after: &Rope, hunk: Replacement) -> Vec<Replacement> {
    let [old, new] = [before.slice_of(hunk.before), after.slice_of(hunk.after)];
    if old.len_bytes().max(new.len_bytes()) > REFINE_LIMIT {
        return trim(old, new, hunk.before.start, hunk.after.start).into_iter().collect();
    }
    let (old, new) = (Cow::from(old), Cow::from(new));
    let mut input: InternedInput<&str> = InternedInput::default();
    input.update_before(words(&old));
    input.update_after(words(&new));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_no_heuristic(&input);
    let mut old_offsets = Offsets::new(&old, hunk.before.start);
    let mut new_offsets = Offsets::new(&new, hunk.after.start);
    diff.hunks()
        .map(|found| Replacement {
            before: old_offsets.range(found.before),
            after: new_offsets.range(found.after),
        })
        .collect()
}

/// Words, runs of blanks, and every other cluster by itself; line endings apart from blanks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_word_bounds()
}

/// Offsets of words, asked for in ascending order.
struct Offsets<'t> {
    words: Box<dyn Iterator<Item = &'t str> + 't>,
    passed: u32,
    at: CharOffset,
}

impl<'t> Offsets<'t> {
    fn new(text: &'t str, start: CharOffset) -> Self {
        Offsets { words: Box::new(words(text)), passed: 0, at: start }
    }

    fn of(&mut self, word: u32) -> CharOffset {
        while self.passed < word {
            self.at = self.at + self.words.next().map_or(0, |word| word.chars().count());
            self.passed += 1;
        }
        self.at
    }

    fn range(&mut self, words: Range<u32>) -> CharRange {
        CharRange { start: self.of(words.start), end: self.of(words.end) }
    }
}

/// What is left of two texts without what both start and end with; none if they are equal.
fn trim(
    old: RopeSlice<'_>,
    new: RopeSlice<'_>,
    old_start: CharOffset,
    new_start: CharOffset,
) -> Option<Replacement> {
    let (a, b) = (old.len_chars(), new.len_chars());
    let prefix = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    let most = a.min(b) - prefix;
    let (from_end, other) = (old.chars_at(a).reversed(), new.chars_at(b).reversed());
    let suffix = from_end.zip(other).take(most).take_while(|(a, b)| a == b).count();
    let range = |start: CharOffset, length: usize| CharRange {
        start: start + prefix,
        end: start + (length - suffix),
    };
    let replacement = Replacement { before: range(old_start, a), after: range(new_start, b) };
    let is_change = !(replacement.before.is_empty() && replacement.after.is_empty());
    is_change.then_some(replacement)
}

/// All characters that differ, in order; none touches another.
pub fn replacements(before: &Rope, after: &Rope) -> Vec<Replacement> {
    let mut all: Vec<Replacement> = Vec::new();
    for hunk in hunks(before, after) {
        for part in refine(before, after, hunk.chars(before, after)) {
            let [old, new] = [before.slice_of(part.before), after.slice_of(part.after)];
            let Some(part) = trim(old, new, part.before.start, part.after.start) else { continue };
            match all.last_mut() {
                Some(last) if last.before.end == part.before.start => {
                    last.before.end = part.before.end;
                    last.after.end = part.after.end;
                }
                _ => all.push(part),
            }
        }
    }
    all
}

/// The transaction that turns one text into another and leaves alone what they share, so that
/// cursors, folds and marks stay where they were.
pub fn transaction(before: &Rope, after: &Rope) -> Transaction {
    let edit =
        |part: Replacement| Edit::replace(part.before, after.slice_of(part.after).to_string());
    Transaction::new(replacements(before, after).into_iter().map(edit).collect())
        .expect("replacements do not touch one another")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;
    use std::time::{Duration, Instant};

    fn changed(before: &str, after: &str) -> Vec<(String, String)> {
        let (before, after) = (Rope::from_str(before), Rope::from_str(after));
        let text = |part: Replacement| {
            let old = before.slice_of(part.before).to_string();
            (old, after.slice_of(part.after).to_string())
        };
        replacements(&before, &after).into_iter().map(text).collect()
    }

    fn pair(old: &str, new: &str) -> (String, String) {
        (old.to_owned(), new.to_owned())
    }

    #[test]
    fn only_the_word_that_changed_is_replaced() {
        let found = changed("one\nlet count = 1;\nthree\n", "one\nlet total = 1;\nthree\n");
        assert_eq!(found, [pair("count", "total")]);
        assert_eq!(changed("a b c\n", "a c\n"), [pair("b ", "")]);
        assert_eq!(changed("x\n", "x\n"), []);
    }

    #[test]
    fn hunks_are_the_lines_that_differ() {
        let before = Rope::from_str("a\nb\nc\nd\n");
        let after = Rope::from_str("a\nB\nc\nd\ne\n");
        let hunk = |a: Range<usize>, b: Range<usize>| Hunk {
            before: Line(a.start)..Line(a.end),
            after: Line(b.start)..Line(b.end),
        };
        assert_eq!(hunks(&before, &after), [hunk(1..2, 1..2), hunk(4..4, 4..5)]);
    }

    #[test]
    fn applying_the_difference_gives_the_other_text() {
        let mut random = Seeded::new(0xd1ff);
        let parts = ["a", "b", " ", "\n", "\r\n", "\r", "word", "عربي", "e\u{301}", "{", "\t"];
        for round in 0..2000 {
            let before: Vec<&str> = (0..random.below(60)).map(|_| *random.pick(&parts)).collect();
            let mut after = before.clone();
            for _ in 0..random.below(6) {
                let at = random.below(after.len() + 1);
                let end = (at + random.below(4)).min(after.len());
                let new: Vec<&str> = (0..random.below(4)).map(|_| *random.pick(&parts)).collect();
                after.splice(at..end, new);
            }
            let (before, after) =
                (Rope::from_str(&before.concat()), Rope::from_str(&after.concat()));
            let mut rope = before.clone();
            transaction(&before, &after).apply_to(&mut rope);
            assert_eq!(rope, after, "round {round}");
        }
    }

    #[test]
    fn huge_and_hostile_texts_end_in_time() {
        let mut random = Seeded::new(99);
        let lines = |random: &mut Seeded| {
            let all = (0..60_000).map(|_| ["{\n", "}\n", "x\n", "y\n"][random.below(4)]);
            Rope::from_str(&all.collect::<String>())
        };
        let (a, b) = (lines(&mut random), lines(&mut random));
        let one_line = Rope::from_str(&"ab cd ".repeat(400_000));
        let other = Rope::from_str(&"cd ab ".repeat(400_000));
        for (before, after) in [(a, b), (one_line, other)] {
            let start = Instant::now();
            let mut rope = before.clone();
            transaction(&before, &after).apply_to(&mut rope);
            assert_eq!(rope, after);
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        }
    }
}
