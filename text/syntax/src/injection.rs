//! Which parts of a layer are in another language.
//!
//! A pattern of an injections query captures `@content`, and says the language with `@language`
//! or `#set! language`. What a node's named children take is not its own, as the `> ` before
//! quoted lines, unless it says `#set! whole`. Further:
//!
//! - `#set! combined`: all content in one node is one piece;
//! - `#set! lines`: contents that follow each other line by line, with nothing but marks between
//!   them, are one piece;
//! - `#set! expression`: the parser reads a `;` after it, so that it is a statement;
//! - `#set! below`: the piece begins on the line after the node's first, and the indentation that
//!   its lines share is not part of it.

use std::ops::Range;

use text::Rope;
use tree_sitter::{Node, Point, QueryMatch, Range as TsRange};

use crate::languages::Language;
use crate::matches::{Haste, each_match};
use crate::rope_text::LayerText;
use crate::tree::Layer;

/// A name longer than this is no name of a language.
const MAX_NAME: usize = 64;
/// Bytes that are searched at a time.
const WINDOW: usize = 64 << 10;
/// Bytes between two lines of one comment, its indentation and its mark.
pub(crate) const MAX_GAP: usize = 200;
/// Bytes of a piece whose lines are looked at for shared indentation.
const MAX_INDENTED: usize = 256 << 10;

/// A piece of another language.
pub(crate) struct Injection {
    pub(crate) language: Language,
    /// Bytes of the whole text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// From `start`; empty for all of it.
    pub(crate) ranges: Vec<TsRange>,
    /// What the parser is to read after it.
    pub(crate) suffix: &'static str,
}

/// The pieces of a layer that have a part in some bytes of the whole text, in the order of the
/// query's matches; no two of them begin at one place.
///
/// `goes_on` is asked now and then; once it says no, what was found is the answer.
pub(crate) fn find(
    layer: &Layer,
    rope: &Rope,
    within: &[Range<usize>],
    goes_on: &dyn Fn() -> bool,
) -> Vec<Injection> {
    let mut found: Vec<Content> = Vec::new();
    let Some(query) = &layer.grammar().injections else {
        return Vec::new();
    };
    let content = query.capture_index_for_name("content");
    let named = query.capture_index_for_name("language");
    let text = layer.text(rope);
    let mut each = |found_match: &QueryMatch<'_, '_>| {
        let node = |index: Option<u32>| {
            let captures = found_match.captures().iter();
            captures.filter(move |capture| Some(capture.index) == index).map(|capture| capture.node)
        };
        let setting = |key: &str| {
            let mut settings = query.property_settings(found_match.pattern_index).iter();
            settings.find(|setting| &*setting.key == key)
        };
        let name = match node(named).next() {
            Some(node) => text.string(node.byte_range(), MAX_NAME),
            None => setting("language").and_then(|it| it.value.as_deref()).unwrap_or("").to_owned(),
        };
        let registry = layer.parsed.language.registry();
        let Some(language) = registry.of_fence(&name).filter(Language::has_grammar) else { return };
        let extent = match (setting("whole"), setting("below")) {
            (Some(_), _) => Extent::Whole,
            (None, Some(_)) => Extent::Below,
            (None, None) => Extent::Own,
        };
        let suffix = setting("expression").map_or("", |_| ";");
        let is_combined = setting("combined").is_some();
        let has_lines = setting("lines").is_some();
        found.extend(node(content).map(|node| Content {
            language: language.clone(),
            parts: parts(node, &text, extent),
            joins: match node.parent().filter(|_| is_combined) {
                Some(parent) => Joins::In(parent.id()),
                None if has_lines => Joins::Lines(found_match.pattern_index),
                None => Joins::Nothing,
            },
            suffix,
        }));
    };
    let windows = within.iter().flat_map(|range| {
        let starts = range.clone().step_by(WINDOW);
        starts.map(|start| start..range.end.min(start + WINDOW))
    });
    for range in windows.take_while(|_| goes_on()) {
        // What a cut query leaves out stays in the colours of the layer around it.
        let _cut =
            each_match(query, layer.root(), &text, layer.clip(&range), Haste::Screen, &mut each);
    }
    found.retain_mut(|content| {
        content.parts.retain(|part| !part.is_empty());
        !content.parts.is_empty()
    });
    found.sort_by_key(|content| (content.start(), std::cmp::Reverse(content.end())));
    found.dedup_by(|later, first| first.takes_in(later, &text));
    let mut end = 0;
    found.retain(|content| {
        let is_free = content.start() >= end;
        end = end.max(content.end());
        is_free
    });
    found.into_iter().filter_map(|content| piece(layer, rope, content)).collect()
}

/// What a match found.
struct Content {
    language: Language,
    /// In bytes of the layer; not empty, none of them is.
    parts: Vec<Range<usize>>,
    joins: Joins,
    suffix: &'static str,
}

/// With what else content is one piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joins {
    Nothing,
    /// With the next line that this pattern finds.
    Lines(usize),
    /// With all that is found in this node.
    In(usize),
}

impl Content {
    fn start(&self) -> usize {
        self.parts[0].start
    }

    fn end(&self) -> usize {
        self.parts[self.parts.len() - 1].end
    }

    /// Takes what follows in, if it belongs to this.
    fn takes_in(&mut self, next: &mut Content, text: &LayerText<'_>) -> bool {
        if self.joins != next.joins || next.start() < self.end() {
            return false;
        }
        let follows = match self.joins {
            Joins::Nothing => false,
            Joins::In(_) => true,
            Joins::Lines(_) => {
                let is_mark = |c: char| !c.is_alphanumeric() && c != '\n';
                let gap = text.string(self.end()..next.start(), MAX_GAP);
                next.start() - self.end() < MAX_GAP && gap.chars().all(is_mark)
            }
        };
        if follows {
            self.parts.append(&mut next.parts);
        }
        follows
    }
}

/// What of a node is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Own,
    Whole,
    Below,
}

/// The parts of a node that are taken, in bytes of its layer.
fn parts(node: Node<'_>, text: &LayerText<'_>, extent: Extent) -> Vec<Range<usize>> {
    let whole = node.byte_range();
    match extent {
        Extent::Whole => vec![whole],
        Extent::Below => lines_below(whole, text),
        Extent::Own => {
            let mut parts = Vec::new();
            let mut at = whole.start;
            let mut cursor = node.walk();
            for child in node.named_children(&mut cursor) {
                parts.push(at..child.start_byte());
                at = child.end_byte();
            }
            parts.push(at..whole.end);
            parts
        }
    }
}

/// The lines after the first, without the indentation that they share.
fn lines_below(whole: Range<usize>, text: &LayerText<'_>) -> Vec<Range<usize>> {
    let string = text.string(whole.clone(), MAX_INDENTED);
    let Some(first) = string.find('\n') else { return Vec::new() };
    let blanks = |line: &str| line.bytes().take_while(|byte| *byte == b' ').count();
    let lines = || string[first + 1..].split_inclusive('\n');
    let shared = lines().filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or(0);
    let mut at = whole.start + first + 1;
    let mut parts = Vec::new();
    for line in lines() {
        let end = at + line.len();
        parts.push(at + shared.min(blanks(line))..end);
        at = end;
    }
    parts.push(at..whole.end);
    parts
}

/// A piece of some parts of a layer, as far as they are that layer's own.
fn piece(layer: &Layer, rope: &Rope, content: Content) -> Option<Injection> {
    let Content { language, parts, suffix, .. } = content;
    let mut own: Vec<Range<usize>> = Vec::with_capacity(parts.len());
    for part in parts {
        layer.each_own_part(layer.start + part.start..layer.start + part.end, |part| {
            match own.last_mut() {
                _ if part.is_empty() => {}
                Some(last) if last.end == part.start => last.end = part.end,
                _ => own.push(part),
            }
        });
    }
    let (start, end) = (own.first()?.start, own.last()?.end);
    if own.len() == 1 {
        return Some(Injection { language, start, end, ranges: Vec::new(), suffix });
    }
    let first_row = rope.byte_to_line(start);
    let first_column = start - rope.line_to_byte(first_row);
    let point = |byte: usize| {
        let row = rope.byte_to_line(byte);
        let column = byte - rope.line_to_byte(row);
        let less = if row == first_row { first_column } else { 0 };
        Point { row: row - first_row, column: column - less }
    };
    let ranges = own.into_iter().map(|part| TsRange {
        start_byte: part.start - start,
        end_byte: part.end - start,
        start_point: point(part.start),
        end_point: point(part.end),
    });
    Some(Injection { language, start, end, ranges: ranges.collect(), suffix })
}
