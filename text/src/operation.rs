//! Operations: what is logged, sent and replayed. One operation puts characters in or takes
//! characters out, at a position of the version that it names as its parents.
//!
//! Every character of an operation has a sequence number of its author, so an operation of ten
//! characters uses up ten. The bytes of a record are in [`mod@format`].

pub mod format;

use std::fmt;

use smallvec::SmallVec;

use crate::author::Author;
use crate::position::{CharOffset, CharRange};

pub use format::DecodeError;

/// The longest text of one insertion, in bytes; [`crate::Document::apply`] splits longer ones.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The most parents that an operation can name; that many authors would have to type at once.
pub const MAX_PARENTS: usize = 64;

/// The largest sequence number, position and length. Far below where sums could overflow.
pub const MAX_NUMBER: u64 = 1 << 48;

/// The name of one character's insertion or deletion; of an operation, its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    /// Who made it.
    pub author: Author,
    /// Characters that this author had inserted or deleted in this document before.
    pub sequence: u64,
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.author, self.sequence)
    }
}

/// An undo group: what is taken back together. Named after the first operation in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// Who made it.
    pub author: Author,
    /// The sequence number of its first operation.
    pub number: u64,
}

/// Why an operation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Typed, deleted or dictated by hand.
    Typed,
    /// Pasted or dropped.
    Pasted,
    /// A command: indent, comment, move a line, replace all.
    Command,
    /// A completion that was chosen.
    Completed,
    /// A suggestion that was accepted.
    Suggested,
    /// A formatter.
    Formatted,
    /// The file was changed outside, and the difference was merged in.
    Outside,
    /// An agent.
    Agent,
    /// It takes a group back.
    Undo {
        /// The group.
        of: GroupId,
    },
    /// It brings back a group that was taken back.
    Redo {
        /// The group as it was called before it was taken back.
        of: GroupId,
    },
    /// A cause that this version does not know, by its number in the record (11 and above).
    Other(u8),
}

/// What an operation does, in the coordinates of its parents' version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Puts text in; never empty, at most [`MAX_TEXT_BYTES`].
    Insert {
        /// Before which character.
        at: CharOffset,
        /// The text.
        text: Box<str>,
    },
    /// Takes characters out; never empty.
    Delete {
        /// Which.
        range: CharRange,
    },
}

/// One operation, as the journal, the wire and backups have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name of its first character.
    pub id: OperationId,
    /// The version that it was made at: the last characters of the operations that nothing
    /// followed, in order. An operation on the bare base names [`crate::TextHash::root`].
    pub parents: SmallVec<[OperationId; 1]>,
    /// What it does.
    pub kind: OperationKind,
    /// The number of its undo group; the group's author is its own.
    pub group: u64,
    /// Why.
    pub cause: Cause,
}

impl Operation {
    /// How many characters it inserts or deletes, and so how many sequence numbers it takes.
    pub fn chars(&self) -> usize {
        match &self.kind {
            OperationKind::Insert { text, .. } => text.chars().count(),
            OperationKind::Delete { range } => range.len(),
        }
    }

    /// The name of its last character.
    pub fn last(&self) -> OperationId {
        OperationId {
            author: self.id.author,
            sequence: self.id.sequence + (self.chars() as u64).saturating_sub(1),
        }
    }

    /// The name of its last character, when it is known to have so many.
    pub(crate) fn id_after(&self, chars: usize) -> OperationId {
        let sequence = self.id.sequence + chars as u64 - 1;
        OperationId { author: self.id.author, sequence }
    }

    /// Its undo group.
    pub fn group(&self) -> GroupId {
        GroupId { author: self.id.author, number: self.group }
    }

    /// Whether it follows its author's previous operation and nothing else.
    pub fn is_chained(&self) -> bool {
        matches!(self.parents.as_slice(), [only]
            if only.author == self.id.author && only.sequence + 1 == self.id.sequence)
    }
}
