//! Parsing as a job for a worker.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use text::Rope;
use tree_sitter::{ParseOptions, ParseState, Parser, Range as TsRange, Tree};

use crate::grammar::Problem;
use crate::injection::{self, Injection};
use crate::languages::Language;
use crate::rope_text::LayerText;
use crate::tree::{Layer, LayerTree, SyntaxTree};

/// The largest text that is parsed, in bytes. A tree takes some twenty times its text in memory.
pub const MAX_BYTES: usize = 32 << 20;
/// How long a parse may take, by the clock, where the caller has no better idea.
pub const BUDGET: Duration = Duration::from_secs(10);
/// How many pieces of other languages are parsed in one text.
const MAX_LAYERS: usize = 50_000;
/// Up to this size, in bytes, a tree made in steps that has errors is made again from nothing: what
/// was an error may have been kept after it was put right. It takes up to 30 ms of a worker.
const FROM_NOTHING: usize = 256 << 10;
/// Up to this size, in bytes, an injected piece is always parsed from nothing.
const FROM_NOTHING_PIECE: usize = 16 << 10;
/// How long one injected piece may take, by the clock.
const PIECE_BUDGET: Duration = Duration::from_millis(500);
/// How deep languages may stand within each other.
const MAX_DEPTH: u8 = 4;

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
    /// The tree of an earlier version, moved along with the edits since.
    pub(crate) old: Option<Arc<SyntaxTree>>,
    pub(crate) version: u64,
    /// Bytes that were typed since the last answer.
    pub(crate) touched: Vec<Range<usize>>,
    pub(crate) max_bytes: usize,
}

/// What became of a [`ParseJob`]; for [`crate::Syntax::install`].
#[derive(Clone, Debug)]
pub struct Parsed {
    pub(crate) version: u64,
    pub(crate) outcome: Result<Arc<SyntaxTree>, ParseStop>,
    /// Bytes that may look different from what the old tree said.
    pub(crate) changed: Vec<Range<usize>>,
    pub(crate) lines: LineEndings,
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
            Some(_) => LineEndings::Plain,
            None => line_endings(&self.rope),
        };
        let mut changed = self.touched.clone();
        let outcome = self.parse(&watch, &mut changed).map(Arc::new);
        if let Ok(tree) = &outcome {
            for range in &mut changed {
                *range = tree.widened(range);
            }
        }
        Parsed {
            version: self.version,
            outcome,
            changed: merged(changed),
            lines,
            took: begun.elapsed(),
        }
    }

    fn parse(
        &self,
        watch: &Watch<'_>,
        changed: &mut Vec<Range<usize>>,
    ) -> Result<SyntaxTree, ParseStop> {
        let bytes = self.rope.len_bytes();
        if bytes > self.max_bytes {
            return Err(ParseStop::TooLarge { bytes, limit: self.max_bytes });
        }
        watch.check()?;
        let grammar = self.language.grammar().map_err(ParseStop::Damaged)?;
        let mut parser = Parser::new();
        let old = self.old.as_ref().map(|old| &old.layers[0].parsed.tree);
        let text = LayerText::new(&self.rope, 0..bytes);
        parser
            .set_language(&grammar.tables)
            .expect("a grammar that compiled is one the parser takes");
        let mut tree = watch.parse(&mut parser, &text, old)?;
        if old.is_some() && bytes <= FROM_NOTHING && tree.root_node().has_error() {
            tree = watch.parse(&mut parser, &text, None)?;
        }
        match old {
            Some(old) => {
                changed.extend(old.changed_ranges(&tree).map(|it| it.start_byte..it.end_byte));
            }
            None => changed.push(0..bytes),
        }
        let parsed =
            LayerTree { language: self.language.clone(), grammar, tree, ranges: Vec::new() };
        let root =
            Layer { start: 0, end: bytes, depth: 0, touched: false, parsed: Arc::new(parsed) };
        let mut result = SyntaxTree { layers: vec![root], left_out: 0 };
        self.inject(watch, &mut parser, &mut result, changed)?;
        Ok(result)
    }

    /// Parses what stands in other languages, as far as it is not what it was.
    fn inject(
        &self,
        watch: &Watch<'_>,
        parser: &mut Parser,
        tree: &mut SyntaxTree,
        changed: &mut Vec<Range<usize>>,
    ) -> Result<(), ParseStop> {
        let old: &[Layer] = self.old.as_ref().map_or(&[], |old| &old.layers);
        let known: HashMap<(usize, u8), usize> =
            old.iter().enumerate().skip(1).map(|(i, it)| ((it.start, it.depth), i)).collect();
        let mut used = HashSet::new();
        let mut next = 0;
        while next < tree.layers.len() {
            watch.check()?;
            let outer = &tree.layers[next];
            next += 1;
            if outer.depth >= MAX_DEPTH {
                continue;
            }
            let depth = outer.depth + 1;
            for found in injection::find(outer, &self.rope) {
                if tree.layers.len() > MAX_LAYERS {
                    tree.left_out += 1;
                    continue;
                }
                let key = (found.start, depth);
                let before = known.get(&key).map(|index| (index, &old[*index]));
                let before = before.filter(|(_, it)| it.parsed.language == found.language);
                used.extend(before.map(|(index, _)| *index));
                let before = before.map(|(_, layer)| layer);
                match self.layer(watch, parser, found, depth, before, changed)? {
                    Some(layer) => tree.layers.push(layer),
                    None => tree.left_out += 1,
                }
            }
        }
        for (index, layer) in old.iter().enumerate().skip(1) {
            if !used.contains(&index) {
                changed.push(layer.range());
            }
        }
        tree.layers.sort_by_key(|layer| (layer.depth, layer.start));
        Ok(())
    }

    /// One layer: the one from before if nothing in it changed. `None` where its grammar does
    /// not work, or where it takes so long that the text around it is worth more.
    fn layer(
        &self,
        watch: &Watch<'_>,
        parser: &mut Parser,
        found: Injection,
        depth: u8,
        before: Option<&Layer>,
        changed: &mut Vec<Range<usize>>,
    ) -> Result<Option<Layer>, ParseStop> {
        let Injection { language, start, end, ranges } = found;
        if let Some(same) = before
            && !same.touched
            && same.end == end
            && same.parsed.ranges == ranges
        {
            return Ok(Some(Layer { depth, ..same.clone() }));
        }
        watch.check()?;
        let piece = Watch { begun: Instant::now(), budget: PIECE_BUDGET, ..*watch };
        let Ok(grammar) = language.grammar() else {
            return Ok(None);
        };
        parser
            .set_language(&grammar.tables)
            .expect("a grammar that compiled is one the parser takes");
        parser.set_included_ranges(&ranges).expect("the ranges between children come in order");
        let text = LayerText::new(&self.rope, start..end);
        let gone = before.map(Layer::range);
        let before = before.filter(|_| ranges.is_empty() && end - start > FROM_NOTHING_PIECE);
        let old = before.map(|layer| &layer.parsed.tree);
        let tree = piece.parse(parser, &text, old);
        parser.set_included_ranges(&[]).expect("no ranges are in order");
        let tree = match tree {
            Err(ParseStop::OutOfTime { .. }) => return Ok(None),
            tree => tree?,
        };
        match old {
            Some(old) => changed.extend(
                old.changed_ranges(&tree).map(|it| start + it.start_byte..start + it.end_byte),
            ),
            None => changed.extend([Some(start..end), gone].into_iter().flatten()),
        }
        let parsed = Arc::new(LayerTree { language, grammar, tree, ranges });
        Ok(Some(Layer { start, end, depth, touched: false, parsed }))
    }
}

/// When to stop.
struct Watch<'a> {
    cancel: &'a AtomicBool,
    begun: Instant,
    budget: Duration,
}

impl Watch<'_> {
    fn check(&self) -> Result<(), ParseStop> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ParseStop::Cancelled);
        }
        if self.begun.elapsed() > self.budget {
            return Err(ParseStop::OutOfTime { budget: self.budget });
        }
        Ok(())
    }

    fn parse(
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
        let tree = parser.parse_with_options(&mut |byte, _| text.chunk(byte), old, Some(options));
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

/// The whole of a layer as the parser takes it.
pub(crate) fn ranges_of(parts: Vec<TsRange>, whole: &Range<usize>) -> Vec<TsRange> {
    match parts.as_slice() {
        [only] if only.start_byte == 0 && only.end_byte == whole.len() => Vec::new(),
        _ => parts,
    }
}
