//! Search and replace in a rope, without copying it.
//!
//! A [`Query`] is what a person typed; compiled it is a [`Searcher`], which can be kept and sent
//! to a worker. Matches are found by a regex engine that walks the rope's chunks ([`chunks`]),
//! for literals too, and every search can be cancelled or timed out, between matches and within
//! the engine: see [`Limits`].
//!
//! Lines end at LF, CRLF or CR in patterns as they do in the text: `^`, `$` and `.` know all
//! three, and a `\n` or a line break in the pattern matches a CRLF too.

pub mod chunks;
pub mod find;
pub mod replace;
pub mod template;

use std::fmt;

use regex_cursor::engines::meta;
use regex_cursor::regex_automata::util::syntax;

pub use chunks::{Limits, Stopped};
pub use find::{Count, Match, Matches, Wrap};
pub use replace::Replaced;
pub use template::Template;

/// Longest pattern, in bytes.
pub const PATTERN_MAX: usize = 1 << 16;

/// Most memory that a compiled pattern may take, in bytes, and the same again for its cache.
const COMPILED_MAX: usize = 16 << 20;

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As it stands.
    #[default]
    Literal,
    /// As a regular expression in the syntax of Rust's `regex`.
    Regex,
}

/// Whether letters match those of the other case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Case {
    /// Only as written.
    Sensitive,
    /// Always.
    Insensitive,
    /// Only if the pattern holds no capital.
    #[default]
    Smart,
}

/// Whether a match may be a part of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Words {
    /// It may.
    #[default]
    Any,
    /// No word character stands before or after it.
    Whole,
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// The text or expression.
    pub pattern: String,
    /// How it is read.
    pub kind: Kind,
    /// Whether case counts.
    pub case: Case,
    /// Whether whole words are meant.
    pub words: Words,
}

/// Why a pattern cannot be searched for: one sentence, and where it goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The sentence, without the position.
    pub message: String,
    /// The byte of the pattern where it goes wrong, if it is one place.
    pub at: Option<usize>,
    /// The same, in characters.
    column: usize,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(_) => write!(f, "{} at character {}", self.message, self.column + 1),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for QueryError {}

/// A compiled query.
#[derive(Clone, Debug)]
pub struct Searcher {
    regex: meta::Regex,
    words: WordCheck,
}

/// What is left to check of a match that the engine found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WordCheck {
    None,
    Edges,
}

impl Query {
    /// A query for a text as it stands, in any case unless it has capitals.
    pub fn literal(pattern: impl Into<String>) -> Self {
        Query { pattern: pattern.into(), ..Query::default() }
    }

    /// A query for a regular expression.
    pub fn regex(pattern: impl Into<String>) -> Self {
        Query { pattern: pattern.into(), kind: Kind::Regex, ..Query::default() }
    }

    /// Makes it ready to search; an empty pattern is an error.
    pub fn compile(&self) -> Result<Searcher, QueryError> {
        let whole = |message: &str| QueryError { message: message.into(), at: None, column: 0 };
        if self.pattern.is_empty() {
            return Err(whole("there is nothing to search for"));
        }
        if self.pattern.len() > PATTERN_MAX {
            return Err(whole("the pattern is longer than 64 KB"));
        }
        let config = syntax::Config::new()
            .case_insensitive(self.ignores_case())
            .multi_line(true)
            .crlf(true)
            .nest_limit(200);
        let (pattern, words) = match (self.kind, self.words) {
            (Kind::Literal, Words::Any) => (literal(&self.pattern), WordCheck::None),
            // A literal has one way to match, so that its edges can be checked afterwards,
            // which spares the engine the slow path of Unicode word boundaries.
            (Kind::Literal, Words::Whole) => (literal(&self.pattern), WordCheck::Edges),
            (Kind::Regex, words) => {
                syntax::parse_with(&self.pattern, &config).map_err(|e| self.error(&e))?;
                let pattern = any_line_break(&self.pattern);
                match words {
                    Words::Any => (pattern, WordCheck::None),
                    Words::Whole => (whole_words(&pattern), WordCheck::None),
                }
            }
        };
        let limits = meta::Regex::config()
            .nfa_size_limit(Some(COMPILED_MAX))
            .hybrid_cache_capacity(COMPILED_MAX);
        let regex =
            meta::Regex::builder().configure(limits).syntax(config).build(&pattern).map_err(
                |error| match error.syntax_error() {
                    Some(error) => self.error(error),
                    None => whole("the pattern is too large: it would need more than 16 MB"),
                },
            )?;
        Ok(Searcher { regex, words })
    }

    fn ignores_case(&self) -> bool {
        match self.case {
            Case::Sensitive => false,
            Case::Insensitive => true,
            Case::Smart => !has_capital(&self.pattern, self.kind),
        }
    }

    fn error(&self, error: &regex_syntax::Error) -> QueryError {
        let (message, at) = match error {
            regex_syntax::Error::Parse(error) => {
                (error.kind().to_string(), Some(error.span().start.offset))
            }
            regex_syntax::Error::Translate(error) => {
                (error.kind().to_string(), Some(error.span().start.offset))
            }
            _ => ("the pattern is not a regular expression".to_owned(), None),
        };
        let at = at.map(|at| self.pattern.floor_char_boundary(at));
        let column = at.map_or(0, |at| self.pattern[..at].chars().count());
        QueryError { message, at, column }
    }
}

/// Whether a pattern holds a capital that stands for itself.
fn has_capital(pattern: &str, kind: Kind) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if kind == Kind::Regex && c == '\\' {
            // `\W` or `\pL` is no capital letter.
            if let Some('p' | 'P') = chars.next() {
                let rest = chars.as_str();
                let class =
                    if rest.starts_with('{') { rest.find('}').map_or(0, |at| at + 1) } else { 1 };
                chars = rest.get(class..).unwrap_or("").chars();
            }
        } else if c.is_uppercase() {
            return true;
        }
    }
    false
}

/// An expression whose matches have no word character before or after them.
fn whole_words(pattern: &str) -> String {
    // The line break ends a comment of a pattern in verbose mode, where it is no part of it.
    let end = if pattern.contains("(?x") { "\n" } else { "" };
    format!("\\b{{start-half}}(?:{pattern}{end})\\b{{end-half}}")
}

/// A pattern that matches a text as it stands; each of its line breaks matches any.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        pattern.push_str(&regex_syntax::escape(&rest[..at]));
        pattern.push_str(r"(?:\r\n|\n|\r)");
        rest = rest[at..].strip_prefix("\r\n").unwrap_or(&rest[at + 1..]);
    }
    pattern.push_str(&regex_syntax::escape(rest));
    pattern
}

/// `\n` outside of classes, made to match a CRLF too; `\r\n` stays as it is.
fn any_line_break(pattern: &str) -> String {
    let mut changed = String::with_capacity(pattern.len() + 8);
    let mut depth = 0_usize;
    let mut after_return = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let mut is_return = false;
        match c {
            '\\' => match chars.next() {
                Some('n') if depth == 0 && !after_return => changed.push_str(r"(?:\r?\n)"),
                Some(escaped) => {
                    is_return = escaped == 'r';
                    changed.extend(['\\', escaped]);
                }
                None => changed.push('\\'),
            },
            '[' | ']' => {
                depth = if c == '[' { depth + 1 } else { depth.saturating_sub(1) };
                changed.push(c);
            }
            '?' | '*' | '+' => {
                is_return = after_return;
                changed.push(c);
            }
            _ => changed.push(c),
        }
        after_return = is_return;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pattern_is_one_sentence_with_its_place() {
        let error = |pattern: &str| Query::regex(pattern).compile().unwrap_err();
        assert_eq!(error("عم(").to_string(), "unclosed group at character 3");
        assert_eq!(error("عم(").at, Some(4));
        assert_eq!(error("a{2,1}").at, Some(1));
        assert!(error(r"\p{Nope}").to_string().contains("Unicode"));
        assert!(error("((a{1000}){1000}){1000}").to_string().contains("16 MB"));
        assert!(Query::literal("").compile().is_err());
        assert!(!error("[").to_string().contains('\n'));
    }

    #[test]
    fn only_a_real_capital_makes_a_search_mind_case() {
        assert!(Query::literal("foo").ignores_case());
        assert!(!Query::literal("fOo").ignores_case());
        assert!(Query::regex(r"\W\pL\p{Greek}x").ignores_case());
        assert!(!Query::regex(r"\wX").ignores_case());
        assert!(!Query::literal(r"\W").ignores_case());
    }

    #[test]
    fn line_breaks_in_patterns_match_any() {
        assert_eq!(any_line_break(r"a\nb"), r"a(?:\r?\n)b");
        assert_eq!(any_line_break(r"a\r\nb\r?\n"), r"a\r\nb\r?\n");
        assert_eq!(any_line_break(r"[\n]\\n"), r"[\n]\\n");
        assert_eq!(literal("a.\r\nb\n"), r"a\.(?:\r\n|\n|\r)b(?:\r\n|\n|\r)");
    }
}
