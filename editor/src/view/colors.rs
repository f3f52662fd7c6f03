//! The colours of lines that were shown lately.
//!
//! Nothing here asks the tree: a worker paints lines ([`paint`]), and until it has, what is known
//! moves along with the edits. A letter takes the colour of the word that it is typed into.

use std::ops::Range;
use std::sync::Arc;

use syntax::{Haste, Highlight, Reach, Region, SyntaxTree};
use text::{ByteOffset, Change, CharOffset, CharRange, Line, Positions, Rope};

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

/// Lines longer than this are not coloured: one of them would take longer than a frame to shift.
const LINE_BYTES_MAX: usize = 20_000;

/// Lines on each side of what is seen that are asked for with it, so that scrolling finds them.
const MARGIN: usize = 60;

/// Edits that an answer is moved along with; one that missed more is dropped.
const SHIFTS_MAX: usize = 256;

/// Colours by line.
#[derive(Default)]
pub struct Colors {
    /// In order.
    lines: Vec<(usize, Known)>,
    /// Lines that the last frame showed, view by view.
    wanted: Vec<Range<usize>>,
    /// The edits since the oldest question that is open, and how many there were before them.
    shifts: Vec<Shift>,
    forgotten: u64,
    open: u32,
    /// How many trees there were.
    trees: u64,
    reach: Option<Reach>,
}

/// What is known of a line.
#[derive(Clone)]
struct Known {
    runs: Runs,
    /// A new tree may colour it otherwise.
    is_doubted: bool,
}

/// Lines that a worker is to paint, and how the text stood then.
pub struct Question {
    lines: Vec<Range<usize>>,
    edits: u64,
    trees: u64,
}

impl Question {
    /// The lines, for [`paint`].
    pub fn lines(&self) -> &[Range<usize>] {
        &self.lines
    }
}

/// What a worker painted.
pub struct Answer {
    lines: Vec<(usize, Runs)>,
    reach: Reach,
}

/// Which tree an answer is painted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Painter {
    /// One that was there, perhaps moved along with edits.
    Older,
    /// The one that was installed just now.
    Newest,
}

/// What is still to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thirst {
    /// Lines that nothing is known of: a new tree is on its way to the others.
    Unknown,
    /// And those that a new tree may colour otherwise.
    Doubted,
}

impl Colors {
    /// Forgets what the last frame showed; the views of the next one say it anew.
    pub fn begin_frame(&mut self) {
        self.wanted.clear();
    }

    /// Notes that a view shows a line.
    pub fn want(&mut self, line: Line) {
        match self.wanted.last_mut() {
            Some(last) if last.contains(&line.0) => {}
            Some(last) if last.end == line.0 => last.end += 1,
            _ => self.wanted.push(line.0..line.0 + 1),
        }
    }

    /// What has to be asked of a worker for the lines that are shown, and those around them.
    pub fn missing(&mut self, rope: &Rope, thirst: Thirst) -> Option<Question> {
        let lacks = |line: usize| match self.find(line) {
            Ok(at) => thirst == Thirst::Doubted && self.lines[at].1.is_doubted,
            Err(_) => true,
        };
        let count = rope.len_lines();
        let mut shown = self.wanted.iter().flat_map(|range| range.start..range.end.min(count));
        if !shown.any(lacks) {
            return None;
        }
        let around = self.around(count).into_iter();
        let lines: Vec<usize> = around.flatten().filter(|line| lacks(*line)).collect();
        let runs = lines.chunk_by(|a, b| a + 1 == *b);
        let lines = runs.map(|run| run[0]..run[run.len() - 1] + 1).collect();
        Some(self.question(lines))
    }

    /// The lines that are painted along with a parse: what is shown, or else the first screen.
    pub fn along(&mut self, rope: &Rope) -> Question {
        if self.wanted.is_empty() {
            self.wanted.push(0..MARGIN);
        }
        let lines = self.around(rope.len_lines());
        self.question(lines)
    }

    fn question(&mut self, lines: Vec<Range<usize>>) -> Question {
        self.open += 1;
        let edits = self.forgotten + self.shifts.len() as u64;
        Question { lines, edits, trees: self.trees }
    }

    /// What is wanted with its margin, in order and disjoint.
    fn around(&self, count: usize) -> Vec<Range<usize>> {
        let wide = |range: &Range<usize>| {
            range.start.saturating_sub(MARGIN)..(range.end + MARGIN).min(count)
        };
        let mut ranges: Vec<Range<usize>> = self.wanted.iter().map(wide).collect();
        ranges.sort_by_key(|range| range.start);
        ranges.retain(|range| !range.is_empty());
        ranges.dedup_by(|later, first| {
            let meets = later.start <= first.end;
            if meets {
                first.end = first.end.max(later.end);
            }
            meets
        });
        ranges
    }

    /// Takes an answer, moved along with the edits since it was asked for.
    pub fn take(&mut self, question: &Question, answer: Option<Answer>, painter: Painter) {
        self.open = self.open.saturating_sub(1);
        let since = question.edits.checked_sub(self.forgotten);
        if let (Some(since), Some(answer)) = (since, answer) {
            let mut lines: Vec<(usize, Known)> = answer
                .lines
                .into_iter()
                .map(|(line, runs)| (line, Known { runs, is_doubted: false }))
                .collect();
            for shift in &self.shifts[since as usize..] {
                shift.apply(&mut lines);
            }
            let is_old = painter == Painter::Older && question.trees != self.trees;
            self.merge(lines, is_old);
            self.reach = Some(answer.reach);
        }
        if self.open == 0 {
            self.forgotten += self.shifts.len() as u64;
            self.shifts.clear();
        }
    }

    fn merge(&mut self, fresh: Vec<(usize, Known)>, is_old: bool) {
        if self.lines.len() + fresh.len() > LINES_MAX {
            let around = self.around(usize::MAX);
            self.lines.retain(|(line, _)| around.iter().any(|range| range.contains(line)));
        }
        let kept = std::mem::take(&mut self.lines);
        let mut kept = kept.into_iter().peekable();
        self.lines.reserve(kept.len() + fresh.len());
        for (line, mut known) in fresh {
            while let Some(before) = kept.next_if(|(other, _)| *other < line) {
                self.lines.push(before);
            }
            if let Some((_, before)) = kept.next_if(|(other, _)| *other == line) {
                if is_old || before.runs == known.runs {
                    // The same runs, so that what was drawn with them stays.
                    let is_doubted = if is_old { before.is_doubted } else { known.is_doubted };
                    known = Known { is_doubted, ..before };
                }
            } else {
                known.is_doubted |= is_old;
            }
            self.lines.push((line, known));
        }
        self.lines.extend(kept);
    }

    /// The runs of a line, if they are known.
    pub fn line(&self, line: Line) -> Option<&Runs> {
        self.find(line.0).ok().map(|at| &self.lines[at].1.runs)
    }

    /// What the character at an offset is, if the colours of its line are known; at the end of
    /// a line, what the character before it is.
    pub fn region(&self, rope: &Rope, at: CharOffset) -> Option<Region> {
        let line = rope.line_of(at);
        let runs = self.line(line)?;
        let byte = (rope.byte_of(at) - rope.byte_of(rope.line_start(line))) as u32;
        let is_end = at >= rope.line_end(line) && byte > 0;
        let byte = byte - u32::from(is_end);
        let run = runs.iter().find(|run| run.start <= byte && byte < run.end);
        Some(run.map_or(Region::Code, |run| Region::of(run.highlight)))
    }

    /// Whether what is shown lacks colours because finding them took too long.
    pub fn is_cut(&self) -> bool {
        self.reach == Some(Reach::Cut)
    }

    /// Follows a change: lines that it touched keep what they can, those after it move.
    pub fn changed(&mut self, change: &Change) {
        let shift = Shift::of(change);
        shift.apply(&mut self.lines);
        debug_assert!(self.lines.last().is_none_or(|(line, _)| *line < change.after().len_lines()));
        if self.open > 0 {
            self.shifts.push(shift);
        }
        if self.shifts.len() > SHIFTS_MAX {
            self.forgotten += self.shifts.len() as u64;
            self.shifts.clear();
        }
    }

    /// Notes that there is a new tree, which may colour these ranges otherwise.
    pub fn doubt(&mut self, rope: &Rope, ranges: &[CharRange]) {
        self.trees += 1;
        for range in ranges {
            let (first, last) = (rope.line_of(range.start).0, rope.line_of(range.end).0);
            let from = self.lines.partition_point(|(line, _)| *line < first);
            let lines = self.lines[from..].iter_mut().take_while(|(line, _)| *line <= last);
            lines.for_each(|(_, known)| known.is_doubted = true);
        }
    }

    /// Forgets everything; open questions are answered in vain.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.reach = None;
        self.forgotten += self.shifts.len() as u64 + 1;
        self.shifts.clear();
    }

    fn find(&self, line: usize) -> Result<usize, usize> {
        self.lines.binary_search_by_key(&line, |(line, _)| *line)
    }
}

/// The colours of lines, worked out: for a worker.
pub fn paint(tree: &SyntaxTree, rope: &Rope, lines: &[Range<usize>]) -> Answer {
    let mut answer = Answer { lines: Vec::new(), reach: Reach::Whole };
    let is_long = |line: &usize| {
        let range = rope.line_range(Line(*line));
        rope.byte_of(range.end) - rope.byte_of(range.start) > LINE_BYTES_MAX
    };
    for range in lines {
        let mut start = range.start;
        while start < range.end {
            let cut = (start..range.end).find(is_long).unwrap_or(range.end);
            if start < cut {
                stretch(tree, rope, start..cut, &mut answer);
            }
            if cut < range.end {
                answer.lines.push((cut, Arc::from([])));
            }
            start = cut + 1;
        }
    }
    answer
}

fn stretch(tree: &SyntaxTree, rope: &Rope, lines: Range<usize>, answer: &mut Answer) {
    let start = rope.byte_of(rope.line_start(Line(lines.start)));
    let end = rope.byte_of(rope.line_end(Line(lines.end - 1)));
    let painted = tree.highlights(rope, start.0..end.0, Haste::Screen);
    answer.reach = answer.reach.and(painted.reach);
    let mut spans = painted.spans.into_iter().peekable();
    for line in lines {
        let first = rope.byte_of(rope.line_start(Line(line)));
        let last = rope.byte_of(rope.line_end(Line(line)));
        let mut runs = Vec::new();
        while let Some(span) = spans.peek().copied() {
            if span.start >= last {
                break;
            }
            let (start, end) = (span.start.max(first), span.end.min(last));
            runs.extend(run(start, end, first, span.highlight));
            if span.end > last {
                break;
            }
            spans.next();
        }
        answer.lines.push((line, runs.into()));
    }
}

fn run(start: ByteOffset, end: ByteOffset, line: ByteOffset, highlight: Highlight) -> Option<Run> {
    (start < end).then(|| Run { start: (start - line) as u32, end: (end - line) as u32, highlight })
}

/// How a change moves lines and the bytes in them.
struct Shift {
    /// In order.
    edits: Vec<LineEdit>,
}

/// A place as a line and a byte in it.
type Place = (usize, u32);

struct LineEdit {
    old: Range<Place>,
    new: Range<Place>,
    /// Whether the new text goes on with the word before it, and the word after it with that.
    joins_before: bool,
    joins_after: bool,
}

impl Shift {
    fn of(change: &Change) -> Shift {
        let (before, after) = (change.before(), change.after());
        let (mut added, mut removed) = (0, 0);
        let place = |rope: &Rope, at: CharOffset| {
            let line = rope.line_of(at);
            (line.0, (rope.byte_of(at) - rope.byte_of(rope.line_start(line))) as u32)
        };
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let edits = change.edits.iter().map(|edit| {
            let start = CharOffset(edit.range.start.0 + added - removed);
            let length = edit.text.chars().count();
            let end = start + length;
            added += length;
            removed += edit.range.len();
            let beside =
                |at: Option<usize>| at.and_then(|at| after.get_char(at)).is_some_and(is_word);
            LineEdit {
                old: place(before, edit.range.start)..place(before, edit.range.end),
                new: place(after, start)..place(after, end),
                joins_before: edit.text.starts_with(is_word) && beside(start.0.checked_sub(1)),
                joins_after: edit.text.ends_with(is_word) && beside(Some(end.0)),
            }
        });
        Shift { edits: edits.collect() }
    }

    fn apply(&self, lines: &mut Vec<(usize, Known)>) {
        if lines.is_empty() {
            return;
        }
        let first = self.edits.first().map_or(0, |edit| edit.old.start.0);
        let from = lines.partition_point(|(line, _)| *line < first);
        let moved = lines.split_off(from);
        let old = |line: usize| {
            let at = moved.binary_search_by_key(&line, |(line, _)| *line);
            at.ok().map(|at| &moved[at].1.runs)
        };
        let mut next = 0;
        for (at, edit) in self.edits.iter().enumerate() {
            // Lines between the edit before and this one.
            let by = match at.checked_sub(1).map(|at| &self.edits[at]) {
                Some(before) => before.new.end.0 as isize - before.old.end.0 as isize,
                None => 0,
            };
            while let Some((line, known)) = moved.get(next) {
                if *line >= edit.old.start.0 {
                    break;
                }
                lines.push((line.saturating_add_signed(by), known.clone()));
                next += 1;
            }
            while moved.get(next).is_some_and(|(line, _)| *line <= edit.old.end.0) {
                next += 1;
            }
            let (head, tail) = (old(edit.old.start.0), old(edit.old.end.0));
            edit.rebuild(head, tail, lines);
        }
        let last =
            self.edits.last().map_or(0, |edit| edit.new.end.0 as isize - edit.old.end.0 as isize);
        let rest = moved.into_iter().skip(next);
        lines.extend(rest.map(|(line, known)| (line.saturating_add_signed(last), known)));
    }
}

impl LineEdit {
    /// The lines that the edit touched, from what their remains were.
    fn rebuild(&self, head: Option<&Runs>, tail: Option<&Runs>, lines: &mut Vec<(usize, Known)>) {
        let (old, new) = (&self.old, &self.new);
        // Two edits of one line: what the first left of it is the second one's head.
        let before = lines.pop_if(|(line, _)| *line == new.start.0).map(|(_, known)| known.runs);
        let head = match &before {
            Some(runs) => Some(runs),
            None => head,
        };
        let clip = |runs: Option<&Runs>, end: u32| {
            let runs = runs.map_or(&[] as &[Run], |runs| runs).iter();
            let runs = runs.filter(move |run| run.start < end);
            runs.map(move |run| Run { end: run.end.min(end), ..*run }).collect::<Vec<Run>>()
        };
        let mut first = clip(head, new.start.1);
        let rest = tail.map_or(&[] as &[Run], |runs| runs).iter();
        let moved = |byte: u32| byte.max(old.end.1) - old.end.1 + new.end.1;
        let mut last: Vec<Run> = rest
            .filter(|run| run.end > old.end.1)
            .map(|run| Run { start: moved(run.start), end: moved(run.end), ..*run })
            .collect();
        let known = |runs: Vec<Run>| Known { runs: runs.into(), is_doubted: true };
        if new.start.0 != new.end.0 {
            if head.is_some() {
                lines.push((new.start.0, known(first)));
            }
            if tail.is_some() {
                lines.push((new.end.0, known(last)));
            }
            return;
        }
        if head.is_none() && tail.is_none() {
            return;
        }
        self.fill(&mut first, &mut last);
        first.append(&mut last);
        lines.push((new.start.0, known(first)));
    }

    /// Colours what was typed on one line by what it was typed into.
    fn fill(&self, first: &mut [Run], last: &mut Vec<Run>) {
        let (start, end) = (self.new.start.1, self.new.end.1);
        let before = first.last_mut().filter(|run| run.end == start);
        let after = last.first_mut().filter(|run| run.start == end);
        match (before, after) {
            (Some(before), Some(after))
                if before.highlight == after.highlight && !is_mark(before.highlight) =>
            {
                before.end = after.end;
                last.remove(0);
            }
            (Some(before), _) if self.joins_before => before.end = end,
            (_, Some(after)) if self.joins_after => after.start = start,
            _ => {}
        }
    }
}

/// Whether what is typed between two of it is something else.
fn is_mark(highlight: Highlight) -> bool {
    highlight.is("punctuation") || highlight.is("operator")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;
    use syntax::Syntax;
    use text::{Document, Edit, Origin, Transaction};

    const SOURCE: &str = "fn a() {}\n/* one\ntwo */\nlet s = \"x\";\n";

    fn parsed(rope: &Rope) -> Syntax {
        let language = syntax::Languages::builtin().named("rust").unwrap();
        let mut syntax = Syntax::new(Some(language));
        let job = syntax.job(rope).unwrap();
        syntax.install(job.run(&AtomicBool::new(false), Duration::from_secs(10)), rope);
        syntax
    }

    fn answer(rope: &Rope, question: &Question) -> Option<Answer> {
        Some(paint(parsed(rope).tree().unwrap(), rope, question.lines()))
    }

    /// Colours of all lines.
    fn colored(rope: &Rope) -> Colors {
        let mut colors = Colors::default();
        (0..rope.len_lines()).for_each(|line| colors.want(Line(line)));
        let question = colors.missing(rope, Thirst::Doubted).unwrap();
        colors.take(&question, answer(rope, &question), Painter::Newest);
        assert!(colors.missing(rope, Thirst::Doubted).is_none());
        colors
    }

    fn apply(document: &mut Document, colors: &mut Colors, edits: Vec<Edit>) {
        let transaction = Transaction::new(edits).unwrap();
        let change = document.apply(transaction, Origin::TYPING).unwrap();
        colors.changed(&change);
    }

    fn words(colors: &Colors, rope: &Rope, line: usize) -> Vec<(String, &'static str)> {
        let text = rope.slice_of(rope.line_range(Line(line))).to_string();
        let runs = colors.line(Line(line)).unwrap().iter();
        let word = |run: &Run| text[run.start as usize..run.end as usize].to_owned();
        runs.map(|run| (word(run), run.highlight.name())).collect()
    }

    fn named<'a>(words: &'a [(String, &'static str)], name: &str) -> Vec<&'a str> {
        let words = words.iter().filter(|(_, highlight)| *highlight == name);
        words.map(|(word, _)| word.as_str()).collect()
    }

    #[test]
    fn a_comment_over_two_lines_colours_both() {
        let rope = Rope::from_str(SOURCE);
        let colors = colored(&rope);
        for line in [1, 2] {
            let runs = colors.line(Line(line)).unwrap();
            assert!(runs[0].highlight.is("comment"), "{}", runs[0].highlight.name());
            assert_eq!((runs[0].start, runs[0].end), (0, 6));
        }
        assert_eq!(colors.region(&rope, CharOffset(12)), Some(Region::Comment));
        assert_eq!(colors.region(&rope, CharOffset(16)), Some(Region::Comment), "at its end");
        assert_eq!(colors.region(&rope, CharOffset(1)), Some(Region::Code));
    }

    #[test]
    fn what_is_typed_takes_the_colour_of_its_word_until_it_is_known() {
        let mut document = Document::from_base(Rope::from_str(SOURCE));
        let mut colors = colored(document.rope());
        let string = SOURCE.find('x').unwrap();
        let edits = vec![
            Edit::insert(CharOffset(4), "b"),
            Edit::insert(CharOffset(8), "é1"),
            Edit::insert(CharOffset(string), "yé"),
        ];
        apply(&mut document, &mut colors, edits);
        let first = words(&colors, document.rope(), 0);
        assert_eq!(named(&first, "function"), ["ab"]);
        assert_eq!(named(&first, "keyword"), ["fn"]);
        assert!(!first.iter().any(|(word, _)| word.contains('1')), "{first:?}");
        assert_eq!(named(&words(&colors, document.rope(), 3), "string"), ["\"yéx\""]);
    }

    #[test]
    fn lines_move_and_break_with_their_colours() {
        let mut document = Document::from_base(Rope::from_str(SOURCE));
        let mut colors = colored(document.rope());
        let string = colors.line(Line(3)).unwrap().clone();
        apply(&mut document, &mut colors, vec![Edit::insert(CharOffset(8), "\n\n")]);
        assert!(Arc::ptr_eq(colors.line(Line(5)).unwrap(), &string));
        assert_eq!(named(&words(&colors, document.rope(), 0), "function"), ["a"]);
        assert_eq!(named(&words(&colors, document.rope(), 2), "punctuation.bracket"), ["}"]);
        let join = CharRange { start: CharOffset(2), end: CharOffset(11) };
        apply(&mut document, &mut colors, vec![Edit::delete(join)]);
        assert_eq!(document.rope().line(0), "fn\n");
        assert_eq!(named(&words(&colors, document.rope(), 0), "keyword"), ["fn"]);
    }

    #[test]
    fn an_answer_moves_along_with_what_was_typed_since() {
        let mut document = Document::from_base(Rope::from_str(SOURCE));
        let mut colors = Colors::default();
        (0..4).for_each(|line| colors.want(Line(line)));
        let question = colors.missing(document.rope(), Thirst::Unknown).unwrap();
        let late = answer(document.rope(), &question);
        apply(&mut document, &mut colors, vec![Edit::insert(CharOffset(0), "\n")]);
        apply(&mut document, &mut colors, vec![Edit::insert(CharOffset(4), "bc")]);
        colors.take(&question, late, Painter::Newest);
        assert_eq!(named(&words(&colors, document.rope(), 1), "function"), ["bca"]);
        assert!(colors.shifts.is_empty(), "nobody is to be answered any more");
        let again = colors.missing(document.rope(), Thirst::Doubted);
        assert!(again.is_some(), "what was typed is asked for again");
        colors.clear();
        colors.take(&again.unwrap(), None, Painter::Older);
        assert!(colors.line(Line(1)).is_none());
    }

    #[test]
    fn an_older_tree_never_paints_over_a_newer_one() {
        let rope = Rope::from_str(SOURCE);
        let mut colors = colored(&rope);
        colors.lines.remove(0);
        let question = colors.question(vec![0..1, 1..4]);
        let other = Rope::from_str(&"x\n".repeat(4));
        let stale = answer(&other, &question);
        let before = colors.line(Line(1)).unwrap().clone();
        colors.doubt(&rope, &[]);
        colors.take(&question, stale, Painter::Older);
        assert!(Arc::ptr_eq(colors.line(Line(1)).unwrap(), &before));
        assert!(colors.line(Line(0)).is_some(), "better than nothing");
        assert!(colors.missing(&rope, Thirst::Doubted).is_some(), "and doubted");
    }

    #[test]
    fn a_doubted_line_whose_colours_stayed_keeps_its_runs() {
        let rope = Rope::from_str(SOURCE);
        let mut colors = colored(&rope);
        let before: Vec<Runs> =
            (0..4).map(|line| colors.line(Line(line)).unwrap().clone()).collect();
        colors.doubt(&rope, &[CharRange { start: CharOffset(0), end: CharOffset(30) }]);
        colors.lines[0].1.runs = Arc::new([]);
        assert!(colors.missing(&rope, Thirst::Unknown).is_none(), "a parse is on its way");
        let question = colors.missing(&rope, Thirst::Doubted).unwrap();
        colors.take(&question, answer(&rope, &question), Painter::Newest);
        assert_eq!(colors.line(Line(0)), Some(&before[0]), "what changed is asked for again");
        assert!(Arc::ptr_eq(colors.line(Line(1)).unwrap(), &before[1]));
    }
}
