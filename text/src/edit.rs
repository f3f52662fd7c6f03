//! Edits as values: one replacement, and a transaction of several at once.

use std::fmt;

use ropey::Rope;

use crate::position::{CharOffset, CharRange, Positions};

/// One replacement: the characters of `range` give way to `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced, in the text before the transaction; empty for an insertion.
    pub range: CharRange,
    /// What stands there afterwards; empty for a deletion.
    pub text: Box<str>,
}

impl Edit {
    /// Replaces a range.
    pub fn replace(range: CharRange, text: impl Into<Box<str>>) -> Self {
        Edit { range, text: text.into() }
    }

    /// Inserts at an offset.
    pub fn insert(at: CharOffset, text: impl Into<Box<str>>) -> Self {
        Edit { range: CharRange::at(at), text: text.into() }
    }

    /// Deletes a range.
    pub fn delete(range: CharRange) -> Self {
        Edit { range, text: "".into() }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty() && self.text.is_empty()
    }
}

/// To which side an offset goes when text is inserted exactly there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// It stays before what was inserted.
    Before,
    /// It moves after what was inserted.
    After,
}

/// Edits that happen at once: sorted, disjoint, all in the coordinates of the text before.
///
/// Two insertions at one offset are refused, since their order would be a guess.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    edits: Vec<Edit>,
}

/// Why edits do not form a [`Transaction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// Two edits touch the same characters, or insert at the same place.
    Overlap {
        /// Where the second of them starts.
        at: CharOffset,
    },
    /// An edit reaches past the end of the text that it is applied to.
    OutOfBounds {
        /// Where the edit ends.
        end: CharOffset,
        /// Where the text ends.
        length: CharOffset,
    },
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransactionError::Overlap { at } => {
                write!(f, "two edits of one transaction meet at character {}", at.0)
            }
            TransactionError::OutOfBounds { end, length } => {
                write!(f, "an edit ends at character {}, the text at {}", end.0, length.0)
            }
        }
    }
}

impl std::error::Error for TransactionError {}

impl Transaction {
    /// Sorts the edits and drops those that change nothing.
    pub fn new(mut edits: Vec<Edit>) -> Result<Self, TransactionError> {
        edits.retain(|edit| !edit.is_empty());
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        for pair in edits.windows(2) {
            let (a, b) = (pair[0].range, pair[1].range);
            if a.end > b.start || a == b {
                return Err(TransactionError::Overlap { at: b.start });
            }
        }
        Ok(Transaction { edits })
    }

    /// A transaction of one edit.
    pub fn single(edit: Edit) -> Self {
        Transaction { edits: if edit.is_empty() { Vec::new() } else { vec![edit] } }
    }

    /// The edits, in order of position.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The edits, taken out.
    pub fn into_edits(self) -> Vec<Edit> {
        self.edits
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Whether every edit lies within a text of this length.
    pub fn check(&self, length: CharOffset) -> Result<(), TransactionError> {
        match self.edits.last() {
            Some(last) if last.range.end > length => {
                Err(TransactionError::OutOfBounds { end: last.range.end, length })
            }
            _ => Ok(()),
        }
    }

    /// Changes a rope; the edits must lie within it (see [`Transaction::check`]).
    pub fn apply_to(&self, rope: &mut Rope) {
        for edit in self.edits.iter().rev() {
            if !edit.range.is_empty() {
                rope.remove(edit.range.start.0..edit.range.end.0);
            }
            if !edit.text.is_empty() {
                rope.insert(edit.range.start.0, &edit.text);
            }
        }
    }

    /// The transaction that takes this one back, in the coordinates of the text after it.
    pub fn invert(&self, before: &Rope) -> Transaction {
        let mut shift = Shift::default();
        let edits = self
            .edits
            .iter()
            .map(|edit| {
                let start = shift.apply(edit.range.start);
                let inserted = edit.text.chars().count();
                shift.pass(edit.range.len(), inserted);
                Edit {
                    range: CharRange { start, end: start + inserted },
                    text: before.slice_of(edit.range).to_string().into(),
                }
            })
            .collect();
        Transaction { edits }
    }

    /// Where an offset of the text before stands afterwards. Inside deleted text it goes to
    /// the place where that text was: before the replacement or after it, as `bias` says.
    pub fn map(&self, offset: CharOffset, bias: Bias) -> CharOffset {
        map_through(&self.edits, offset, bias)
    }
}

/// [`Transaction::map`] over edits that are already known to be sorted and disjoint.
pub fn map_through(edits: &[Edit], offset: CharOffset, bias: Bias) -> CharOffset {
    let mut shift = Shift::default();
    for edit in edits {
        let CharRange { start, end } = edit.range;
        if offset < start || (offset == start && !edit.range.is_empty()) {
            break;
        }
        let inserted = edit.text.chars().count();
        if offset < end || (offset == start && start == end) {
            let landed = shift.apply(start);
            return match bias {
                Bias::Before => landed,
                Bias::After => landed + inserted,
            };
        }
        shift.pass(edit.range.len(), inserted);
    }
    shift.apply(offset)
}

/// How far what follows has moved so far.
#[derive(Clone, Copy, Default)]
struct Shift {
    inserted: usize,
    deleted: usize,
}

impl Shift {
    fn pass(&mut self, deleted: usize, inserted: usize) {
        self.deleted += deleted;
        self.inserted += inserted;
    }

    fn apply(self, offset: CharOffset) -> CharOffset {
        CharOffset(offset.0 + self.inserted - self.deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: usize, end: usize) -> CharRange {
        CharRange { start: CharOffset(start), end: CharOffset(end) }
    }

    #[test]
    fn a_transaction_and_its_inverse_cancel() {
        let before = Rope::from_str("one two three");
        let transaction = Transaction::new(vec![
            Edit::replace(range(8, 13), "ثلاثة"),
            Edit::delete(range(0, 4)),
            Edit::insert(CharOffset(7), "!"),
        ])
        .unwrap();
        let mut rope = before.clone();
        transaction.apply_to(&mut rope);
        assert_eq!(rope, "two! ثلاثة");
        transaction.invert(&before).apply_to(&mut rope);
        assert_eq!(rope, before);
    }

    #[test]
    fn edits_that_meet_are_refused() {
        let meet = |a, b| Transaction::new(vec![a, b]).is_err();
        assert!(meet(Edit::delete(range(0, 3)), Edit::delete(range(2, 4))));
        assert!(meet(Edit::insert(CharOffset(1), "a"), Edit::insert(CharOffset(1), "b")));
        assert!(!meet(Edit::delete(range(0, 2)), Edit::delete(range(2, 4))));
    }

    #[test]
    fn offsets_follow_the_text_around_them() {
        let transaction = Transaction::new(vec![
            Edit::insert(CharOffset(2), "xx"),
            Edit::replace(range(4, 8), "y"),
        ])
        .unwrap();
        let map = |at, bias| transaction.map(CharOffset(at), bias).0;
        assert_eq!(map(1, Bias::After), 1);
        assert_eq!(map(2, Bias::Before), 2);
        assert_eq!(map(2, Bias::After), 4);
        assert_eq!(map(4, Bias::After), 6);
        assert_eq!(map(6, Bias::Before), 6);
        assert_eq!(map(6, Bias::After), 7);
        assert_eq!(map(8, Bias::Before), 7);
        assert_eq!(map(10, Bias::Before), 9);
    }
}
