//! Text objects: the function, class, comment or parameter around a place.

use text::{CharRange, Positions, Rope};

use crate::matches::{Haste, each_match};
use crate::node::char_range;
use crate::tree::SyntaxTree;

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A function or method.
    Function,
    /// A class, struct, implementation, section.
    Class,
    /// A comment.
    Comment,
    /// A parameter or an argument.
    Parameter,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// What is inside: a body without its braces, a parameter without its comma.
    Inner,
    /// All of it.
    Outer,
}

impl SyntaxTree {
    /// The smallest object that holds a range and is larger than it.
    pub fn object(
        &self,
        rope: &Rope,
        range: CharRange,
        kind: ObjectKind,
        extent: Extent,
    ) -> Option<CharRange> {
        let mut best: Option<CharRange> = None;
        self.each_object(rope, range, kind, extent, |found| {
            let holds = found.start <= range.start && range.end <= found.end && found != range;
            if holds && best.is_none_or(|best| found.len() < best.len()) {
                best = Some(found);
            }
        });
        best
    }

    /// All objects of a kind that have a part in a range, in order.
    pub fn objects(
        &self,
        rope: &Rope,
        range: CharRange,
        kind: ObjectKind,
        extent: Extent,
    ) -> Vec<CharRange> {
        let mut found = Vec::new();
        self.each_object(rope, range, kind, extent, |object| found.push(object));
        found.sort_by_key(|object| (object.start, object.end));
        found.dedup();
        found
    }

    fn each_object(
        &self,
        rope: &Rope,
        range: CharRange,
        kind: ObjectKind,
        extent: Extent,
        mut each: impl FnMut(CharRange),
    ) {
        let start = rope.byte_of(range.start).0.saturating_sub(1);
        let bytes = start..(rope.byte_of(range.end).0 + 1).min(rope.len_bytes());
        let name = capture_name(kind, extent);
        for layer in self.layers_in(bytes.clone()) {
            let Some(query) = &layer.grammar().objects else { continue };
            let Some(wanted) = query.capture_index_for_name(name) else { continue };
            let own = layer.clip(&bytes);
            // What a cut query leaves out is not selected.
            let _cut =
                each_match(query, layer.root(), &layer.text(rope), own, Haste::Key, |found| {
                    // An inner object may be many nodes: the lines of a body, say.
                    let nodes = found.captures().iter().filter(|capture| capture.index == wanted);
                    let whole = nodes.map(|capture| capture.node.byte_range());
                    let whole = whole.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
                    if let Some(whole) = whole {
                        let mut object =
                            char_range(rope, layer.start + whole.start..layer.start + whole.end);
                        if extent == Extent::Inner && kind != ObjectKind::Parameter {
                            object = without_braces(rope, object);
                        }
                        each(object);
                    }
                });
        }
    }
}

fn capture_name(kind: ObjectKind, extent: Extent) -> &'static str {
    match (kind, extent) {
        (ObjectKind::Function, Extent::Inner) => "function.inner",
        (ObjectKind::Function, Extent::Outer) => "function.outer",
        (ObjectKind::Class, Extent::Inner) => "class.inner",
        (ObjectKind::Class, Extent::Outer) => "class.outer",
        (ObjectKind::Comment, Extent::Inner) => "comment.inner",
        (ObjectKind::Comment, Extent::Outer) => "comment.outer",
        (ObjectKind::Parameter, Extent::Inner) => "parameter.inner",
        (ObjectKind::Parameter, Extent::Outer) => "parameter.outer",
    }
}

/// A body without its braces and the blank space beside them.
fn without_braces(rope: &Rope, range: CharRange) -> CharRange {
    let text = rope.slice_of(range);
    let length = text.len_chars();
    if length < 2 || text.char(0) != '{' || text.char(length - 1) != '}' {
        return range;
    }
    let inside = text.slice(1..length - 1);
    let before = inside.chars().take_while(|c| c.is_whitespace()).count();
    if before == inside.len_chars() {
        return CharRange { start: range.start + 1, end: range.end - 1 };
    }
    let last = inside.len_chars();
    let after = (0..last).rev().take_while(|at| inside.char(*at).is_whitespace()).count();
    CharRange { start: range.start + 1 + before, end: range.end - 1 - after }
}
