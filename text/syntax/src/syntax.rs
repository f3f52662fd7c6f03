//! The syntax of one open text: its tree, and how it keeps up with edits.

use std::ops::Range;
use std::sync::Arc;

use text::{ByteOffset, CharRange, Edit, Positions, Rope};
use tree_sitter::{InputEdit, Point};

use crate::highlight::Span;
use crate::languages::Language;
use crate::parse::{LineEndings, MAX_BYTES, ParseJob, ParseStop, Parsed, merged};
use crate::tree::SyntaxTree;

/// Edits that are remembered for a parse that is under way; a parse that missed more is dropped.
const MAX_MISSED: usize = 1024;

/// The syntax of one text.
///
/// The text's owner calls [`Syntax::edit`] with every change, hands [`Syntax::job`] to a worker
/// and its answer to [`Syntax::install`]. In between, the old tree is moved along with the
/// edits, so that colours stay where they belong.
#[derive(Debug)]
pub struct Syntax {
    language: Option<Language>,
    tree: Option<Arc<SyntaxTree>>,
    /// How many edits there were, and how many of them the tree was parsed with.
    version: u64,
    parsed_version: u64,
    /// The edits since the tree was parsed, oldest first, with the version after each.
    missed: Vec<(u64, InputEdit, Rope)>,
    /// From which version on `missed` is complete.
    missed_from: u64,
    /// Bytes that were typed since the last answer, with the version after each edit.
    touched: Vec<(u64, Range<usize>)>,
    lines: LineEndings,
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
            tree: None,
            version: 0,
            parsed_version: 0,
            missed: Vec::new(),
            missed_from: 0,
            touched: Vec::new(),
            lines: LineEndings::Plain,
            stopped: None,
            max_bytes: MAX_BYTES,
        }
    }

    /// The language, `None` for plain text.
    pub fn language(&self) -> Option<&Language> {
        self.language.as_ref()
    }

    /// The tree, as far as there is one: current, or moved along with the edits since.
    pub fn tree(&self) -> Option<&Arc<SyntaxTree>> {
        self.tree.as_ref()
    }

    /// Whether the tree is that of the text as it is now.
    pub fn is_current(&self) -> bool {
        self.tree.is_some() && self.version == self.parsed_version
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

    /// Moves the tree along with edits (sorted, disjoint, in the coordinates of `before`).
    /// Takes microseconds; colours can be asked for at once.
    pub fn edit(&mut self, before: &Rope, after: &Rope, edits: &[Edit]) {
        if edits.is_empty() {
            return;
        }
        self.version += 1;
        if self.missed.len() + edits.len() > MAX_MISSED {
            self.missed.clear();
            self.missed_from = self.version;
        }
        let mut tree = self.tree.take();
        for edit in edits.iter().rev() {
            let input = input_edit(before, edit);
            for (_, range) in &mut self.touched {
                shift(range, &input);
            }
            self.touched.push((self.version, input.start_byte..input.new_end_byte));
            if let Some(tree) = &mut tree {
                Arc::make_mut(tree).edit(&input, before);
            }
            if self.missed_from < self.version {
                self.missed.push((self.version, input, before.clone()));
            }
        }
        self.tree = tree;
        if self.touched.len() > MAX_MISSED {
            let hull = self.touched.drain(..).map(|(_, range)| range);
            let hull = hull.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
            self.touched.extend(hull.map(|range| (self.version, range)));
        }
        if leaves_lone_cr(after, edits) {
            self.lines = LineEndings::LoneCr;
        }
    }

    /// What a worker has to do now: `None` if the tree is current, if there is nothing to parse
    /// with, or after [`Syntax::stopped`]. Asking again while a job runs gives another job.
    pub fn job(&self, rope: &Rope) -> Option<ParseJob> {
        let language = self.language.as_ref().filter(|language| language.has_grammar())?;
        if self.is_current() || self.stopped.is_some() {
            return None;
        }
        let reusable = self.lines == LineEndings::Plain;
        Some(ParseJob {
            language: language.clone(),
            rope: rope.clone(),
            old: self.tree.clone().filter(|_| reusable),
            version: self.version,
            touched: self.touched.iter().map(|(_, range)| range.clone()).collect(),
            max_bytes: self.max_bytes,
        })
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
        let older = self.tree.is_some() && parsed.version <= self.parsed_version;
        let language = self.language.as_ref();
        if older || language != Some(tree.language()) || parsed.version > self.version {
            return dropped(Some(tree));
        }
        if parsed.version < self.missed_from {
            return dropped(Some(tree));
        }
        let mut tree = tree;
        let mut changed = parsed.changed;
        self.missed.retain(|(version, ..)| *version > parsed.version);
        for (_, edit, before) in &self.missed {
            Arc::make_mut(&mut tree).edit(edit, before);
            for range in &mut changed {
                shift(range, edit);
            }
        }
        self.touched.retain(|(version, _)| *version > parsed.version);
        self.parsed_version = parsed.version;
        if parsed.lines == LineEndings::LoneCr || parsed.version == self.version {
            self.lines = parsed.lines;
        }
        let current = parsed.version == self.version;
        Installed {
            freshness: if current { Freshness::Current } else { Freshness::Behind },
            invalidated: char_ranges(merged(changed), rope),
            retired: self.tree.replace(tree),
        }
    }

    /// The colours of a range, in order and disjoint; what is not in them has none. Costs what
    /// the range costs, whatever the text's length: ask for what is visible.
    pub fn highlights(&self, rope: &Rope, range: CharRange) -> Vec<Span> {
        let bytes = rope.byte_of(range.start).0..rope.byte_of(range.end).0;
        self.tree.as_ref().map_or_else(Vec::new, |tree| tree.highlights(rope, bytes))
    }
}

/// An edit as the parser counts it.
fn input_edit(before: &Rope, edit: &Edit) -> InputEdit {
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
