//! The symbols of a text, as an outline and as the path to a place.

use std::ops::Range;

use text::{ByteOffset, CharOffset, CharRange, Positions, Rope};
use tree_sitter::{Query, QueryMatch};

use crate::language::Sections;
use crate::matches::{Haste, each_match};
use crate::rope_text::LayerText;
use crate::tree::SyntaxTree;

/// Bytes of a name that are kept.
const MAX_NAME: usize = 200;

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word that languages use for it")]
pub enum SymbolKind {
    Module,
    Class,
    Struct,
    Enum,
    Variant,
    Interface,
    Implementation,
    Type,
    Function,
    Method,
    Field,
    Constant,
    Variable,
    Macro,
    Heading,
    Table,
    Key,
}

impl SymbolKind {
    /// Its name, as in the captures of outline queries (`@item.function`).
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

const KINDS: &[(&str, SymbolKind)] = &[
    ("module", SymbolKind::Module),
    ("class", SymbolKind::Class),
    ("struct", SymbolKind::Struct),
    ("enum", SymbolKind::Enum),
    ("variant", SymbolKind::Variant),
    ("interface", SymbolKind::Interface),
    ("implementation", SymbolKind::Implementation),
    ("type", SymbolKind::Type),
    ("function", SymbolKind::Function),
    ("method", SymbolKind::Method),
    ("field", SymbolKind::Field),
    ("constant", SymbolKind::Constant),
    ("variable", SymbolKind::Variable),
    ("macro", SymbolKind::Macro),
    ("heading", SymbolKind::Heading),
    ("table", SymbolKind::Table),
    ("key", SymbolKind::Key),
];

/// A thing with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its bare name: `apply`.
    pub name: String,
    /// Its name as the language writes it: `fn apply`, `impl Display for Edit`.
    pub label: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub range: CharRange,
    /// Its name, where the cursor goes.
    pub name_range: CharRange,
    /// How many symbols it stands in.
    pub depth: u16,
}

/// The symbols of an outline that an offset stands in, outermost first.
pub fn symbols_at(outline: &[Symbol], offset: CharOffset) -> impl Iterator<Item = &Symbol> {
    outline.iter().filter(move |symbol| symbol.range.contains(offset))
}

/// A symbol in bytes, before its nesting is known.
struct Item {
    range: Range<usize>,
    name_range: Range<usize>,
    name: String,
    label: String,
    kind: SymbolKind,
    /// The level of a heading, which reaches to the next one that is not lower.
    level: Option<u8>,
}

impl SyntaxTree {
    /// All symbols, in order. Walks the whole tree (tens of milliseconds for a megabyte): for a
    /// worker.
    pub fn outline(&self, rope: &Rope) -> Vec<Symbol> {
        self.symbols(rope, 0..rope.len_bytes(), Haste::Whole)
    }

    /// The symbols that an offset stands in, outermost first. Code is looked at around the offset
    /// only; prose as a whole: for a worker.
    pub fn breadcrumbs(&self, rope: &Rope, offset: CharOffset) -> Vec<Symbol> {
        let at = rope.byte_of(offset).0;
        let prose = self.language().spec().sections == Sections::ByHeading;
        let near = if prose { 0..rope.len_bytes() } else { at..at + 1 };
        let mut symbols = self.symbols(rope, near, Haste::Screen);
        symbols.retain(|symbol| {
            symbol.range.contains(offset) || (symbol.range.end == offset && offset == rope.end())
        });
        symbols
    }

    /// The symbols of the text's own language that have a part in a range.
    fn symbols(&self, rope: &Rope, range: Range<usize>, haste: Haste) -> Vec<Symbol> {
        let layer = self.layers.own();
        let Some(query) = &layer.grammar().outline else {
            return Vec::new();
        };
        let text = layer.text(rope);
        let mut items: Vec<Item> = Vec::new();
        // An outline that is cut ends early.
        let _cut = each_match(query, layer.root(), &text, range, haste, |found| {
            items.extend(item(query, found, &text));
        });
        items.sort_by_key(|item| (item.range.start, std::cmp::Reverse(item.range.end)));
        items.dedup_by(|later, first| {
            later.range == first.range && later.name_range == first.name_range
        });
        reach(&mut items, rope.len_bytes());
        nest(items, rope)
    }
}

fn item(query: &Query, found: &QueryMatch<'_, '_>, text: &LayerText<'_>) -> Option<Item> {
    let names = query.capture_names();
    let (mut whole, mut name, mut words) = (None, None, Vec::new());
    for capture in found.captures() {
        let bytes = capture.node.byte_range();
        match names[capture.index as usize] {
            "name" => {
                name = name.or(Some(bytes.clone()));
                words.push(bytes);
            }
            "context" => words.push(bytes),
            other => {
                let kind = other.strip_prefix("item.")?;
                let (_, kind) = KINDS.iter().find(|(name, _)| *name == kind)?;
                whole = Some((bytes, *kind));
            }
        }
    }
    let (range, kind) = whole?;
    let name_range = name?;
    words.sort_by_key(|word| word.start);
    let one_line = |range: Range<usize>| {
        let text = text.string(range, MAX_NAME);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let label = words.into_iter().map(one_line).collect::<Vec<_>>().join(" ");
    let settings = query.property_settings(found.pattern_index).iter();
    let level = settings.filter(|it| &*it.key == "level").find_map(|it| it.value.as_ref());
    let level = level.and_then(|level| level.parse().ok());
    Some(Item { range, name: one_line(name_range.clone()), name_range, label, kind, level })
}

/// Lets every heading reach to the next one that is not lower, or to the end.
fn reach(items: &mut [Item], end: usize) {
    let mut open: Vec<usize> = Vec::new();
    for at in 0..items.len() {
        let Some(level) = items[at].level else { continue };
        while let Some(last) = open.pop_if(|last| items[*last].level >= Some(level)) {
            items[last].range.end = items[at].range.start;
        }
        open.push(at);
    }
    for last in open {
        items[last].range.end = end;
    }
}

fn nest(items: Vec<Item>, rope: &Rope) -> Vec<Symbol> {
    let chars = |range: &Range<usize>| CharRange {
        start: rope.char_of_byte(ByteOffset(range.start)),
        end: rope.char_of_byte(ByteOffset(range.end)),
    };
    let mut ends: Vec<usize> = Vec::new();
    items
        .into_iter()
        .map(|item| {
            while ends.last().is_some_and(|end| *end <= item.range.start) {
                ends.pop();
            }
            let depth = ends.len() as u16;
            ends.push(item.range.end);
            Symbol {
                range: chars(&item.range),
                name_range: chars(&item.name_range),
                name: item.name,
                label: item.label,
                kind: item.kind,
                depth,
            }
        })
        .collect()
}
