//! Documents: the text itself, its history, and everything that can be computed from text alone.
//!
//! Start at [`Document`]: it binds a rope to a history of operations, and its two verbs are
//! [`Document::apply`] for what this person types and [`Document::merge`] for what other devices
//! typed. Both answer one [`Change`], which is the only thing that other rooms read.
//!
//! What this room promises:
//!
//! - Every offset has a type of its own ([`position`]); a wrong mix does not compile, and every
//!   conversion is total: what lies outside the text is clamped to it.
//! - A [`Transaction`] is sorted and disjoint by construction.
//! - The rope holds the file's characters verbatim, line endings included.
//! - Equal versions mean equal text.
//!
//! What it must never know: files, threads, pixels, peers.

pub mod anchor;
pub mod author;
pub mod bidi;
pub mod bracket;
pub mod bytes;
pub mod change;
pub mod diff;
pub mod display;
pub mod document;
pub mod edit;
pub mod grapheme;
pub mod history;
pub mod indentation;
pub mod line_ending;
pub mod merge;
pub mod movement;
pub mod operation;
pub mod position;
pub mod reveal;
pub mod search;
#[cfg(test)]
mod seeded;
pub mod selection;
pub mod transform;
pub mod undo;
pub mod width;
pub mod word;

pub use anchor::{Anchor, AnchorSet};
pub use author::{Author, Authors};
pub use change::{Change, DocumentId, Grouping, Origin, TextHash, Version};
pub use document::{Agreement, Document, Finished, MergeError, PendingMerge, ReadyMerge};
pub use document::{Refused, Restored, Retired, UndoOutcome};
pub use edit::{Edit, Transaction, TransactionError};
pub use history::Refusal;
pub use operation::{Cause, GroupId, Operation, OperationId, OperationKind};
pub use position::{ByteOffset, CharOffset, CharRange, Line, Point, Positions, Utf16Offset};
pub use ropey::{Rope, RopeSlice};
pub use selection::{Affinity, Place, Selection, Selections};
pub use undo::Whose;
