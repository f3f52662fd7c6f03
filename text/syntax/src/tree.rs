//! The tree of a text: one layer for its language, and one for every piece of another language
//! in it.
//!
//! A layer counts bytes from its own start. So an edit before it moves one number, and a code
//! block that was not touched is not parsed again.

use std::ops::Range;
use std::sync::Arc;

use text::Rope;
use tree_sitter::{InputEdit, Node, Point, Range as TsRange, Tree};

use crate::grammar::Grammar;
use crate::languages::Language;
use crate::layers::Layers;
use crate::pieces::FROM_NOTHING_PIECE;
use crate::rope_text::LayerText;

/// What one layer was parsed to; shared between versions that do not touch it.
#[derive(Clone, Debug)]
pub(crate) struct LayerTree {
    pub(crate) language: Language,
    pub(crate) grammar: Arc<Grammar>,
    pub(crate) tree: Tree,
    /// The parts that it consists of, from its own start; empty for all of it.
    pub(crate) ranges: Vec<TsRange>,
}

/// A layer and where it stands now.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Bytes of the whole text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// 0 for the text's own language.
    pub(crate) depth: u8,
    /// Whether it was edited since it was parsed.
    pub(crate) touched: bool,
    pub(crate) parsed: Arc<LayerTree>,
}

impl Layer {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.parsed.tree.root_node()
    }

    /// Whether something of it could not be parsed, unless it is a small piece.
    pub(crate) fn is_broken(&self) -> bool {
        let counts = self.depth == 0 || self.range().len() > FROM_NOTHING_PIECE;
        counts && self.root().has_error()
    }

    pub(crate) fn grammar(&self) -> &Grammar {
        &self.parsed.grammar
    }

    pub(crate) fn text<'a>(&self, rope: &'a Rope) -> LayerText<'a> {
        LayerText::new(rope, self.range())
    }

    /// The part of a range that lies in this layer, counted from the layer's start.
    pub(crate) fn clip(&self, range: &Range<usize>) -> Range<usize> {
        let start = range.start.max(self.start).min(self.end);
        start - self.start..range.end.clamp(start, self.end) - self.start
    }

    /// Calls `each` with the parts of a range of the whole text that are this layer's own: what
    /// stands between them, as the marks of the comment that it is in, is not.
    pub(crate) fn each_own_part(&self, range: Range<usize>, mut each: impl FnMut(Range<usize>)) {
        if self.parsed.ranges.is_empty() {
            let end = range.end.min(self.end);
            return each(range.start.min(end)..end);
        }
        let at = |byte: usize| self.start + byte;
        let first = self.parsed.ranges.partition_point(|part| at(part.end_byte) <= range.start);
        let parts = self.parsed.ranges[first..].iter();
        for part in parts.take_while(|part| at(part.start_byte) < range.end) {
            each(range.start.max(at(part.start_byte))..range.end.min(at(part.end_byte)));
        }
    }

    /// Moves it along with an edit; `origin` is where it began before that.
    pub(crate) fn edit(&mut self, edit: &InputEdit, origin: Point) -> Fate {
        let removed = edit.old_end_byte - edit.start_byte;
        let added = edit.new_end_byte - edit.start_byte;
        if edit.old_end_byte <= self.start {
            self.start = self.start - removed + added;
            self.end = self.end - removed + added;
            return Fate::Kept;
        }
        if edit.start_byte >= self.end {
            return Fate::Kept;
        }
        if edit.start_byte < self.start {
            return Fate::Lost;
        }
        // What reaches past the end takes the layer's rest with it.
        let inside = edit.old_end_byte <= self.end;
        let old_end = edit.old_end_byte.min(self.end);
        let new_end = if inside { edit.new_end_byte } else { edit.start_byte };
        let relative = InputEdit {
            start_byte: edit.start_byte - self.start,
            old_end_byte: old_end - self.start,
            new_end_byte: new_end - self.start,
            start_position: point_from(origin, edit.start_position),
            old_end_position: point_from(origin, edit.old_end_position),
            new_end_position: point_from(
                origin,
                if inside { edit.new_end_position } else { edit.start_position },
            ),
        };
        let mut parsed = LayerTree::clone(&self.parsed);
        parsed.tree.edit(&relative);
        self.parsed = Arc::new(parsed);
        self.end = self.end - (old_end - edit.start_byte) + (new_end - edit.start_byte);
        self.touched = true;
        Fate::Kept
    }

    /// The text's own layer after an edit: it reaches over all that is written.
    pub(crate) fn edited_whole(mut self, edit: &InputEdit) -> Self {
        let mut parsed = LayerTree::clone(&self.parsed);
        parsed.tree.edit(edit);
        self.parsed = Arc::new(parsed);
        self.end = self.end - (edit.old_end_byte - edit.start_byte)
            + (edit.new_end_byte - edit.start_byte);
        self.touched = true;
        self
    }
}

/// What an edit does to a layer.
#[derive(PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Lost,
}

/// A point counted from another one that is not after it.
pub(crate) fn point_from(origin: Point, point: Point) -> Point {
    match point.row.saturating_sub(origin.row) {
        0 => Point { row: 0, column: point.column.saturating_sub(origin.column) },
        row => Point { row, column: point.column },
    }
}

/// The children of a root that a range touches, with one more on each side.
fn neighbours(root: Node<'_>, range: &Range<usize>) -> Range<usize> {
    let first = root.first_child_for_byte(range.start);
    let first = first.map(|node| node.prev_sibling().unwrap_or(node));
    let last = root.first_child_for_byte(range.end);
    let last = last.map(|node| node.next_sibling().unwrap_or(node));
    let start = first.map_or(range.start, |node| node.start_byte());
    start.min(range.start)..last.map_or(range.end, |node| node.end_byte()).max(range.end)
}

/// An edit that came after a tree was parsed, and the text before it.
#[derive(Clone, Debug)]
pub(crate) struct Missed {
    pub(crate) edit: InputEdit,
    pub(crate) before: Rope,
}

/// The tree of a text with the edits since it was parsed: what a worker looks at. Cheap to make.
#[derive(Clone, Debug)]
pub struct TreeSnapshot {
    pub(crate) tree: Arc<SyntaxTree>,
    pub(crate) missed: Vec<Missed>,
}

impl TreeSnapshot {
    /// The tree, moved along with the edits.
    pub fn tree(&self) -> Arc<SyntaxTree> {
        match self.missed.is_empty() {
            true => Arc::clone(&self.tree),
            false => Arc::new(self.tree.moved(self.missed.iter())),
        }
    }
}

/// A parsed text. It is a value: a worker may compute folds and outline from a clone of it while
/// the original moves on. All byte ranges are those of the text that it was parsed from, shifted
/// by the edits since.
#[derive(Clone, Debug)]
pub struct SyntaxTree {
    pub(crate) layers: Layers,
    pub(crate) left_out: usize,
    pub(crate) has_errors: bool,
    /// Whether pieces of other languages were looked for everywhere.
    pub(crate) is_whole: bool,
}

impl SyntaxTree {
    /// The language of the whole text.
    pub fn language(&self) -> &Language {
        &self.layers.own().parsed.language
    }

    /// Whether something could not be parsed, small pieces of other languages apart. Then the tree
    /// is a guess, and one made in steps may guess otherwise than one made from nothing.
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// How many pieces of other languages were left plain: beyond the
    /// fifty thousandth, or too slow to parse.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The layers that have a part in a range of bytes, outer ones first. An empty range is a
    /// place between two bytes, and layers that end or begin there count.
    pub(crate) fn layers_in(&self, range: Range<usize>) -> impl Iterator<Item = Layer> {
        self.layers.meeting(range)
    }

    /// The language at a byte: that of the innermost piece.
    pub fn language_at(&self, offset: text::ByteOffset) -> Language {
        let byte = offset.0..offset.0 + 1;
        let owns = |layer: &Layer| {
            let mut owns = false;
            layer.each_own_part(byte.clone(), |part| owns |= !part.is_empty());
            owns || layer.depth == 0
        };
        let at = self.layers_in(byte.clone()).filter(owns).last();
        at.map_or_else(
            || self.language().clone(),
            |layer| {
                let language = &layer.parsed.language;
                // Inlines are a parser of their own and the same language to a person.
                let is_own = language.name().ends_with("_inline");
                if is_own { self.language().clone() } else { language.clone() }
            },
        )
    }

    /// A range with what may look different because of it: the node around it and so many of that
    /// one's ancestors, since queries look that far; at the top, its neighbours.
    pub(crate) fn widened(&self, range: &Range<usize>, ancestors: u8) -> Range<usize> {
        let mut wide = range.clone();
        for layer in self.layers_in(range.start.saturating_sub(1)..range.end + 1) {
            let near = range.start.saturating_sub(1)..range.end + 1;
            let own = layer.clip(&near);
            let root = layer.root();
            let Some(node) = root.descendant_for_byte_range(own.start, own.end) else { continue };
            let mut around = node;
            for _ in 0..ancestors {
                around =
                    around.parent().filter(|it| *it != root || around == node).unwrap_or(around);
            }
            let found = if around == root { neighbours(root, &own) } else { around.byte_range() };
            wide.start = wide.start.min(layer.start + found.start);
            wide.end = wide.end.max(layer.start + found.end);
        }
        wide
    }

    /// The tree moved along with edits.
    pub(crate) fn moved<'a>(&self, missed: impl Iterator<Item = &'a Missed>) -> SyntaxTree {
        let mut tree = self.clone();
        missed.for_each(|missed| tree.layers.edit(missed));
        tree
    }
}
