//! The history of a document: its operations as a graph, and what they do to the text.
//!
//! This is the boundary behind which the CRDT lives. It knows nothing of ropes, undo or
//! selections: operations go in, and steps for a text that is already at some version come out.
//! What goes in is checked first, because diamond-types believes everything: positions are
//! compared with the length of the text that they were made on, authors' numbers have no gaps and
//! no second use, and parents are known.

pub(crate) mod diamond;
mod spans;

use std::fmt;
use std::ops::Range;

use crate::change::TextHash;
use crate::operation::{Cause, GroupId, Operation, OperationId};

/// Why an operation was refused. It costs that operation alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its author already made another operation under this number.
    Reused,
    /// It reaches past the end of the text that it was made on.
    OutOfBounds {
        /// The length of that text in characters.
        length: usize,
    },
    /// It breaks a rule that every program of ours keeps.
    Malformed(&'static str),
    /// Merging it panicked.
    Panicked,
    /// Too many operations wait for others that never came.
    TooManyHeld,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Reused => write!(f, "its author has used its number before"),
            Refusal::OutOfBounds { length } => {
                write!(f, "it reaches past the end of its text of {length} characters")
            }
            Refusal::Malformed(why) => write!(f, "{why}"),
            Refusal::Panicked => write!(f, "merging it failed"),
            Refusal::TooManyHeld => write!(f, "too many operations wait for missing ones"),
        }
    }
}

/// What became of an operation that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is part of the history now.
    New,
    /// It already was.
    Known,
    /// Operations that it builds on are not here yet; one of them.
    Missing(OperationId),
    /// It will never be part of it.
    Refused(Refusal),
}

/// One change of the text that came out of the history; at most one operation's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    pub group: GroupId,
    pub cause: Cause,
    pub kind: StepKind<'a>,
}

/// What a [`Step`] does, in the coordinates of the text after the steps before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepKind<'a> {
    Insert { at: usize, text: &'a str },
    Delete { range: Range<usize> },
}

/// A graph of operations over one base.
pub(crate) trait History {
    /// A history without operations, over a text of `length` characters.
    fn new(base: TextHash, length: usize) -> Self;

    /// Everything up to here is in the history: the names of what nothing followed yet. Empty
    /// for the bare base.
    fn frontier(&self) -> &[OperationId];

    /// Whether the history has a character's operation, or the base itself.
    fn holds_id(&self, id: OperationId) -> bool;

    /// The next sequence number of an author.
    fn next_sequence(&self, author: crate::Author) -> u64;

    /// Adds an operation that this document made itself, at the frontier, with the text settled.
    fn append(&mut self, operation: &Operation);

    /// Adds an operation that another copy of this document made, on a text of `length`
    /// characters. The text is unsettled until [`History::settle_as`].
    fn append_beside(&mut self, operation: &Operation, length: usize);

    /// Makes room for so many more operations.
    fn reserve(&mut self, operations: usize);

    /// The text was brought to the frontier by other means, and has that length.
    fn settle_as(&mut self, length: usize);

    /// How many characters' operations may have to be walked to merge one with these parents:
    /// those here from the first on that it has not seen. Parents that are not here count as
    /// having seen nothing.
    fn concurrent_with(&self, parents: &[OperationId]) -> usize;

    /// Checks and adds an operation of anybody. The text is unsettled until [`History::settle`].
    fn admit(&mut self, operation: &Operation) -> Admission;

    /// Visits the steps that bring the text to the frontier, and counts it as settled there.
    fn settle(&mut self, visit: &mut dyn FnMut(Step<'_>));

    /// How many operations' characters it holds, as a mark for [`History::rewound`].
    fn mark(&self) -> usize;

    /// The history as it was at a mark at which the text was settled, built anew from what is
    /// readable: the way out when a panic left this one in doubt.
    fn rewound(&self, mark: usize) -> Self;
}
