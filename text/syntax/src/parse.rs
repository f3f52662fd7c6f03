//! Parsing as a job for a worker.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use text::Rope;
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use crate::grammar::Problem;
use crate::languages::Language;
use crate::layers::Layers;
use crate::rope_text::LayerText;
use crate::tree::{Layer, LayerTree, SyntaxTree, TreeSnapshot};

/// The largest text that is parsed, in bytes. A tree takes some twenty times its text in memory.
pub const MAX_BYTES: usize = 32 << 20;
/// How long a parse may take, by the clock, where the caller has no better idea.
pub const BUDGET: Duration = Duration::from_secs(10);
/// Up to this size, in bytes, a tree made in steps that has errors is made again from nothing: what
/// was an error may have been kept after it was put right. It takes up to 30 ms of a worker.
pub(crate) const FROM_NOTHING: usize = 256 << 10;

/// How far up from what changed highlight queries look.
const COLOR_ANCESTORS: u8 = 1;

/// Why there is no new tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseStop {
    /// The caller asked for it.
    Cancelled,
    /// It took longer than it may.
    OutOfTime {
        /// What it was allowed.
        budget: Duration,
    },
    /// The text is larger than what is parsed.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most that is parsed.
        limit: usize,
    },
    /// The language's grammar cannot be used.
    Damaged(Problem),
}

impl fmt::Display for ParseStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseStop::Cancelled => write!(f, "the parse was cancelled"),
            ParseStop::OutOfTime { budget } => {
                write!(
                    f,
                    "the text is not coloured: parsing it took over {} ms",
                    budget.as_millis()
                )
            }
            ParseStop::TooLarge { bytes, limit } => write!(
                f,
                "the text is not coloured: it has {} MB, and at most {} are parsed",
                bytes >> 20,
                limit >> 20
            ),
            ParseStop::Damaged(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for ParseStop {}

/// Everything that a worker needs to parse one version of a text.
#[derive(Clone, Debug)]
pub struct ParseJob {
    pub(crate) language: Language,
    pub(crate) rope: Rope,
    pub(crate) old: Reuse,
    pub(crate) version: u64,
    /// Bytes that were typed since the last answer.
    pub(crate) touched: Vec<Range<usize>>,
    pub(crate) max_bytes: usize,
    pub(crate) from_nothing: usize,
}

/// What a parse makes of the tree before.
#[derive(Clone, Debug)]
pub(crate) enum Reuse {
    /// There is none, or none that can be used.
    Nothing,
    /// What did not change is taken from it.
    Parts(TreeSnapshot),
    /// It is doubted: all is parsed anew, and what comes out differently is told.
    Compare(Arc<SyntaxTree>),
    /// It is right, and the pieces of other languages are still to be found.
    Pieces(Arc<SyntaxTree>),
}

impl Reuse {
    pub(crate) fn of(snapshot: Option<TreeSnapshot>) -> Reuse {
        snapshot.map_or(Reuse::Nothing, Reuse::Parts)
    }
}

/// What became of a [`ParseJob`]; for [`crate::Syntax::install`].
#[derive(Clone, Debug)]
pub struct Parsed {
    pub(crate) version: u64,
    pub(crate) outcome: Result<Arc<SyntaxTree>, ParseStop>,
    /// Bytes that may look different from what the old tree said.
    pub(crate) changed: Vec<Range<usize>>,
    pub(crate) lines: LineEndings,
    /// Whether nothing in it was taken from a tree before.
    pub(crate) is_renewed: bool,
    took: Duration,
}

/// Whether rows as the parser counts them (by LF) are the rope's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEndings {
    /// They are.
    Plain,
    /// A CR stands alone somewhere, so rows of edits would be wrong: nothing is reused.
    LoneCr,
}

impl Parsed {
    /// How long it took, by the clock.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The tree, if there is one: that of the job's text.
    pub fn tree(&self) -> Option<&SyntaxTree> {
        self.outcome.as_deref().ok()
    }

    /// Why there is no tree, if there is none.
    pub fn stop(&self) -> Option<&ParseStop> {
        self.outcome.as_ref().err()
    }
}

impl ParseJob {
    /// Parses. Call it on a worker; it looks at `cancel` and at the clock every few hundred
    /// tokens. The first job of a language also compiles its queries.
    pub fn run(&self, cancel: &AtomicBool, budget: Duration) -> Parsed {
        let begun = Instant::now();
        let watch = Watch { cancel, begun, budget };
        // The edited tree of a text with lone CRs is never handed to a job, so only a parse
        // from nothing has to look.
        let lines = match self.old {
            Reuse::Nothing => line_endings(&self.rope),
            Reuse::Parts(_) | Reuse::Compare(_) => LineEndings::Plain,
            Reuse::Pieces(_) => line_endings(&self.rope),
        };
        let old = match &self.old {
            Reuse::Nothing => None,
            Reuse::Parts(snapshot) => Some(snapshot.tree()),
            Reuse::Compare(tree) | Reuse::Pieces(tree) => Some(Arc::clone(tree)),
        };
        let mut pass = Pass {
            job: self,
            watch,
            old: old.as_deref(),
            is_renewed: matches!(self.old, Reuse::Nothing | Reuse::Compare(_)),
            changed: self.touched.clone(),
        };
        let outcome = pass.parse().map(Arc::new);
        let Pass { mut changed, is_renewed, .. } = pass;
        changed = merged(changed);
        if let Ok(tree) = &outcome {
            for range in &mut changed {
                *range = tree.widened(range, COLOR_ANCESTORS);
            }
        }
        Parsed {
            version: self.version,
            outcome,
            changed: merged(changed),
            lines,
            is_renewed,
            took: begun.elapsed(),
        }
    }

    /// Whether it makes a tree that is right a better one: then a newer job need not wait for it.
    pub fn is_refinement(&self) -> bool {
        matches!(self.old, Reuse::Compare(_) | Reuse::Pieces(_))
    }

    /// The text that it parses.
    pub fn rope(&self) -> &Rope {
        &self.rope
    }
}

/// One run of a job.
pub(crate) struct Pass<'a> {
    pub(crate) job: &'a ParseJob,
    pub(crate) watch: Watch<'a>,
    /// The tree before, moved along with the edits since.
    pub(crate) old: Option<&'a SyntaxTree>,
    /// Whether nothing is taken from it.
    pub(crate) is_renewed: bool,
    /// Bytes that may look different from what it said.
    pub(crate) changed: Vec<Range<usize>>,
}

impl Pass<'_> {
    fn parse(&mut self) -> Result<SyntaxTree, ParseStop> {
        let ParseJob { language, rope, max_bytes, from_nothing, .. } = self.job;
        let bytes = rope.len_bytes();
        if bytes > *max_bytes {
            return Err(ParseStop::TooLarge { bytes, limit: *max_bytes });
        }
        self.watch.check()?;
        let grammar = language.grammar().map_err(ParseStop::Damaged)?;
        let mut parser = Parser::new();
        let old = self.old.map(|old| &old.layers.own().parsed.tree);
        let text = LayerText::new(rope, 0..bytes);
        parser
            .set_language(&grammar.tables)
            .expect("a grammar that compiled is one the parser takes");
        let reused = old.filter(|_| !self.is_renewed);
        let mut tree = match (&self.job.old, old) {
            (Reuse::Pieces(_), Some(old)) => old.clone(),
            _ => self.watch.parse(&mut parser, &text, reused)?,
        };
        let is_made_in_steps = matches!(self.job.old, Reuse::Parts(_));
        if is_made_in_steps && bytes <= *from_nothing && tree.root_node().has_error() {
            tree = self.watch.parse(&mut parser, &text, None)?;
            self.is_renewed = true;
        }
        match old {
            Some(old) => {
                let ranges = old.changed_ranges(&tree);
                self.changed.extend(ranges.map(|it| it.start_byte..it.end_byte));
            }
            None => self.changed.push(0..bytes),
        }
        let parsed = LayerTree { language: language.clone(), grammar, tree, ranges: Vec::new() };
        let root =
            Layer { start: 0, end: bytes, depth: 0, touched: false, parsed: Arc::new(parsed) };
        let layers = Layers::new(vec![root]);
        let mut result = SyntaxTree { layers, left_out: 0, is_whole: true, has_errors: false };
        self.inject(&mut parser, &mut result)?;
        result.has_errors = result.layers.iter().any(|layer| layer.is_broken());
        Ok(result)
    }
}

/// When to stop.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) begun: Instant,
    pub(crate) budget: Duration,
}

impl Watch<'_> {
    pub(crate) fn check(&self) -> Result<(), ParseStop> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ParseStop::Cancelled);
        }
        if self.begun.elapsed() > self.budget {
            return Err(ParseStop::OutOfTime { budget: self.budget });
        }
        Ok(())
    }

    pub(crate) fn parse(
        &self,
        parser: &mut Parser,
        text: &LayerText<'_>,
        old: Option<&Tree>,
    ) -> Result<Tree, ParseStop> {
        let mut stop = None;
        let mut progress = |_: &ParseState| match self.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                stop = Some(why);
                ControlFlow::Break(())
            }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let tree =
            parser.parse_with_options(&mut |byte, _| text.chunk_to_parse(byte), old, Some(options));
        if tree.is_none() {
            // A parse that stopped would go on with the next text.
            parser.reset();
        }
        tree.ok_or_else(|| stop.unwrap_or(ParseStop::Cancelled))
    }
}

/// Whether a CR stands without its LF.
fn line_endings(rope: &Rope) -> LineEndings {
    let mut after_cr = false;
    for chunk in rope.chunks() {
        let bytes = chunk.as_bytes();
        if after_cr && bytes.first() != Some(&b'\n') {
            return LineEndings::LoneCr;
        }
        let lone = |at: usize| bytes.get(at + 1).is_some_and(|next| *next != b'\n');
        if bytes.iter().enumerate().any(|(at, byte)| *byte == b'\r' && lone(at)) {
            return LineEndings::LoneCr;
        }
        after_cr = bytes.last() == Some(&b'\r');
    }
    if after_cr { LineEndings::LoneCr } else { LineEndings::Plain }
}

/// Ranges in order, those that meet as one.
pub(crate) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut result: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match result.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => result.push(range),
        }
    }
    result
}
