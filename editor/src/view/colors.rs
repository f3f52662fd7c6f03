//! The colours of lines that were shown lately, so that a frame asks the tree only for what
//! changed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use syntax::{Highlight, Syntax};
use text::{ByteOffset, Change, CharRange, Line, Positions, Rope};

/// A stretch of one colour: bytes from the start of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its first byte.
    pub start: u32,
    /// The first byte after it.
    pub end: u32,
    /// How it is coloured.
    pub highlight: Highlight,
}

/// The runs of one line, in order.
pub type Runs = Arc<[Run]>;

/// Lines that are kept; a few screens.
const LINES_MAX: usize = 2_000;

/// Lines longer than this are not coloured: one of them would take longer than a frame.
const LINE_BYTES_MAX: usize = 20_000;

/// Colours by line.
#[derive(Default)]
pub struct Colors {
    lines: BTreeMap<usize, Known>,
}

/// What is known of a line.
struct Known {
    runs: Runs,
    /// A new tree may colour it otherwise.
    is_doubted: bool,
}

impl Colors {
    /// Colours `lines` where they are not coloured yet, or may be coloured otherwise now. Lines
    /// whose colours stayed keep the very same runs.
    pub fn fill(&mut self, syntax: &Syntax, rope: &Rope, lines: Range<usize>) {
        if syntax.tree().is_none() {
            return;
        }
        if self.lines.len() + lines.len() > LINES_MAX {
            self.lines.retain(|line, _| lines.contains(line));
        }
        let mut at = lines.start;
        while at < lines.end {
            let start = at;
            while at < lines.end && self.lines.get(&at).is_none_or(|known| known.is_doubted) {
                at += 1;
            }
            if start < at {
                self.query(syntax, rope, start..at);
            } else {
                at += 1;
            }
        }
    }

    /// The runs of a line, if it was filled.
    pub fn line(&self, line: Line) -> Option<&Runs> {
        self.lines.get(&line.0).map(|known| &known.runs)
    }

    /// Follows a change: lines that it touched are forgotten, those after it move.
    pub fn changed(&mut self, change: &Change) {
        let (before, after) = (change.before(), change.after());
        for edit in change.edits.iter().rev() {
            let first = before.line_of(edit.range.start).0;
            let last = before.line_of(edit.range.end).0;
            let breaks = Rope::from_str(&edit.text).len_lines() - 1;
            let moved = breaks as isize - (last - first) as isize;
            let tail = self.lines.split_off(&first);
            let kept = tail.into_iter().filter(|(line, _)| *line > last);
            self.lines.extend(kept.map(|(line, known)| (line.saturating_add_signed(moved), known)));
        }
        debug_assert!(self.lines.keys().next_back().is_none_or(|line| *line < after.len_lines()));
    }

    /// Notes that a new tree may colour these ranges otherwise.
    pub fn doubt(&mut self, rope: &Rope, ranges: &[CharRange]) {
        for range in ranges {
            let lines = rope.line_of(range.start).0..=rope.line_of(range.end).0;
            self.lines.range_mut(lines).for_each(|(_, known)| known.is_doubted = true);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    fn query(&mut self, syntax: &Syntax, rope: &Rope, lines: Range<usize>) {
        let long = |line: &usize| {
            let range = rope.line_range(Line(*line));
            rope.byte_of(range.end) - rope.byte_of(range.start) > LINE_BYTES_MAX
        };
        if let Some(cut) = lines.clone().find(long) {
            if lines.start < cut {
                self.query(syntax, rope, lines.start..cut);
            }
            self.learn(cut, &[]);
            if cut + 1 < lines.end {
                self.query(syntax, rope, cut + 1..lines.end);
            }
            return;
        }
        let start = rope.line_start(Line(lines.start));
        let end = rope.line_end(Line(lines.end - 1));
        let spans = syntax.highlights(rope, CharRange { start, end });
        let mut spans = spans.into_iter().peekable();
        for line in lines {
            let first = rope.byte_of(rope.line_start(Line(line)));
            let last = rope.byte_of(rope.line_end(Line(line)));
            let mut runs = Vec::new();
            while let Some(span) = spans.peek().copied() {
                if span.start >= last {
                    break;
                }
                push_run(
                    &mut runs,
                    span.start.max(first),
                    span.end.min(last),
                    first,
                    span.highlight,
                );
                if span.end > last {
                    break;
                }
                spans.next();
            }
            self.learn(line, &runs);
        }
    }

    fn learn(&mut self, line: usize, runs: &[Run]) {
        let kept = self.lines.remove(&line).map(|known| known.runs);
        let runs = kept.filter(|kept| **kept == *runs).unwrap_or_else(|| runs.into());
        self.lines.insert(line, Known { runs, is_doubted: false });
    }
}

fn push_run(
    runs: &mut Vec<Run>,
    start: ByteOffset,
    end: ByteOffset,
    line: ByteOffset,
    highlight: Highlight,
) {
    if start < end {
        runs.push(Run { start: (start - line) as u32, end: (end - line) as u32, highlight });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;
    use text::{CharOffset, Document, Edit, Origin, Transaction};

    const SOURCE: &str = "fn a() {}\n/* one\ntwo */\nlet s = \"x\";\n";

    fn parsed(rope: &Rope) -> Syntax {
        let language = syntax::Languages::builtin().named("rust").unwrap();
        let mut syntax = Syntax::new(Some(language));
        let job = syntax.job(rope).unwrap();
        syntax.install(job.run(&AtomicBool::new(false), Duration::from_secs(10)), rope);
        syntax
    }

    #[test]
    fn a_comment_over_two_lines_colours_both() {
        let rope = Rope::from_str(SOURCE);
        let mut colors = Colors::default();
        colors.fill(&parsed(&rope), &rope, 0..5);
        for line in [1, 2] {
            let runs = colors.line(Line(line)).unwrap();
            assert!(runs[0].highlight.is("comment"), "{}", runs[0].highlight.name());
            assert_eq!((runs[0].start, runs[0].end), (0, 6));
        }
    }

    #[test]
    fn lines_below_a_new_line_keep_their_colours() {
        let mut document = Document::from_base(Rope::from_str(SOURCE));
        let syntax = parsed(document.rope());
        let mut colors = Colors::default();
        colors.fill(&syntax, document.rope(), 0..5);
        let string = colors.line(Line(3)).unwrap().clone();
        let edit = Edit::insert(CharOffset(9), "\n\n");
        let change = document.apply(Transaction::single(edit), Origin::TYPING).unwrap();
        colors.changed(&change);
        assert!(colors.line(Line(0)).is_none(), "the touched line is asked for again");
        assert_eq!(colors.line(Line(5)), Some(&string));
    }

    #[test]
    fn a_doubted_line_whose_colours_stayed_keeps_its_runs() {
        let rope = Rope::from_str(SOURCE);
        let syntax = parsed(&rope);
        let mut colors = Colors::default();
        colors.fill(&syntax, &rope, 0..5);
        let before: Vec<Runs> =
            (0..4).map(|line| colors.line(Line(line)).unwrap().clone()).collect();
        colors.doubt(&rope, &[CharRange { start: CharOffset(0), end: CharOffset(30) }]);
        colors.lines.get_mut(&0).unwrap().runs = Arc::new([]);
        colors.fill(&syntax, &rope, 0..5);
        assert_eq!(colors.line(Line(0)), Some(&before[0]), "what changed is asked for again");
        assert!(Arc::ptr_eq(colors.line(Line(1)).unwrap(), &before[1]));
    }
}
