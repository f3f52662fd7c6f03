//! Two texts beside each other: which lines differ, and which rows stand beside which.
//!
//! Each side of a comparison is a view of a text, and has an [`Alignment`]: blank rows where the
//! other side has more lines, so that equal lines stand at equal heights. Lines of a compared text
//! are neither folded nor wrapped, so its rows are its lines.

use std::ops::Range;

use text::diff::{self, REFINE_TOTAL};
use text::{Change, CharRange, Line, Positions, Rope};

use crate::find::Direction;

/// Names a comparison; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompareId(pub u64);

/// Which of the two texts a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the other is compared with; on the left.
    Before,
    /// What it became; on the right.
    After,
}

/// How lines of one side differ from those of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The other side has none in their place, and it comes first.
    Added,
    /// The other side has none in their place, and it comes after.
    Removed,
    /// The other side has others in their place.
    Changed,
}

impl Kind {
    /// The sign that stands in the gutter, so that colour alone tells nothing.
    pub fn sign(self) -> &'static str {
        match self {
            Kind::Added => "+",
            Kind::Removed => "−",
            Kind::Changed => "~",
        }
    }
}

/// Lines of one side that the other has not, and the room for those that only the other has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Lines of this side; empty where only the other has some.
    pub lines: Range<usize>,
    /// Blank rows behind them.
    pub blanks: usize,
    /// How they differ.
    pub kind: Kind,
    /// What differs within them.
    pub words: Vec<CharRange>,
}

/// The parts of both sides, in order; equally many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Of the text before.
    pub before: Vec<Part>,
    /// Of the text after.
    pub after: Vec<Part>,
}

/// Compares two texts; time is bounded as [`text::diff`] says. For a worker.
pub fn compare(before: &Rope, after: &Rope) -> Parts {
    let mut parts = Parts::default();
    let mut left = REFINE_TOTAL;
    for hunk in diff::hunks(before, after) {
        let lines = |range: &Range<Line>| range.start.0..range.end.0;
        let (old, new) = (lines(&hunk.before), lines(&hunk.after));
        let most = old.len().max(new.len());
        let is_changed = !old.is_empty() && !new.is_empty();
        let (mut old_words, mut new_words) = (Vec::new(), Vec::new());
        let chars = hunk.chars(before, after);
        let size = chars.before.len().max(chars.after.len());
        if is_changed && size <= left {
            left -= size;
            for word in diff::refine(before, after, chars) {
                old_words.extend(Some(word.before).filter(|range| !range.is_empty()));
                new_words.extend(Some(word.after).filter(|range| !range.is_empty()));
            }
        }
        let part = |lines: Range<usize>, kind, words| {
            let kind = if is_changed { Kind::Changed } else { kind };
            Part { blanks: most - lines.len(), lines, kind, words }
        };
        parts.before.push(part(old, Kind::Removed, old_words));
        parts.after.push(part(new, Kind::Added, new_words));
    }
    parts
}

/// How one side of a comparison is shown.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// The comparison.
    pub compare: CompareId,
    /// Which side of it.
    pub side: Side,
    parts: Vec<Part>,
    /// Blank rows of all parts before the one of the same place, and of all in the end.
    above: Vec<usize>,
    /// The row behind each part.
    ends: Vec<usize>,
}

/// What a row of a compared view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A line.
    Line(usize),
    /// Nothing: the other side has a line there. The line that comes next on this side.
    Blank(usize),
}

impl Alignment {
    /// A side of which nothing is known yet.
    pub fn waiting(compare: CompareId, side: Side) -> Self {
        Alignment { compare, side, parts: Vec::new(), above: vec![0], ends: Vec::new() }
    }

    /// Takes what a comparison found.
    pub fn install(&mut self, parts: Vec<Part>) {
        self.parts = parts;
        self.sum();
    }

    fn sum(&mut self) {
        self.above.clear();
        self.ends.clear();
        let mut sum = 0;
        self.above.push(0);
        for part in &self.parts {
            sum += part.blanks;
            self.above.push(sum);
            self.ends.push(part.lines.end + sum);
        }
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All blank rows.
    pub fn blanks(&self) -> usize {
        self.above.last().copied().unwrap_or(0)
    }

    /// The row in which a line is shown.
    pub fn row_of(&self, line: usize) -> usize {
        let before = self.parts.partition_point(|part| part.lines.end <= line);
        line + self.above[before]
    }

    /// The rows of a part.
    pub fn rows_of(&self, part: usize) -> Range<usize> {
        self.parts[part].lines.start + self.above[part]..self.ends[part]
    }

    /// What a row shows.
    pub fn shown(&self, row: usize) -> Shown {
        let above = self.ends.partition_point(|end| *end <= row);
        match self.parts.get(above) {
            Some(part) if row >= self.ends[above] - part.blanks => Shown::Blank(part.lines.end),
            _ => Shown::Line(row - self.above[above]),
        }
    }

    /// The part that a line belongs to.
    pub fn part_at(&self, line: usize) -> Option<&Part> {
        let index = self.parts.partition_point(|part| part.lines.end <= line);
        self.parts.get(index).filter(|part| part.lines.contains(&line))
    }

    /// The parts of which something lies in these rows.
    pub fn parts_in(&self, rows: Range<usize>) -> Range<usize> {
        let start = self.ends.partition_point(|end| *end <= rows.start);
        let rest = start..self.parts.len();
        let seen = rest.take_while(|part| self.rows_of(*part).start < rows.end);
        start..start + seen.count()
    }

    /// The change after the line of a caret, or the one before; the first comes after the last.
    pub fn step(&self, line: usize, direction: Direction) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.lines.start <= line);
        let before = self.parts.partition_point(|part| part.lines.start < line);
        match direction {
            Direction::Next => self.parts.get(after).or_else(|| self.parts.first()),
            Direction::Previous => {
                before.checked_sub(1).map_or(self.parts.last(), |part| self.parts.get(part))
            }
        }
    }

    /// The place of the change that a line lies in, from 1.
    pub fn place_of(&self, line: usize) -> Option<usize> {
        let is_here = |part: &Part| part.lines.contains(&line) || part.lines.start == line;
        self.parts.iter().position(is_here).map(|index| index + 1)
    }

    /// Follows a change of the text until it is compared anew.
    pub fn changed(&mut self, change: &Change) {
        let (before, after) = (change.before(), change.after());
        let moved = after.len_lines() as isize - before.len_lines() as isize;
        let Some(first) = change.edits.first() else { return };
        let line = before.line_of(first.range.start).0;
        for part in &mut self.parts {
            // What differs within a line that was edited is looked for again.
            part.words.retain(|word| word.end < first.range.start);
            if part.lines.end <= line {
                continue;
            }
            let start = part.lines.start;
            let shifted = |at: usize| at.saturating_add_signed(moved);
            part.lines.start = if start > line { shifted(start).max(line) } else { start };
            part.lines.end = shifted(part.lines.end).max(part.lines.start);
        }
        // Parts that were deleted meet; they may not overlap.
        let mut reached = 0;
        for part in &mut self.parts {
            part.lines.start = part.lines.start.max(reached);
            part.lines.end = part.lines.end.max(part.lines.start);
            reached = part.lines.end;
        }
        self.sum();
    }
}

#[cfg(test)]
mod tests {
    use text::CharOffset;

    use super::*;

    fn sides(before: &str, after: &str) -> [Alignment; 2] {
        let (before, after) = (Rope::from_str(before), Rope::from_str(after));
        let parts = compare(&before, &after);
        let side = |side, parts| {
            let mut side = Alignment::waiting(CompareId(1), side);
            side.install(parts);
            side
        };
        [side(Side::Before, parts.before), side(Side::After, parts.after)]
    }

    #[test]
    fn equal_lines_stand_at_equal_heights() {
        let before = "a\nb\nc\nd\ne\nf\n";
        let after = "new\na\nB\nBB\nBBB\nc\nf\n";
        let [old, new] = sides(before, after);
        let of = |text: &str, line: &str| text.lines().position(|one| one == line).unwrap();
        for line in ["a", "c", "f"] {
            let (left, right) = (old.row_of(of(before, line)), new.row_of(of(after, line)));
            assert_eq!(left, right, "{line}");
        }
        assert_eq!(before.lines().count() + old.blanks(), after.lines().count() + new.blanks());
    }

    #[test]
    fn rows_and_lines_lead_to_each_other() {
        for side in sides("a\nb\nc\nd\n", "x\ny\na\nb2\nd\n") {
            for line in 0..5 {
                assert_eq!(side.shown(side.row_of(line)), Shown::Line(line), "{side:?}");
            }
            let rows = 0..5 + side.blanks();
            let blank = rows.filter(|row| matches!(side.shown(*row), Shown::Blank(_)));
            assert_eq!(blank.count(), side.blanks(), "{side:?}");
        }
    }

    #[test]
    fn each_line_says_how_it_differs_and_where() {
        let [old, new] = sides("same\nlet a = 1;\ngone\nend\n", "same\nlet b = 1;\nend\nmore\n");
        let kind = |side: &Alignment, line| side.part_at(line).map(|part| part.kind);
        assert_eq!(kind(&old, 0), None);
        assert_eq!(kind(&old, 1), Some(Kind::Changed));
        assert_eq!(kind(&new, 3), Some(Kind::Added));
        assert_eq!(new.parts()[0].words[0], CharRange::new(CharOffset(9), CharOffset(10)));
        let [old, _] = sides("a\nb\n", "a\n");
        assert_eq!(kind(&old, 1), Some(Kind::Removed));
        assert_eq!(Kind::Removed.sign(), "−");
    }

    #[test]
    fn changes_are_stepped_through_and_round() {
        let [_, new] = sides("a\nb\nc\nd\ne\n", "A\nb\nC\nd\nE\n");
        let start = |part: Option<&Part>| part.unwrap().lines.start;
        assert_eq!(start(new.step(0, Direction::Next)), 2);
        assert_eq!(start(new.step(4, Direction::Next)), 0);
        assert_eq!(start(new.step(0, Direction::Previous)), 4);
        assert_eq!(start(new.step(3, Direction::Previous)), 2);
        assert_eq!((new.place_of(2), new.place_of(3)), (Some(2), None));
    }

    #[test]
    fn equal_texts_have_no_parts() {
        let [old, new] = sides("a\nb", "a\nb");
        assert!(old.parts().is_empty() && new.step(0, Direction::Next).is_none());
        assert_eq!((old.blanks(), old.shown(7)), (0, Shown::Line(7)));
    }
}
