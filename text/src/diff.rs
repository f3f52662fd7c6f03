//! The difference between two texts: lines first, then words and characters within them.
//!
//! Time is bounded: what both texts start and end with is cut off first; what is left is divided
//! at lines that each text has once where it is large; a part that would still cost more than
//! [`COST_LIMIT`] or holds more than [`BYTE_LIMIT`] bytes is one hunk; and hunks of more than
//! [`REFINE_LIMIT`] bytes, and those after the first [`REFINE_TOTAL`], are not looked
//! into. A coarse answer is still right.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, IndentHeuristic, IndentLevel, InternedInput};
use ropey::{Rope, RopeSlice};
use unicode_segmentation::UnicodeSegmentation;

use crate::edit::{Edit, Transaction};
use crate::position::{CharOffset, CharRange, Line, Positions};

/// The most that comparing lines may cost: lines before times lines after, summed over the parts
/// that are compared. The comparison of imara-diff grows with that product where few different
/// lines repeat: two times 390,000 such lines took 168 s, which is 1.1 ns for each pair.
pub const COST_LIMIT: usize = 600_000_000;

/// The most bytes on one side that are compared line by line.
pub const BYTE_LIMIT: usize = 64 << 20;

/// The most bytes on one side of a hunk that is compared word by word.
pub const REFINE_LIMIT: usize = 32 << 10;

/// The most bytes on one side of all hunks that are compared word by word; those that come after
/// are not looked into.
pub const REFINE_TOTAL: usize = 1 << 20;

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
    let mut comparison = Comparison { before, after, left: COST_LIMIT, hunks: Vec::new() };
    let whole = (0..before.len_lines(), 0..after.len_lines());
    let Some((old, new)) = comparison.trim(whole.0, whole.1) else { return Vec::new() };
    let bytes = |rope: &Rope, lines: &Range<usize>| {
        rope.line_to_byte(lines.end) - rope.line_to_byte(lines.start)
    };
    if bytes(before, &old).max(bytes(after, &new)) > BYTE_LIMIT {
        comparison.push(old, new);
        return comparison.hunks;
    }
    let (mut told_old, mut told_new) = (old.start, new.start);
    if old.len().saturating_mul(new.len()) > COST_LIMIT {
        for (a, b) in unique_lines(before, after, &old, &new) {
            comparison.part(told_old..a, told_new..b);
            (told_old, told_new) = (a + 1, b + 1);
        }
    }
    comparison.part(told_old..old.end, told_new..new.end);
    comparison.hunks
}

struct Comparison<'r> {
    before: &'r Rope,
    after: &'r Rope,
    /// What is left of the cost.
    left: usize,
    hunks: Vec<Hunk>,
}

impl Comparison<'_> {
    /// Lines without those that both sides start and end with; none if they are equal.
    fn trim(&self, old: Range<usize>, new: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
        let most = old.len().min(new.len());
        let lines = |rope, from| Rope::lines_at(rope, from);
        let (forward, other) = (lines(self.before, old.start), lines(self.after, new.start));
        let prefix = common_lines(forward.take(most), other.take(most));
        let most = most - prefix;
        let backward = lines(self.before, old.end).reversed();
        let other = lines(self.after, new.end).reversed();
        let suffix = common_lines(backward.take(most), other.take(most));
        let (old, new) =
            (old.start + prefix..old.end - suffix, new.start + prefix..new.end - suffix);
        (!old.is_empty() || !new.is_empty()).then_some((old, new))
    }

    fn push(&mut self, old: Range<usize>, new: Range<usize>) {
        self.hunks.push(Hunk {
            before: Line(old.start)..Line(old.end),
            after: Line(new.start)..Line(new.end),
        });
    }

    /// Compares two ranges of lines, as far as the cost allows.
    fn part(&mut self, old: Range<usize>, new: Range<usize>) {
        let Some((old, new)) = self.trim(old, new) else { return };
        let cost = old.len().saturating_mul(new.len());
        if cost == 0 || cost > self.left {
            self.push(old, new);
            return;
        }
        self.left -= cost;
        let mut input: InternedInput<Cow<'_, str>> = InternedInput::default();
        input.update_before(self.before.lines_at(old.start).take(old.len()).map(Cow::from));
        input.update_after(self.after.lines_at(new.start).take(new.len()).map(Cow::from));
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_with_heuristic(
            &input,
            IndentHeuristic::new(|token| {
                IndentLevel::for_ascii_line(input.interner[token].bytes(), 8)
            }),
        );
        let shift =
            |at: usize, range: Range<u32>| at + range.start as usize..at + range.end as usize;
        for found in diff.hunks() {
            self.push(shift(old.start, found.before), shift(new.start, found.after));
        }
    }
}

/// Lines that both sides have exactly once, in the longest order that both share (the anchors of
/// Bram Cohen's patience diff).
fn unique_lines(
    before: &Rope,
    after: &Rope,
    old: &Range<usize>,
    new: &Range<usize>,
) -> Vec<(usize, usize)> {
    #[derive(Default)]
    struct Seen {
        old: Option<usize>,
        new: Option<usize>,
        is_repeated: bool,
    }
    let mut seen: HashMap<Cow<'_, str>, Seen> = HashMap::new();
    for (index, line) in old.clone().zip(before.lines_at(old.start)) {
        let entry = seen.entry(Cow::from(line)).or_default();
        entry.is_repeated |= entry.old.replace(index).is_some();
    }
    for (index, line) in new.clone().zip(after.lines_at(new.start)) {
        let entry = seen.entry(Cow::from(line)).or_default();
        entry.is_repeated |= entry.new.replace(index).is_some();
    }
    let unique = seen.into_values().filter(|seen| !seen.is_repeated);
    let mut pairs: Vec<(usize, usize)> = unique.filter_map(|s| Some((s.old?, s.new?))).collect();
    pairs.sort_unstable();
    // The longest increasing run of the second places: for each length the pair it ends with.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        previous.push(length.checked_sub(1).map(|last| ends[last]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut chain: Vec<(usize, usize)> =
        std::iter::successors(ends.last().copied(), |index| previous[*index])
            .map(|index| pairs[index])
            .collect();
    chain.reverse();
    chain
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
    refine_within(before, after, hunk, &mut { REFINE_LIMIT })
}

/// [`refine`], for as many bytes as are left of [`REFINE_TOTAL`].
pub(crate) fn refine_within(
    before: &Rope,
    after: &Rope,
    hunk: Replacement,
    left: &mut usize,
) -> Vec<Replacement> {
    let [old, new] = [before.slice_of(hunk.before), after.slice_of(hunk.after)];
    let size = old.len_bytes().max(new.len_bytes());
    let looks = size <= REFINE_LIMIT.min(*left);
    *left -= if looks { size } else { 0 };
    if !looks || old.len_bytes() == 0 || new.len_bytes() == 0 {
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
    let mut left = REFINE_TOTAL;
    for hunk in hunks(before, after) {
        for part in refine_within(before, after, hunk.chars(before, after), &mut left) {
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
    fn large_texts_are_divided_at_lines_that_are_unique() {
        let mut random = Seeded::new(0x1a26e);
        let text = |skip: usize, random: &mut Seeded| {
            let line = |at: usize| match at % 50 {
                _ if at % 9_000 == skip => format!("new {at}\n"),
                0 => format!("line {at}\n"),
                _ => ["{\n", "}\n", "\n"][at % 3].to_owned(),
            };
            Rope::from_str(&(0..30_000 + random.below(9)).map(line).collect::<String>())
        };
        let (a, b) = (text(5, &mut random), text(7, &mut random));
        assert!(a.len_lines() * b.len_lines() > COST_LIMIT);
        let found = hunks(&a, &b);
        assert!((4..=9).contains(&found.len()), "{found:?}");
        let mut rope = a.clone();
        transaction(&a, &b).apply_to(&mut rope);
        assert_eq!(rope, b);
    }

    #[test]
    fn huge_and_hostile_texts_end_in_time() {
        let mut random = Seeded::new(99);
        let lines = |random: &mut Seeded| {
            let all = (0..200_000).map(|_| ["{\n", "}\n", "x\n", "y\n"][random.below(4)]);
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
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        }
    }
}
