//! Brackets that belong together.

use std::ops::Range;
use std::time::{Duration, Instant};

use text::{CharOffset, CharRange, Positions, Rope};
use tree_sitter::Node;

use crate::matches::{Haste, Reach, each_match};
use crate::node::{char_range, children};
use crate::spans::Region;
use crate::syntax::Syntax;
use crate::tree::{Layer, SyntaxTree};

/// Characters that are searched where the tree does not know.
const MAX_SCAN: usize = 100_000;
/// How long such a search may take, by the clock.
const SCAN_TIME: Duration = Duration::from_millis(4);
/// Bytes whose colours are looked up at a time on the way.
const WINDOW: usize = 4096;
/// Children of one node among which the other bracket is looked for.
const MAX_CHILDREN: usize = 1 << 16;

/// Two brackets that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BracketPair {
    /// The opening one.
    pub open: CharRange,
    /// The closing one.
    pub close: CharRange,
}

impl Syntax {
    /// The pair of which one bracket stands at an offset, or else just before it. By the tree if
    /// it is current, else by counting characters outside strings and comments.
    pub fn matching_bracket(&self, rope: &Rope, offset: CharOffset) -> Option<BracketPair> {
        let places = [Some(offset), (offset.0 > 0).then(|| offset - 1)];
        places.into_iter().flatten().find_map(|place| {
            if !self.may_be_bracket(rope, place) {
                return None;
            }
            let by_tree = self.tree().filter(|_| self.is_current());
            let by_tree = by_tree.and_then(|tree| tree.bracket_at(rope, place));
            by_tree.or_else(|| self.scan_bracket(rope, place))
        })
    }

    /// Whether a query is worth its time: words close blocks in some languages only.
    fn may_be_bracket(&self, rope: &Rope, at: CharOffset) -> bool {
        let has_words = self.language().is_some_and(|it| !it.spec().outdent_words.is_empty());
        let is_mark = |c: char| !c.is_whitespace() && (has_words || !c.is_alphanumeric());
        rope.get_char(at.0).is_some_and(is_mark)
    }

    fn scan_bracket(&self, rope: &Rope, at: CharOffset) -> Option<BracketPair> {
        let brackets = self.language().map_or(DEFAULT, |language| language.spec().brackets);
        let own = rope.get_char(at.0)?;
        let (open, close) = *brackets.iter().find(|(open, close)| own == *open || own == *close)?;
        let mut code = Code::new(self, rope);
        if !code.holds(at) {
            return None;
        }
        let one = |at| CharRange { start: at, end: at + 1 };
        if own == open {
            let mate = code.forwards(at + 1, open, close)?;
            return Some(BracketPair { open: one(at), close: one(mate) });
        }
        let mate = code.backwards(at, open, close)?;
        Some(BracketPair { open: one(mate), close: one(at) })
    }

    /// The opening bracket that has no partner before an offset, by counting characters.
    pub(crate) fn open_before(
        &self,
        rope: &Rope,
        offset: CharOffset,
        pair: (char, char),
    ) -> Option<CharOffset> {
        Code::new(self, rope).backwards(offset, pair.0, pair.1)
    }
}

const DEFAULT: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}')];

impl SyntaxTree {
    fn bracket_at(&self, rope: &Rope, at: CharOffset) -> Option<BracketPair> {
        let bytes = rope.byte_of(at).0..rope.byte_of(at + 1).0;
        let layers: Vec<Layer> = self.layers_in(bytes.clone()).collect();
        layers.into_iter().rev().find_map(|layer| {
            let (open, close) = pair_in(&layer, rope, &bytes)?;
            let range = |node: Node<'_>| {
                char_range(rope, layer.start + node.start_byte()..layer.start + node.end_byte())
            };
            Some(BracketPair { open: range(open), close: range(close) })
        })
    }
}

/// The pair of tokens of which one covers some bytes.
fn pair_in<'t>(
    layer: &'t Layer,
    rope: &Rope,
    bytes: &Range<usize>,
) -> Option<(Node<'t>, Node<'t>)> {
    let query = layer.grammar().brackets.as_ref()?;
    let own = layer.clip(bytes);
    let names = query.capture_names();
    let mut token = None;
    let text = layer.text(rope);
    let reach = each_match(query, layer.root(), &text, own.clone(), Haste::Key, |found| {
        for capture in found.captures() {
            let range = capture.node.byte_range();
            if range.start <= own.start && own.end <= range.end && !own.is_empty() {
                token = Some((capture.node, names[capture.index as usize] == "open"));
            }
        }
    });
    let (node, opens) = token.filter(|_| reach == Reach::Whole)?;
    let mate = mate(node, opens)?;
    Some(if opens { (node, mate) } else { (mate, node) })
}

/// The other token of a pair: tokens of one node that open and close in turn.
pub(crate) fn mate(node: Node<'_>, opens: bool) -> Option<Node<'_>> {
    let parent = node.parent().filter(|parent| !parent.is_error())?;
    let tokens: Vec<Node<'_>> = children(parent, MAX_CHILDREN)
        .into_iter()
        .filter(|child| {
            !child.is_named() && !child.is_missing() && child.end_byte() > child.start_byte()
        })
        .collect();
    let at = tokens.iter().position(|token| token.id() == node.id())?;
    let kind = closing(node.kind(), opens)?;
    if opens {
        tokens[at + 1..].iter().find(|token| kind.contains(&token.kind())).copied()
    } else {
        tokens[..at].iter().rev().find(|token| kind.contains(&token.kind())).copied()
    }
}

/// The kinds of token that belong to one.
fn closing(kind: &str, opens: bool) -> Option<&'static [&'static str]> {
    const PAIRS: &[(&[&str], &[&str])] = &[
        (&["(", "$(", "<(", ">(", "((", "$(("], &[")", "))"]),
        (&["[", "#[", "#![", "[["], &["]", "]]"]),
        (&["{", "${", "{|"], &["}", "|}"]),
        (&["<", "</"], &[">", "/>"]),
        (&["|"], &["|"]),
        (&["then"], &["fi", "else", "elif"]),
        (&["do"], &["done"]),
        (&["in"], &["esac"]),
        (&["if", "else", "elif"], &["fi"]),
        (&["case"], &["esac"]),
    ];
    if opens {
        PAIRS.iter().find(|(open, _)| open.contains(&kind)).map(|(_, close)| *close)
    } else {
        PAIRS.iter().find(|(_, close)| close.contains(&kind)).map(|(open, _)| *open)
    }
}

/// The characters of a text that are neither string nor comment, as far as the tree knows.
struct Code<'a> {
    tree: Option<&'a SyntaxTree>,
    rope: &'a Rope,
    window: Range<usize>,
    masked: Vec<Range<usize>>,
    begun: Instant,
    steps: u32,
}

impl<'a> Code<'a> {
    fn new(syntax: &'a Syntax, rope: &'a Rope) -> Self {
        let tree = syntax.tree().map(|tree| &**tree);
        Code { tree, rope, window: 0..0, masked: Vec::new(), begun: Instant::now(), steps: 0 }
    }

    fn holds(&mut self, at: CharOffset) -> bool {
        let Some(tree) = self.tree else { return true };
        let byte = self.rope.byte_of(at).0;
        if !self.window.contains(&byte) {
            let start = byte / WINDOW * WINDOW;
            self.window = start..start + WINDOW;
            let painted = tree.highlights(self.rope, self.window.clone(), Haste::Key);
            let masked =
                painted.spans.into_iter().filter(|span| Region::of(span.highlight) != Region::Code);
            self.masked = masked.map(|span| span.start.0..span.end.0).collect();
        }
        !self.masked.iter().any(|range| range.contains(&byte))
    }

    /// `None` when the search took too long: colours of garbage are slow.
    fn in_time(&mut self) -> Option<()> {
        self.steps = self.steps.wrapping_add(1);
        (!self.steps.is_multiple_of(256) || self.begun.elapsed() < SCAN_TIME).then_some(())
    }

    fn forwards(&mut self, from: CharOffset, open: char, close: char) -> Option<CharOffset> {
        let from = self.rope.nearest(from);
        let mut depth = 0;
        for (index, c) in self.rope.chars_at(from.0).take(MAX_SCAN).enumerate() {
            self.in_time()?;
            if c == close && self.holds(from + index) {
                if depth == 0 {
                    return Some(from + index);
                }
                depth -= 1;
            } else if c == open && self.holds(from + index) {
                depth += 1;
            }
        }
        None
    }

    fn backwards(&mut self, from: CharOffset, open: char, close: char) -> Option<CharOffset> {
        let from = self.rope.nearest(from);
        let mut depth = 0;
        for (index, c) in self.rope.chars_at(from.0).reversed().take(MAX_SCAN).enumerate() {
            self.in_time()?;
            let at = from - (index + 1);
            if c == open && self.holds(at) {
                if depth == 0 {
                    return Some(at);
                }
                depth -= 1;
            } else if c == close && self.holds(at) {
                depth += 1;
            }
        }
        None
    }
}
