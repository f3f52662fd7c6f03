//! A language made ready: its parser tables and compiled queries.
//!
//! Compiling the queries of a large grammar takes tens of milliseconds, so this happens on the
//! worker that first parses the language, never earlier.

use std::borrow::Cow;
use std::fmt;

use tree_sitter::{Language as Tables, Query};

use crate::highlight::Highlight;
use crate::language::LanguageSpec;

/// Something in a language's data that does not work; it costs what `part` names and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The language's name.
    pub language: &'static str,
    /// Which part of it is lost.
    pub part: Part,
    /// What is wrong with it, in one sentence.
    pub message: String,
}

/// A part of a language that can be lost alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The grammar: the language is plain text without it.
    Grammar,
    /// Colours.
    Highlights,
    /// Indentation by the tree; that by brackets stays.
    Indents,
    /// Folds.
    Folds,
    /// The outline.
    Outline,
    /// Matching brackets by the tree; those by characters stay.
    Brackets,
    /// Text objects.
    Objects,
    /// Languages inside this one.
    Injections,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Grammar => "grammar",
            Part::Highlights => "highlights query",
            Part::Indents => "indents query",
            Part::Folds => "folds query",
            Part::Outline => "outline query",
            Part::Brackets => "brackets query",
            Part::Objects => "objects query",
            Part::Injections => "injections query",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of {} is not used: {}", self.part.name(), self.language, self.message)
    }
}

/// A highlights query with the meaning of its captures.
#[derive(Debug)]
pub(crate) struct HighlightQuery {
    pub(crate) query: Query,
    /// By capture index; `None` for helpers that begin with an underscore.
    pub(crate) captures: Vec<Option<Meaning>>,
}

/// What a capture of a highlights query says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Its colour.
    Color(Highlight),
    /// Values are filled into it, at places of this form.
    Format(Places),
}

/// How the places of values in a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// `{name:>8}`; `{{` is a brace.
    Braces,
    /// `%-8.3f`; `%%` is a percent sign.
    Percents,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Grammar {
    pub(crate) tables: Tables,
    pub(crate) highlights: Option<HighlightQuery>,
    pub(crate) indents: Option<Query>,
    pub(crate) folds: Option<Query>,
    pub(crate) outline: Option<Query>,
    pub(crate) brackets: Option<Query>,
    pub(crate) objects: Option<Query>,
    pub(crate) injections: Option<Query>,
    /// What had to be left out.
    pub(crate) problems: Vec<Problem>,
}

impl Grammar {
    /// Compiles a language; `Err` where the grammar itself cannot be used.
    pub(crate) fn compile(spec: &LanguageSpec) -> Result<Grammar, Problem> {
        let refuse =
            |message: String| Problem { language: spec.name, part: Part::Grammar, message };
        let function = spec.grammar.ok_or_else(|| refuse("there is none".into()))?;
        let tables = Tables::new(function);
        tree_sitter::Parser::new()
            .set_language(&tables)
            .map_err(|error| refuse(error.to_string()))?;
        let mut problems = Vec::new();
        let mut query = |part: Part, sources: &[Cow<'static, str>]| {
            let source = sources.join("\n");
            if source.trim().is_empty() {
                return None;
            }
            match Query::new(&tables, &source) {
                Ok(query) => Some(query),
                Err(error) => {
                    let message = format!(
                        "line {}: {}",
                        error.row + 1,
                        error.message.lines().next().unwrap_or("no reason given")
                    );
                    problems.push(Problem { language: spec.name, part, message });
                    None
                }
            }
        };
        let sources = &spec.queries;
        let highlights = query(Part::Highlights, &sources.highlights);
        let indents = query(Part::Indents, &sources.indents);
        let folds = query(Part::Folds, &sources.folds);
        let outline = query(Part::Outline, &sources.outline);
        let brackets = query(Part::Brackets, &sources.brackets);
        let objects = query(Part::Objects, &sources.objects);
        let injections = query(Part::Injections, &sources.injections);
        let highlights = highlights.map(|query| name_captures(query, spec.name, &mut problems));
        Ok(Grammar {
            tables,
            highlights,
            indents,
            folds,
            outline,
            brackets,
            objects,
            injections,
            problems,
        })
    }
}

/// Looks the captures up; a name that no theme can know costs that name alone.
fn name_captures(
    query: Query,
    language: &'static str,
    problems: &mut Vec<Problem>,
) -> HighlightQuery {
    let captures = query
        .capture_names()
        .iter()
        .map(|name| {
            let highlight = match *name {
                "format.braces" => Some(Meaning::Format(Places::Braces)),
                "format.percents" => Some(Meaning::Format(Places::Percents)),
                name => Highlight::named(name).map(Meaning::Color),
            };
            if highlight.is_none() && !name.starts_with('_') {
                let message = format!("no highlight is called {name:?}");
                problems.push(Problem { language, part: Part::Highlights, message });
            }
            highlight
        })
        .collect();
    HighlightQuery { query, captures }
}
