//! The syntax of one open text: its tree, and how it keeps up with edits.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use text::{ByteOffset, CharRange, Edit, Positions, Rope};
use tree_sitter::{InputEdit, Point};

use crate::languages::Language;
use crate::parse::{
    FROM_NOTHING, LineEndings, MAX_BYTES, ParseJob, ParseStop, Parsed, Reuse, merged,
};
use crate::tree::{Missed, SyntaxTree, TreeSnapshot};

/// Edits that a tree is moved along with; where it missed more, the text is parsed from nothing.
const MAX_MISSED: usize = 1024;

/// The syntax of one text.
///
/// The text's owner calls [`Syntax::edit`] with every change, hands [`Syntax::job`] to a worker
/// and its answer to [`Syntax::install`]. In between, the old tree stands for the new one, moved
/// along with the edits by whoever asks for it: a worker, most of the time.
#[derive(Debug)]
pub struct Syntax {
    language: Option<Language>,
    /// The tree as a worker made it.
    parsed: Option<Arc<SyntaxTree>>,
    /// The same, moved along with `missed`, once somebody asked.
    moved: OnceCell<Arc<SyntaxTree>>,
    /// How many edits there were, and how many of them the tree was parsed with.
    version: u64,
    parsed_version: u64,
    /// The edits since the tree was parsed, oldest first, with the version after each.
    missed: Vec<(u64, Missed)>,
    /// From which version on `missed` is complete.
    missed_from: u64,
    /// Bytes that were typed since the last answer, with the version after each edit.
    touched: Vec<(u64, Range<usize>)>,
    lines: LineEndings,
    /// Whether a tree with errors that was made in steps was made again from nothing.
    is_renewed: bool,
    stopped: Option<ParseStop>,
    max_bytes: usize,
}

/// What [`Syntax::install`] made of an answer.
#[derive(Debug)]
pub struct Installed {
    /// Whether and how it is in use.
    pub freshness: Freshness,
    /// What has to be coloured again, in the text as it is now; in order, disjoint. What was
    /// typed after the job was made is not in it: that is coloured anew when it is typed.
    pub invalidated: Vec<CharRange>,
    /// The tree that was replaced. Dropping a large one takes milliseconds: let a worker do it.
    pub retired: Option<Arc<SyntaxTree>>,
}

/// How an answer relates to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The tree is that of the text.
    Current,
    /// The text went on meanwhile: the tree was moved along, and a new job is due.
    Behind,
    /// A newer one was there already, or too much happened since, or there is no tree in it
    /// ([`Syntax::stopped`]).
    Dropped,
}

impl Syntax {
    /// The syntax of a text that is not parsed yet; `None` is plain text.
    pub fn new(language: Option<Language>) -> Self {
        Syntax {
            language,
            parsed: None,
            moved: OnceCell::new(),
            version: 0,
            parsed_version: 0,
            missed: Vec::new(),
            missed_from: 0,
            touched: Vec::new(),
            lines: LineEndings::Plain,
            is_renewed: false,
            stopped: None,
            max_bytes: MAX_BYTES,
        }
    }

    /// The language, `None` for plain text.
    pub fn language(&self) -> Option<&Language> {
        self.language.as_ref()
    }

    /// The tree, as far as there is one: current, or moved along with the edits since, which is
    /// done now if nobody asked before: microseconds for each edit, whatever the text.
    pub fn tree(&self) -> Option<&Arc<SyntaxTree>> {
        let parsed = self.parsed.as_ref().filter(|_| self.follows())?;
        if self.missed.is_empty() {
            return Some(parsed);
        }
        Some(self.moved.get_or_init(|| Arc::new(parsed.moved(self.missed_edits()))))
    }

    /// The same for a worker, which does the moving.
    pub fn snapshot(&self) -> Option<TreeSnapshot> {
        let parsed = self.parsed.as_ref().filter(|_| self.follows())?;
        Some(match self.moved.get() {
            Some(moved) => TreeSnapshot { tree: Arc::clone(moved), missed: Vec::new() },
            None => TreeSnapshot {
                tree: Arc::clone(parsed),
                missed: self.missed_edits().cloned().collect(),
            },
        })
    }

    /// Whether all edits since the tree was parsed are known.
    fn follows(&self) -> bool {
        self.parsed_version >= self.missed_from
    }

    fn missed_edits(&self) -> impl Iterator<Item = &Missed> {
        self.missed.iter().map(|(_, missed)| missed)
    }

    /// Whether the tree is that of the text as it is now.
    pub fn is_current(&self) -> bool {
        self.parsed.is_some() && self.version == self.parsed_version
    }

    /// Whether the tree has errors and was made in steps: then it may hold mistakes that one made
    /// from nothing would not ([`Syntax::renewal`]).
    pub fn is_doubtful(&self) -> bool {
        let errors = self.parsed.as_ref().is_some_and(|tree| tree.has_errors());
        self.is_current() && errors && !self.is_renewed
    }

    /// Why parsing was given up, for the status bar; [`Syntax::restart`] tries again.
    pub fn stopped(&self) -> Option<&ParseStop> {
        self.stopped.as_ref()
    }

    /// Tries again after [`Syntax::stopped`].
    pub fn restart(&mut self) {
        self.stopped = None;
    }

    /// Sets the largest text that is parsed, in bytes; [`MAX_BYTES`] unless told.
    pub fn set_max_bytes(&mut self, bytes: usize) {
        self.max_bytes = bytes;
        self.stopped = None;
    }

    /// Notes edits (sorted, disjoint, in the coordinates of `before`). Takes microseconds,
    /// whatever the text.
    pub fn edit(&mut self, before: &Rope, after: &Rope, edits: &[Edit]) {
        if edits.is_empty() {
            return;
        }
        self.version += 1;
        self.moved.take();
        if self.missed.len() + edits.len() > MAX_MISSED {
            self.missed.clear();
            self.missed_from = self.version;
        }
        for edit in edits.iter().rev() {
            let input = input_edit(before, edit);
            for (_, range) in &mut self.touched {
                shift(range, &input);
            }
            self.touched.push((self.version, input.start_byte..input.new_end_byte));
            if self.missed_from < self.version {
                self.missed.push((self.version, Missed { edit: input, before: before.clone() }));
            }
        }
        if self.touched.len() > MAX_MISSED {
            let hull = self.touched.drain(..).map(|(_, range)| range);
            let hull = hull.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
            self.touched.extend(hull.map(|range| (self.version, range)));
        }
        if leaves_lone_cr(after, edits) {
            self.lines = LineEndings::LoneCr;
        }
    }

    /// What a worker has to do now. `None` if the tree is current and whole (the pieces of other
    /// languages in a large text are a job of their own, after the text's own tree), if there is
    /// nothing to parse with, or after [`Syntax::stopped`]. Asking again while a job runs gives
    /// another job.
    pub fn job(&self, rope: &Rope) -> Option<ParseJob> {
        let language = self.language.as_ref().filter(|language| language.has_grammar())?;
        if self.stopped.is_some() {
            return None;
        }
        if self.is_current() {
            let partial = self.parsed.clone().filter(|tree| !tree.is_whole)?;
            return Some(self.job_with(language, rope, Reuse::Pieces(partial)));
        }
        let reusable = self.lines == LineEndings::Plain;
        Some(self.job_with(language, rope, Reuse::of(self.snapshot().filter(|_| reusable))))
    }

    /// What a worker may do once nobody types: makes a doubtful tree again from nothing. `None` if
    /// it is not [`Syntax::is_doubtful`].
    pub fn renewal(&self, rope: &Rope) -> Option<ParseJob> {
        let language = self.language.as_ref().filter(|_| self.is_doubtful())?;
        let old = self.parsed.clone()?;
        Some(self.job_with(language, rope, Reuse::Compare(old)))
    }

    fn job_with(&self, language: &Language, rope: &Rope, old: Reuse) -> ParseJob {
        ParseJob {
            language: language.clone(),
            rope: rope.clone(),
            old,
            version: self.version,
            touched: self.touched.iter().map(|(_, range)| range.clone()).collect(),
            max_bytes: self.max_bytes,
            from_nothing: FROM_NOTHING,
        }
    }

    /// Takes a worker's answer; `rope` is the text as it is now.
    pub fn install(&mut self, parsed: Parsed, rope: &Rope) -> Installed {
        let dropped =
            |retired| Installed { freshness: Freshness::Dropped, invalidated: vec![], retired };
        let tree = match parsed.outcome {
            Ok(tree) => tree,
            Err(ParseStop::Cancelled) => return dropped(None),
            Err(stop) => {
                self.stopped = Some(stop);
                return dropped(None);
            }
        };
        let is_again = self.parsed.is_some() && parsed.version == self.parsed_version;
        let completes = self.parsed.as_ref().is_some_and(|it| tree.is_whole && !it.is_whole);
        let is_better = completes || parsed.is_renewed && !self.is_renewed;
        let older = parsed.version < self.parsed_version || is_again && !is_better;
        let language = self.language.as_ref();
        if older || language != Some(tree.language()) || parsed.version > self.version {
            return dropped(Some(tree));
        }
        if parsed.version < self.missed_from {
            return dropped(Some(tree));
        }
        let mut changed = parsed.changed;
        self.missed.retain(|(version, _)| *version > parsed.version);
        for Missed { edit, .. } in self.missed_edits() {
            changed.iter_mut().for_each(|range| shift(range, edit));
        }
        self.touched.retain(|(version, _)| *version > parsed.version);
        self.moved.take();
        self.parsed_version = parsed.version;
        self.is_renewed = parsed.is_renewed || is_again && self.is_renewed;
        if parsed.lines == LineEndings::LoneCr || parsed.version == self.version {
            self.lines = parsed.lines;
        }
        let current = parsed.version == self.version;
        Installed {
            freshness: if current { Freshness::Current } else { Freshness::Behind },
            invalidated: char_ranges(merged(changed), rope),
            retired: self.parsed.replace(tree),
        }
    }
}

/// An edit as the parser counts it.
pub(crate) fn input_edit(before: &Rope, edit: &Edit) -> InputEdit {
    let place = |offset| {
        let point = before.point_of(offset);
        (before.byte_of(offset).0, Point { row: point.line.0, column: point.column })
    };
    let (start_byte, start_position) = place(edit.range.start);
    let (old_end_byte, old_end_position) = place(edit.range.end);
    let new_end_position = match edit.text.rfind('\n') {
        None => Point { column: start_position.column + edit.text.len(), ..start_position },
        Some(last) => Point {
            row: start_position.row + edit.text.bytes().filter(|byte| *byte == b'\n').count(),
            column: edit.text.len() - last - 1,
        },
    };
    InputEdit {
        start_byte,
        old_end_byte,
        new_end_byte: start_byte + edit.text.len(),
        start_position,
        old_end_position,
        new_end_position,
    }
}

/// Moves a range along with an edit; what was replaced goes to the edit's ends.
fn shift(range: &mut Range<usize>, edit: &InputEdit) {
    let moved = |at: usize, end: usize| {
        if at >= edit.old_end_byte {
            at - edit.old_end_byte + edit.new_end_byte
        } else if at > edit.start_byte {
            end
        } else {
            at
        }
    };
    *range = moved(range.start, edit.start_byte)..moved(range.end, edit.new_end_byte);
}

/// Whether a CR without its LF stands where the edits were made.
fn leaves_lone_cr(after: &Rope, edits: &[Edit]) -> bool {
    let (mut added, mut removed) = (0, 0);
    edits.iter().any(|edit| {
        let start = (edit.range.start.0 + added).saturating_sub(removed);
        let length = edit.text.chars().count();
        added += length;
        removed += edit.range.len();
        let from = start.saturating_sub(1).min(after.len_chars());
        let to = (start + length + 1).min(after.len_chars());
        let lone = |at: usize| after.get_char(at + 1) != Some('\n');
        (from..).zip(after.slice(from..to).chars()).any(|(at, c)| c == '\r' && lone(at))
    })
}

/// Byte ranges as ranges of characters, clamped to the text.
fn char_ranges(ranges: Vec<Range<usize>>, rope: &Rope) -> Vec<CharRange> {
    let convert = |range: Range<usize>| CharRange {
        start: rope.char_of_byte(ByteOffset(range.start)),
        end: rope.nearest(rope.char_of_byte(ByteOffset(range.end)) + 1),
    };
    ranges.into_iter().map(convert).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::Languages;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;
    use text::{CharOffset, Transaction};

    const LONG: Duration = Duration::from_secs(60);

    fn parsed(syntax: &mut Syntax, rope: &Rope, from_nothing: usize) {
        while let Some(mut job) = syntax.job(rope) {
            job.from_nothing = from_nothing;
            syntax.install(job.run(&AtomicBool::new(false), LONG), rope);
        }
    }

    fn shape(syntax: &Syntax) -> String {
        syntax.parsed.as_ref().map_or_else(String::new, |tree| tree.layers.own().root().to_sexp())
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((self.0 >> 33) % limit.max(1) as u64) as usize
        }

        fn edit(&mut self, rope: &Rope) -> Edit {
            let start = self.below(rope.len_chars() + 1);
            let end = (start + self.below(12)).min(rope.len_chars());
            let from = self.below(rope.len_chars() + 1);
            let to = (from + self.below(20)).min(rope.len_chars());
            let text = match self.below(4) {
                0 => String::new(),
                1 => "\n".repeat(self.below(3)),
                2 => {
                    "x{(\"'#`/é"[..].chars().nth(self.below(9)).map_or(String::new(), String::from)
                }
                _ => rope.slice(from..to).to_string(),
            };
            Edit::replace(CharRange { start: CharOffset(start), end: CharOffset(end) }, text)
        }
    }

    /// Edits a text at random and compares the tree made in steps, of which nothing is made anew,
    /// with one made from nothing: how many edits there were, after how many of them the trees
    /// differed, and after how many of those neither knew of an error.
    fn differences(language: &str, source: &str, edits: usize, seed: u64) -> (usize, usize, usize) {
        let mut random = Random(seed);
        let language = Languages::builtin().named(language);
        let (mut all, mut differed, mut silent) = (0, 0, 0);
        while all < edits {
            let mut rope = Rope::from_str(source);
            let mut syntax = Syntax::new(language.clone());
            parsed(&mut syntax, &rope, 0);
            for _ in 0..8 {
                let before = rope.clone();
                let edit = random.edit(&rope);
                Transaction::single(edit.clone()).apply_to(&mut rope);
                syntax.edit(&before, &rope, &[edit]);
                parsed(&mut syntax, &rope, 0);
                let mut fresh = Syntax::new(language.clone());
                parsed(&mut fresh, &rope, 0);
                all += 1;
                if shape(&syntax) != shape(&fresh) {
                    differed += 1;
                    let errs = |it: &Syntax| it.parsed.as_ref().is_some_and(|it| it.has_errors());
                    silent += usize::from(!errs(&syntax));
                    syntax = fresh;
                }
            }
        }
        (all, differed, silent)
    }

    #[test]
    fn only_trees_with_errors_differ_from_trees_made_from_nothing() {
        let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64);
        let seed = seed.unwrap_or_else(clock);
        eprintln!("HEARTH_SEED={seed}");
        let many = std::env::var("HEARTH_EDITS").ok().and_then(|many| many.parse().ok());
        for (name, source) in [
            ("rust", include_str!("../fixtures/sample.rs")),
            ("python", include_str!("../fixtures/sample.py")),
            ("javascript", include_str!("../fixtures/sample.js")),
            ("typescript", include_str!("../fixtures/sample.ts")),
            ("tsx", include_str!("../fixtures/sample.tsx")),
            ("c", include_str!("../fixtures/sample.c")),
            ("json", include_str!("../fixtures/sample.json")),
            ("toml", include_str!("../fixtures/sample.toml")),
            ("yaml", include_str!("../fixtures/sample.yaml")),
            ("markdown", include_str!("../fixtures/sample.md")),
            ("bash", include_str!("../fixtures/sample.sh")),
        ] {
            let (all, differed, silent) = differences(name, source, many.unwrap_or(120), seed);
            eprintln!("{name}: {differed} of {all} trees differed, {silent} without an error");
            assert_eq!(silent, 0, "{name}: only a tree that knows of an error may be wrong");
        }
    }
}
