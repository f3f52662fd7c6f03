//! Which parts of a layer are in another language.

use text::Rope;
use tree_sitter::{Node, Query, QueryMatch, Range as TsRange};

use crate::languages::Language;
use crate::matches::{Haste, each_match};
use crate::parse::ranges_of;
use crate::tree::{Layer, point_from};

/// A name longer than this is no name of a language.
const MAX_NAME: usize = 64;

/// A piece of another language.
pub(crate) struct Injection {
    pub(crate) language: Language,
    /// Bytes of the whole text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// From `start`; empty for all of it.
    pub(crate) ranges: Vec<TsRange>,
}

/// The pieces in a layer, in the order of the query's matches.
pub(crate) fn find(layer: &Layer, rope: &Rope) -> Vec<Injection> {
    let mut found = Vec::new();
    let Some(query) = &layer.grammar().injections else {
        return found;
    };
    let content = query.capture_index_for_name("content");
    let named = query.capture_index_for_name("language");
    let text = layer.text(rope);
    let all = 0..layer.range().len();
    each_match(query, layer.root(), &text, all, Haste::Whole, |found_match| {
        let node = |index: Option<u32>| {
            let captures = found_match.captures().iter();
            captures.filter(move |capture| Some(capture.index) == index).map(|capture| capture.node)
        };
        let name = match node(named).next() {
            Some(node) => text.string(node.byte_range(), MAX_NAME),
            None => set_language(query, found_match).unwrap_or_default().to_owned(),
        };
        let registry = layer.parsed.language.registry();
        if let Some(language) = registry.of_fence(&name).filter(Language::has_grammar) {
            found.extend(node(content).filter_map(|node| piece(layer, node, language.clone())));
        }
    });
    found
}

/// What a pattern's `#set! language` says.
fn set_language<'q>(query: &'q Query, found: &QueryMatch<'_, '_>) -> Option<&'q str> {
    let settings = query.property_settings(found.pattern_index).iter();
    let mut settings = settings.filter(|setting| &*setting.key == "language");
    settings.next()?.value.as_deref()
}

/// A node's own text: what its named children do not take, as the `> ` before quoted lines.
fn piece(layer: &Layer, node: Node<'_>, language: Language) -> Option<Injection> {
    let origin = node.start_position();
    let whole = node.byte_range();
    let mut parts = Vec::new();
    let mut at = (whole.start, origin);
    let mut add = |from: (usize, tree_sitter::Point), to: (usize, tree_sitter::Point)| {
        if from.0 < to.0 {
            parts.push(TsRange {
                start_byte: from.0 - whole.start,
                end_byte: to.0 - whole.start,
                start_point: point_from(origin, from.1),
                end_point: point_from(origin, to.1),
            });
        }
    };
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor) {
        add(at, (child.start_byte(), child.start_position()));
        at = (child.end_byte(), child.end_position());
    }
    add(at, (whole.end, node.end_position()));
    if parts.is_empty() {
        return None;
    }
    let start = layer.start + whole.start;
    Some(Injection { language, start, end: start + whole.len(), ranges: ranges_of(parts, &whole) })
}
