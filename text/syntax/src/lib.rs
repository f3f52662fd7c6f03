//! Syntax: what the parts of a text are. Grammars come from their own crates, the queries that
//! read their trees stand in `queries/` as data.
//!
//! Start at [`Syntax`], the state of one open text: it follows every edit, gives workers a
//! [`ParseJob`] and takes their [`Parsed`]. Colours, brackets and indentation are asked of it;
//! folds, outline and objects of its [`SyntaxTree`], which a worker may have too. [`Languages`]
//! finds the language of a file.
//!
//! What this room promises:
//!
//! - Nothing is parsed on the thread that edits: between two answers the old tree is moved
//!   along with the edits.
//! - What a tree made in steps says is what one made from nothing says.
//! - The cost of colours is that of the range asked for, whatever the text's length.
//! - A damaged grammar or query costs that alone and is named ([`Languages::problems`]); a text
//!   that is too large or too slow to parse says so ([`Syntax::stopped`]).
//!
//! What it must never know: files, pixels, threads of its own.

pub mod bracket;
pub mod builtin;
pub mod fold;
pub mod grammar;
pub mod highlight;
pub mod indent;
mod injection;
pub mod language;
pub mod languages;
mod layers;
mod matches;
pub mod node;
pub mod object;
pub mod outline;
pub mod parse;
mod pieces;
mod rope_text;
pub mod spans;
pub mod syntax;
pub mod tree;

pub use bracket::BracketPair;
pub use fold::{FoldKind, FoldRange};
pub use grammar::{Part, Problem};
pub use highlight::{Highlight, Span};
pub use indent::{IndentStyle, NewlineIndent};
pub use language::{Comments, IndentUnit, LanguageSpec, QuerySources, Sections};
pub use languages::{Language, Languages};
pub use matches::{Haste, Reach};
pub use object::{Extent, ObjectKind};
pub use outline::{Symbol, SymbolKind, symbols_at};
pub use parse::{ParseJob, ParseStop, Parsed};
pub use spans::{Painted, Region};
pub use syntax::{Freshness, Installed, Syntax};
pub use tree::{SyntaxTree, TreeSnapshot};
