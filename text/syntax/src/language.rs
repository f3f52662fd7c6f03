//! What is known about a language, as data: [`LanguageSpec`]. The built-in ones stand in
//! [`crate::builtin`], the registry that finds them in [`crate::Languages`].

use std::borrow::Cow;

use tree_sitter_language::LanguageFn;

/// How a language marks comments; `None` where it has no such form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comments {
    /// What starts a comment that ends with its line.
    pub line: Option<&'static str>,
    /// What starts and ends a comment of any length.
    pub block: Option<(&'static str, &'static str)>,
}

/// One step of indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndentUnit {
    /// A tab character.
    Tab,
    /// So many spaces.
    Spaces(u8),
}

impl IndentUnit {
    /// The unit as text.
    pub fn text(self) -> Cow<'static, str> {
        match self {
            IndentUnit::Tab => "\t".into(),
            IndentUnit::Spaces(4) => "    ".into(),
            IndentUnit::Spaces(2) => "  ".into(),
            IndentUnit::Spaces(count) => " ".repeat(usize::from(count)).into(),
        }
    }
}

/// What a text of the language consists of, for folds and the path to a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sections {
    /// Nodes of the tree.
    #[default]
    ByNode,
    /// Headings, each of which reaches to the next one that is not lower.
    ByHeading,
}

/// The queries of a language; several files are read as one after the other. Empty where the
/// language has none.
#[derive(Clone, Debug, Default)]
pub struct QuerySources {
    /// Captures are names of [`crate::Highlight`]; the last pattern wins, an inner node before
    /// an outer one.
    pub highlights: Vec<Cow<'static, str>>,
    /// `@open`, `@close`, `@after`, `@statement`, `@leave`: see [`crate::indent`].
    pub indents: Vec<Cow<'static, str>>,
    /// `@fold`, `@fold.comment`, `@fold.imports`, `@fold.section`.
    pub folds: Vec<Cow<'static, str>>,
    /// `@item.KIND` with `@name` and `@context` inside.
    pub outline: Vec<Cow<'static, str>>,
    /// `@open` and `@close` tokens that are children of one node.
    pub brackets: Vec<Cow<'static, str>>,
    /// `@function.outer`, `@function.inner`, and so for `class`, `comment` and `parameter`.
    pub objects: Vec<Cow<'static, str>>,
    /// `@content`, with `@language` or `#set! language`.
    pub injections: Vec<Cow<'static, str>>,
}

/// Everything about one language, as data.
#[derive(Clone)]
pub struct LanguageSpec {
    /// Its name in settings and messages: lower case, unique.
    pub name: &'static str,
    /// Its name as people write it.
    pub title: &'static str,
    /// Other names, as code fences and modelines use them.
    pub aliases: &'static [&'static str],
    /// File name extensions, without the dot, lower case.
    pub extensions: &'static [&'static str],
    /// Whole file names.
    pub file_names: &'static [&'static str],
    /// Programs in a `#!` line, without version numbers.
    pub interpreters: &'static [&'static str],
    /// Comment tokens.
    pub comments: Comments,
    /// Pairs that match each other and indent what stands between them.
    pub brackets: &'static [(char, char)],
    /// Pairs of which the second is typed along with the first.
    pub auto_close: &'static [(&'static str, &'static str)],
    /// The unit that is usual, for files that have no indentation yet.
    pub indent: IndentUnit,
    /// Endings of a line after which the next one is indented once more, brackets apart.
    pub indent_after: &'static [&'static str],
    /// Words that end or divide a block: a line that begins with one goes back by one unit.
    pub outdent_words: &'static [&'static str],
    /// What begins an item of a list and stands in its first line's indentation.
    pub item_mark: Option<&'static str>,
    /// What begins a line that stands at the margin and says nothing of the lines around it.
    pub margin_mark: Option<&'static str>,
    /// What its texts consist of.
    pub sections: Sections,
    /// The grammar; `None` for text that has none, and for injected-only entries it is the
    /// parser of what is injected.
    pub grammar: Option<LanguageFn>,
    /// The queries that run on its trees.
    pub queries: QuerySources,
}
