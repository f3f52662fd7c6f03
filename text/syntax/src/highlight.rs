//! What a stretch of text is, as a theme colours it.

use text::ByteOffset;

/// The names that highlight queries may use, sorted. A theme that lacks `string.escape` looks for
/// `string` ([`Highlight::parent`]).
const NAMES: &[&str] = &[
    "attribute",
    "comment",
    "comment.doc",
    "constant",
    "constant.builtin",
    "constructor",
    "embedded",
    "function",
    "function.macro",
    "function.method",
    "keyword",
    "label",
    "markup",
    "markup.bold",
    "markup.heading",
    "markup.italic",
    "markup.link",
    "markup.link.url",
    "markup.list",
    "markup.quote",
    "markup.raw",
    "markup.strikethrough",
    "module",
    "number",
    "operator",
    "property",
    "property.key",
    "punctuation",
    "punctuation.bracket",
    "punctuation.delimiter",
    "punctuation.special",
    "string",
    "string.escape",
    "string.regex",
    "tag",
    "type",
    "type.builtin",
    "variable",
    "variable.builtin",
    "variable.parameter",
];

/// One of the names that themes know, as an index into [`Highlight::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Highlight(pub u16);

impl Highlight {
    /// Every name, in the order of the indices.
    pub fn names() -> &'static [&'static str] {
        NAMES
    }

    /// The highlight of a name, or of the longest prefix of it that is known: what
    /// `function.special` lacks, `function` has.
    pub fn named(name: &str) -> Option<Highlight> {
        let mut name = name;
        loop {
            if let Ok(index) = NAMES.binary_search(&name) {
                return Some(Highlight(index as u16));
            }
            name = &name[..name.rfind('.')?];
        }
    }

    /// Its name; that of an index which does not exist is empty.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// The more general highlight: that of `string.escape` is `string`.
    pub fn parent(self) -> Option<Highlight> {
        let name = self.name();
        Highlight::named(&name[..name.rfind('.')?])
    }

    /// Whether it is this name or a more special one.
    pub fn is(self, name: &str) -> bool {
        let own = self.name();
        own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// A stretch of text with one highlight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: ByteOffset,
    /// The first byte after it.
    pub end: ByteOffset,
    /// How it is coloured.
    pub highlight: Highlight,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_itself_and_a_special_one_its_parent() {
        assert!(NAMES.windows(2).all(|pair| pair[0] < pair[1]), "binary search needs order");
        for name in NAMES {
            assert_eq!(Highlight::named(name).map(Highlight::name), Some(*name));
        }
        assert_eq!(Highlight::named("string.special.key").map(Highlight::name), Some("string"));
        assert_eq!(Highlight::named("nothing"), None);
        let escape = Highlight::named("string.escape").unwrap();
        assert_eq!(escape.parent().map(Highlight::name), Some("string"));
        assert!(escape.is("string") && !escape.is("str"));
    }
}
