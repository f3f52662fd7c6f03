//! Two texts beside each other: which lines differ, and which rows stand beside which.
//!
//! Each side of a comparison is a view of a text, and has an [`Alignment`]: blank rows where the
//! other side has more rows, so that equal lines stand at equal heights. What differs and what does
//! not take turns, and each such stretch gets as many rows on both sides: where lines are wrapped
//! or folded on one side alone, what follows still stands beside what it belongs to.

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
    /// Cells of a row that both sides have room for, while lines are wrapped.
    pub room: Option<usize>,
    /// The first row of each stretch among those of this side: what is equal before the first part,
    /// the part, what is equal behind it, and so on; in the end the row behind all.
    bounds: Vec<usize>,
    /// Blank rows of all stretches before the one of the same place, and of all in the end.
    above: Vec<usize>,
    /// The shown row behind each stretch, with its blank rows.
    ends: Vec<usize>,
}

/// A last stretch that goes on to the end of the text, wherever that is.
const OPEN_END: usize = usize::MAX / 4;

/// What a shown row of a compared view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// One of its own rows.
    Line(usize),
    /// Nothing: the other side has a row there. The row that comes next on this side.
    Blank(usize),
}

/// The blank rows that each side needs behind each stretch, so that both have as many.
pub fn blanks(one: &[usize], two: &[usize]) -> [Vec<usize>; 2] {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (one, two) in one.windows(2).zip(two.windows(2)) {
        // The last goes on to the end of its text, where nothing has to meet any more.
        let is_last = one[1] == OPEN_END || two[1] == OPEN_END;
        let (a, b) = if is_last { (0, 0) } else { (one[1] - one[0], two[1] - two[0]) };
        first.push(b.saturating_sub(a));
        second.push(a.saturating_sub(b));
    }
    [first, second]
}

impl Alignment {
    /// A side of which nothing is known yet.
    pub fn waiting(compare: CompareId, side: Side) -> Self {
        let (parts, bounds, above) = (Vec::new(), vec![0, OPEN_END], vec![0, 0]);
        Alignment { compare, side, parts, room: None, bounds, above, ends: vec![OPEN_END] }
    }

    /// Takes what a comparison found.
    pub fn install(&mut self, parts: Vec<Part>) {
        self.parts = parts;
        self.sum();
    }

    /// As if each line had a row, until it is known better.
    fn sum(&mut self) {
        let bounds = self.bounds_by(|line| line);
        let blanks: Vec<usize> =
            self.parts.iter().flat_map(|part| [0, part.blanks]).chain([0]).collect();
        self.fit(bounds, &blanks);
    }

    /// The first row of each stretch, where `row` says in which a line begins.
    pub fn bounds_by(&self, row: impl Fn(usize) -> usize) -> Vec<usize> {
        let ends = self.parts.iter().flat_map(|part| [part.lines.start, part.lines.end]);
        let mut bounds: Vec<usize> = std::iter::once(0).chain(ends.map(row)).collect();
        // A fold may swallow the line that a stretch begins with.
        let mut reached = 0;
        for bound in &mut bounds {
            reached = reached.max(*bound);
            *bound = reached;
        }
        bounds.push(OPEN_END);
        bounds
    }

    /// Takes where the stretches of this side begin, and the blank rows behind each. Answers
    /// whether that is anything new.
    pub fn fit(&mut self, bounds: Vec<usize>, blanks: &[usize]) -> bool {
        let (mut above, mut ends, mut sum) = (vec![0], Vec::new(), 0);
        for (end, blanks) in bounds[1..].iter().zip(blanks) {
            sum += blanks;
            above.push(sum);
            ends.push(end + sum);
        }
        let is_new = bounds != self.bounds || above != self.above;
        (self.bounds, self.above, self.ends) = (bounds, above, ends);
        is_new
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All blank rows.
    pub fn blanks(&self) -> usize {
        self.above.last().copied().unwrap_or(0)
    }

    /// Where a row of this side is shown.
    pub fn row_of(&self, row: usize) -> usize {
        let stretch = self.bounds[1..].partition_point(|end| *end <= row);
        row + self.above[stretch.min(self.above.len() - 1)]
    }

    /// The shown rows of a part, blank ones included.
    pub fn rows_of(&self, part: usize) -> Range<usize> {
        let stretch = 2 * part + 1;
        self.bounds[stretch] + self.above[stretch]..self.ends[stretch]
    }

    /// The blank rows behind a part.
    pub fn blanks_of(&self, part: usize) -> usize {
        let stretch = 2 * part + 1;
        self.above[stretch + 1] - self.above[stretch]
    }

    /// The shown rows that are blank behind what is equal before a part: the other side has more
    /// rows there.
    pub fn gap_before(&self, part: usize) -> Range<usize> {
        let stretch = 2 * part;
        let end = self.ends[stretch];
        end - (self.above[stretch + 1] - self.above[stretch])..end
    }

    /// What a shown row is.
    pub fn shown(&self, row: usize) -> Shown {
        let stretch = self.ends.partition_point(|end| *end <= row).min(self.ends.len() - 1);
        let blanks = self.above[stretch + 1] - self.above[stretch];
        if row >= self.ends[stretch] - blanks {
            return Shown::Blank(self.bounds[stretch + 1]);
        }
        Shown::Line(row - self.above[stretch])
    }

    /// The part that a line belongs to.
    pub fn part_at(&self, line: usize) -> Option<&Part> {
        let index = self.parts.partition_point(|part| part.lines.end <= line);
        self.parts.get(index).filter(|part| part.lines.contains(&line))
    }

    /// The parts of which something lies in these shown rows.
    pub fn parts_in(&self, rows: Range<usize>) -> Range<usize> {
        let start = self.ends.partition_point(|end| *end <= rows.start) / 2;
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
    fn stretches_get_as_many_rows_on_both_sides_however_lines_are_wrapped_or_folded() {
        let [mut old, mut new] = sides("a\nb\nc\nd\ne\n", "a\nB\nBB\nc\nd\ne\n");
        // The first line of the old side takes three rows, its last two are folded into one; the
        // second line of the new one takes two.
        let own = old.bounds_by(|line| [0, 3, 4, 5, 6, 6][line]);
        let other = new.bounds_by(|line| [0, 1, 3, 4, 5, 6, 7][line]);
        let [first, second] = blanks(&own, &other);
        assert!(old.fit(own.clone(), &first) && new.fit(other, &second));
        assert!(!old.fit(own, &first), "it is known already");
        assert_eq!((old.rows_of(0), new.rows_of(0)), (3..6, 3..6));
        assert_eq!((old.blanks_of(0), new.blanks_of(0)), (2, 0));
        assert_eq!((old.gap_before(0), new.gap_before(0)), (3..3, 1..3));
        assert_eq!(old.row_of(4), new.row_of(4), "what follows stands side by side");
        for (side, rows) in [(&old, 7), (&new, 7)] {
            for row in 0..rows {
                assert_eq!(side.shown(side.row_of(row)), Shown::Line(row), "{side:?}");
            }
        }
        assert_eq!((new.shown(1), new.shown(2)), (Shown::Blank(1), Shown::Blank(1)));
    }

    #[test]
    fn equal_texts_have_no_parts() {
        let [old, new] = sides("a\nb", "a\nb");
        assert!(old.parts().is_empty() && new.step(0, Direction::Next).is_none());
        assert_eq!((old.blanks(), old.shown(7)), (0, Shown::Line(7)));
    }
}
