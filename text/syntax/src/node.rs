//! Growing and shrinking a selection along the tree.

use std::ops::Range;

use text::{ByteOffset, CharOffset, CharRange, Positions, Rope};
use tree_sitter::Node;

use crate::tree::{Layer, SyntaxTree};

impl SyntaxTree {
    /// The smallest node that holds a range and is larger than it; `None` when all is selected.
    pub fn expand(&self, rope: &Rope, range: CharRange) -> Option<CharRange> {
        let bytes = rope.byte_of(range.start).0..rope.byte_of(range.end).0;
        let layers: Vec<Layer> = self.layers_in(bytes.clone()).collect();
        let inner = layers.into_iter().rev().find_map(|layer| {
            let holds = layer.start <= bytes.start && bytes.end <= layer.end;
            larger(&layer, &bytes).filter(|_| holds)
        });
        inner.map(|found| char_range(rope, found)).filter(|found| *found != range)
    }

    /// The largest node within a range, smaller than it, that holds a place: the way back from
    /// [`SyntaxTree::expand`].
    pub fn shrink(&self, rope: &Rope, range: CharRange, at: CharOffset) -> Option<CharRange> {
        let mut found = CharRange::at(at);
        // Growing from the place passes every node on the way; the last before the range is it.
        while let Some(next) = self.expand(rope, found) {
            let inside = range.start <= next.start && next.end <= range.end && next != range;
            if !inside || next.len() <= found.len() {
                break;
            }
            found = next;
        }
        (found != range && !found.is_empty()).then_some(found)
    }
}

fn larger(layer: &Layer, bytes: &Range<usize>) -> Option<Range<usize>> {
    let own = layer.clip(bytes);
    let mut node = layer.root().descendant_for_byte_range(own.start, own.end)?;
    loop {
        let range = node.byte_range();
        if range.start <= own.start && own.end <= range.end && range != own && node.is_named() {
            return Some(layer.start + range.start..layer.end.min(layer.start + range.end));
        }
        node = node.parent()?;
    }
}

/// A node's children, tokens included, up to a limit: a literal may have a million.
pub(crate) fn children<'tree>(node: Node<'tree>, limit: usize) -> Vec<Node<'tree>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).take(limit).collect()
}

pub(crate) fn char_range(rope: &Rope, bytes: Range<usize>) -> CharRange {
    CharRange {
        start: rope.char_of_byte(ByteOffset(bytes.start)),
        end: rope.char_of_byte(ByteOffset(bytes.end)),
    }
}
