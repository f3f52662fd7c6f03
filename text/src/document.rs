//! A document: a rope bound to a history of operations.

mod merge;
mod pending;

use std::sync::OnceLock;

use ropey::Rope;
use smallvec::{SmallVec, smallvec};

use crate::anchor::AnchorSet;
use crate::author::{Author, Authors};
use crate::change::{Change, ChangeParts, DocumentId, Grouping, Origin, TextHash, Version};
use crate::edit::{Edit, Transaction, TransactionError};
use crate::history::History;
use crate::history::diamond::Diamond;
use crate::operation::{Cause, GroupId, MAX_TEXT_BYTES, Operation, OperationId, OperationKind};
use crate::position::Positions;
use crate::selection::Selections;
use crate::undo::delta::Delta;
use crate::undo::fragment::Fragment;
use crate::undo::{OpenGroup, Reversal, Undo, Whose, selections_after};

pub use merge::{MergeError, Refused, Restored};
pub use pending::{Finished, PendingMerge, ReadyMerge, Retired};

/// A text that is being edited, with its history, its undo and its anchors.
#[derive(Clone, Debug)]
pub struct Document {
    id: DocumentId,
    authors: Authors,
    base: TextHash,
    rope: Rope,
    history: Diamond,
    undo: Undo,
    anchors: AnchorSet,
    held: merge::Held,
    hash: OnceLock<TextHash>,
    /// What is done here while a long merge runs elsewhere.
    meanwhile: Option<pending::Meanwhile>,
}

/// What [`Document::undo`] or [`Document::redo`] did.
#[derive(Clone, Debug)]
pub struct UndoOutcome {
    /// The change of the text.
    pub change: Change,
    /// The selections to show: those from before the group, or where it changed the text.
    pub selections: Selections,
    /// Whose work it was; to be said when it was not this device's.
    pub whose: Whose,
}

/// What a comparison with another device's text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Equal versions and equal texts.
    Same,
    /// Equal versions and different texts, which must never be: report it, and repair it from
    /// the log.
    Broken,
    /// The versions differ, so nothing can be said.
    Unknown,
}

impl Document {
    /// A document that starts from a text, written to by this process. Hashes the text, so a
    /// large one is better opened on a worker.
    pub fn from_base(text: Rope) -> Self {
        Document::from_base_as(text, Authors::default())
    }

    /// The same, written to by given authors.
    pub fn from_base_as(text: Rope, authors: Authors) -> Self {
        let base = TextHash::of(&text);
        Document {
            id: DocumentId::next(),
            authors,
            base,
            history: Diamond::new(base, text.len_chars()),
            rope: text,
            undo: Undo::default(),
            anchors: AnchorSet::new(),
            held: merge::Held::default(),
            hash: OnceLock::from(base),
            meanwhile: None,
        }
    }

    /// Which document it is, within this process.
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// Who writes to it here.
    pub fn author(&self) -> Author {
        self.authors.this()
    }

    /// The text; a clone is a snapshot and costs O(1).
    pub fn rope(&self) -> &Rope {
        &self.rope
    }

    /// The hash of the text that it started from.
    pub fn base(&self) -> TextHash {
        self.base
    }

    /// Which operations the text holds.
    pub fn version(&self) -> Version {
        Version { base: self.base, frontier: self.history.frontier().into() }
    }

    /// The hash of the text; worked out once for each version, O(n).
    pub fn text_hash(&self) -> TextHash {
        *self.hash.get_or_init(|| TextHash::of(&self.rope))
    }

    /// Compares with what another device, or an earlier process, says of the same document.
    pub fn agrees(&self, version: &Version, hash: TextHash) -> Agreement {
        match (*version == self.version(), hash == self.text_hash()) {
            (true, true) => Agreement::Same,
            (true, false) => Agreement::Broken,
            (false, _) => Agreement::Unknown,
        }
    }

    /// Places that move with the text.
    pub fn anchors(&self) -> &AnchorSet {
        &self.anchors
    }

    /// The same, to add and remove some.
    pub fn anchors_mut(&mut self) -> &mut AnchorSet {
        &mut self.anchors
    }

    /// Changes the text. An error means that nothing changed.
    pub fn apply(
        &mut self,
        transaction: Transaction,
        origin: Origin,
    ) -> Result<Change, TransactionError> {
        self.edit(transaction, origin, None)
    }

    /// The same, from a view whose selections an undo of it will bring back.
    pub fn apply_from(
        &mut self,
        transaction: Transaction,
        origin: Origin,
        selections: &Selections,
    ) -> Result<Change, TransactionError> {
        self.edit(transaction, origin, Some(selections))
    }

    /// Ends the undo group: the next edit starts a new one. For when the caret was moved, the
    /// file saved or a pause made.
    pub fn seal_group(&mut self) {
        self.undo.open = None;
    }

    /// Takes back this device's newest group, or when none is left the newest that the owner
    /// made elsewhere. `None` when there is nothing to take back.
    pub fn undo(&mut self) -> Option<UndoOutcome> {
        self.seal_group();
        let reversal = self.undo.take_back()?;
        let (of, whose) = (reversal.group, reversal.whose);
        let outcome = self.reverse(reversal, Cause::Undo { of });
        let delta = Delta::from_edits(&outcome.change.edits, outcome.change.removed());
        self.undo.push_undone(of, whose, delta.inverted());
        Some(outcome)
    }

    /// Brings back what was undone last. `None` when nothing was, or this device has edited
    /// since.
    pub fn redo(&mut self) -> Option<UndoOutcome> {
        self.seal_group();
        let reversal = self.undo.bring_back()?;
        let of = reversal.group;
        let outcome = self.reverse(reversal, Cause::Redo { of });
        let delta = Delta::from_edits(&outcome.change.edits, outcome.change.removed());
        self.undo.push_redone(outcome.change.group, Whose::Own, delta);
        Some(outcome)
    }

    /// Whether [`Document::undo`] has something to take back; what is left may turn out to be
    /// gone from the text already.
    pub fn can_undo(&self) -> bool {
        self.undo.can_take_back()
    }

    /// Whether the oldest groups were forgotten, since undo takes some 64 MiB at most. The log
    /// still has what they did.
    pub fn has_forgotten_undo(&self) -> bool {
        self.undo.has_forgotten()
    }

    /// Whether [`Document::redo`] has something to bring back.
    pub fn can_redo(&self) -> bool {
        self.undo.can_bring_back()
    }

    #[cfg(test)]
    pub(crate) fn undo_mut(&mut self) -> &mut Undo {
        &mut self.undo
    }

    #[cfg(test)]
    pub(crate) fn history_mut(&mut self) -> &mut Diamond {
        &mut self.history
    }

    fn edit(
        &mut self,
        transaction: Transaction,
        origin: Origin,
        selections: Option<&Selections>,
    ) -> Result<Change, TransactionError> {
        transaction.check(self.rope.end())?;
        let edits = transaction.into_edits();
        if edits.is_empty() {
            let group = self.new_group();
            return Ok(self.commit(edits, group, origin.cause));
        }
        let group = self.group_of(&edits, origin.group);
        let change = self.commit(edits, group, origin.cause);
        self.undo.record(group, &change.edits, change.removed(), selections);
        Ok(change)
    }

    /// The undo group of an edit: the open one, or a new one.
    fn group_of(&mut self, edits: &[Edit], kind: Grouping) -> GroupId {
        if let Some(open) = &mut self.undo.open
            && open.takes(kind, edits)
        {
            open.join(edits);
            return open.group;
        }
        let group = self.new_group();
        self.undo.open = Some(OpenGroup::begin(group, kind, edits));
        group
    }

    fn new_group(&self) -> GroupId {
        let author = self.author();
        GroupId { author, number: self.history.next_sequence(author) }
    }

    fn reverse(&mut self, reversal: Reversal, cause: Cause) -> UndoOutcome {
        let edits = reversal.delta.to_edits();
        let selections = reversal.selections.unwrap_or_else(|| selections_after(&edits));
        let group = self.new_group();
        let change = self.commit(edits, group, cause);
        UndoOutcome { change, selections, whose: reversal.whose }
    }

    /// Changes rope, history and anchors. The edits are sorted, disjoint and within the text.
    fn commit(&mut self, edits: Vec<Edit>, group: GroupId, cause: Cause) -> Change {
        let mut removed: SmallVec<[Fragment; 1]> = SmallVec::with_capacity(edits.len());
        let mut operations = Vec::with_capacity(edits.len());
        // From the last to the first, so that no edit moves what another refers to.
        for edit in edits.iter().rev() {
            removed.push(Fragment::cut(&self.rope, edit.range));
            if !edit.range.is_empty() {
                self.rope.remove(edit.range.start.0..edit.range.end.0);
                let kind = OperationKind::Delete { range: edit.range };
                operations.push(self.append(kind, group, cause));
            }
            if !edit.text.is_empty() {
                self.rope.insert(edit.range.start.0, &edit.text);
                let mut at = edit.range.start;
                for piece in pieces(&edit.text) {
                    let kind = OperationKind::Insert { at, text: piece.into() };
                    operations.push(self.append(kind, group, cause));
                    at = at + piece.chars().count();
                }
            }
        }
        removed.reverse();
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.note(&operations, cause);
        }
        self.anchors.map(&edits);
        if !edits.is_empty() {
            self.hash.take();
        }
        let parts = ChangeParts {
            document: self.id,
            edits: edits.into(),
            version: self.version(),
            author: group.author,
            group,
            cause,
            operations,
        };
        Change::with_removed(parts, removed, self.rope.clone())
    }

    fn append(&mut self, kind: OperationKind, group: GroupId, cause: Cause) -> Operation {
        let author = self.author();
        let sequence = self.history.next_sequence(author);
        let parents = match self.history.frontier() {
            [] => smallvec![self.base.root()],
            frontier => SmallVec::from_slice(frontier),
        };
        let id = OperationId { author, sequence };
        let operation = Operation { id, parents, kind, group: group.number, cause };
        self.history.append(&operation);
        operation
    }
}

/// A text in pieces that an operation may hold.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_TEXT_BYTES));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod histories;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Bias;
    use crate::position::{CharOffset, CharRange};
    use crate::selection::Selection;

    fn insert(document: &mut Document, at: usize, text: &str) -> Change {
        let transaction = Transaction::single(Edit::insert(CharOffset(at), text));
        document.apply(transaction, Origin::COMMAND).unwrap()
    }

    fn other(text: &str, author: u8) -> Document {
        let authors = Authors::new(Author::from_bytes([author; 16]));
        Document::from_base_as(Rope::from_str(text), authors)
    }

    #[test]
    fn equal_files_have_equal_versions_without_having_met() {
        let (a, b) = (other("text\r\n", 1), other("text\r\n", 2));
        assert_eq!(a.version(), b.version());
        assert!(a.version().frontier.is_empty());
        assert_ne!(a.version(), other("text\n", 1).version());
    }

    #[test]
    fn a_change_holds_both_texts() {
        let mut document = other("one two three", 1);
        let edits = vec![
            Edit::replace(CharRange::new(CharOffset(0), CharOffset(3)), "ثلاثة"),
            Edit::insert(CharOffset(5), "x"),
            Edit::delete(CharRange::new(CharOffset(7), CharOffset(13))),
        ];
        let change = document.apply(Transaction::new(edits).unwrap(), Origin::COMMAND).unwrap();
        assert_eq!(change.before(), "one two three");
        assert_eq!(change.after(), "ثلاثة txwo");
        assert_eq!(change.after(), document.rope());
        assert_eq!(change.version, document.version());
    }

    #[test]
    fn an_edit_past_the_end_changes_nothing() {
        let mut document = other("abc", 1);
        let version = document.version();
        let past = Transaction::single(Edit::insert(CharOffset(4), "x"));
        assert!(document.apply(past, Origin::TYPING).is_err());
        assert_eq!(document.version(), version);
        assert_eq!(document.rope(), "abc");
    }

    #[test]
    fn undo_brings_back_the_selections_from_before_the_group() {
        let mut document = other("abcdef", 1);
        let selected = Selections::single(Selection::new(CharOffset(4), CharOffset(1)));
        let range = selected.primary().range();
        let replace = Transaction::single(Edit::replace(range, "X"));
        document.apply_from(replace, Origin::TYPING, &selected).unwrap();
        let mut elsewhere = other("abcdef", 2);
        let came = insert(&mut elsewhere, 0, "++").operations;
        document.merge(&came).unwrap();
        let outcome = document.undo().unwrap();
        assert_eq!(document.rope(), "++abcdef");
        let expected = Selections::single(Selection::new(CharOffset(6), CharOffset(3)));
        assert_eq!(outcome.selections, expected);
        let outcome = document.redo().unwrap();
        assert_eq!(document.rope(), "++aXef");
        assert_eq!(outcome.selections.primary(), Selection::caret(CharOffset(4)));
    }

    #[test]
    fn what_redo_passed_over_does_not_bring_text_twice_after_a_restart() {
        let (mut here, mut there) = (other("abc", 1), other("abc", 2));
        let cut =
            || Transaction::single(Edit::delete(CharRange::new(CharOffset(1), CharOffset(2))));
        let mut log = here.apply(cut(), Origin::COMMAND).unwrap().operations;
        log.extend(insert(&mut here, 0, "x").operations);
        log.extend(here.undo().unwrap().change.operations);
        log.extend(here.undo().unwrap().change.operations);
        there.merge(&log).unwrap();
        let came = there.apply(cut(), Origin::COMMAND).unwrap().operations;
        here.merge(&came).unwrap();
        log.extend(came);
        // What redoing the first group would take out is gone already.
        while let Some(outcome) = here.redo() {
            log.extend(outcome.change.operations);
        }
        let authors = Authors::new(here.author());
        let mut restored = Document::restore(Rope::from_str("abc"), &log, authors).document;
        assert_eq!(restored.rope(), here.rope());
        assert!(here.redo().is_none() && restored.redo().is_none(), "{}", restored.rope());
    }

    #[test]
    fn what_undo_passed_over_can_be_undone_once_it_is_back() {
        let (mut here, mut there) = (other("", 1), other("", 2));
        let came = insert(&mut here, 0, "word").operations;
        there.merge(&came).unwrap();
        let all = Transaction::single(Edit::delete(CharRange::new(CharOffset(0), CharOffset(4))));
        let gone = there.apply(all, Origin::COMMAND).unwrap().operations;
        here.merge(&gone).unwrap();
        assert_eq!(here.undo().unwrap().whose, Whose::Elsewhere, "nothing of its own is left");
        assert_eq!(here.rope(), "word");
        assert_eq!(here.undo().unwrap().whose, Whose::Own);
        assert_eq!(here.rope(), "");
    }

    #[test]
    fn after_a_restart_the_caret_stands_at_the_end_of_what_came_back() {
        let mut document = other("fn a() {\n    x\n    ", 1);
        let base = document.rope().clone();
        let mut log = Vec::new();
        // A brace that was typed, and its line moved out, as one group.
        let brace = Edit::insert(base.end(), "}");
        let typed = Transaction::single(brace);
        log.extend(document.apply(typed, Origin::TYPING).unwrap().operations);
        let blanks = CharRange::new(base.end() - 4, base.end());
        let moved = Transaction::single(Edit::delete(blanks));
        let joined = Origin { group: Grouping::WithPrevious, ..Origin::TYPING };
        log.extend(document.apply(moved, joined).unwrap().operations);
        let two = vec![Edit::delete(CharRange::new(CharOffset(0), CharOffset(3)))];
        let two = Transaction::new([two, vec![Edit::insert(CharOffset(8), "new")]].concat());
        log.extend(document.apply(two.unwrap(), Origin::COMMAND).unwrap().operations);
        log.extend(document.undo().unwrap().change.operations);
        let authors = Authors::new(document.author());
        let mut restored = Document::restore(base, &log, authors).document;
        for document in [&mut document, &mut restored] {
            let caret = |at| Selections::single(Selection::caret(CharOffset(at)));
            assert_eq!(document.redo().unwrap().selections, caret(8), "behind `new`");
            assert_eq!(document.undo().unwrap().selections, caret(3), "behind `fn `");
            assert_eq!(document.undo().unwrap().selections, caret(19), "behind the blanks");
            assert_eq!(document.redo().unwrap().selections, caret(16), "behind the brace");
        }
    }

    #[test]
    fn undo_goes_on_with_what_was_made_elsewhere_and_says_so() {
        let (mut here, mut there) = (other("base", 1), other("base", 2));
        let came = insert(&mut there, 4, " there").operations;
        insert(&mut here, 0, "here ");
        here.merge(&came).unwrap();
        assert_eq!(here.rope(), "here base there");
        assert_eq!(here.undo().unwrap().whose, Whose::Own);
        assert_eq!(here.rope(), "base there");
        assert_eq!(here.undo().unwrap().whose, Whose::Elsewhere);
        assert_eq!(here.rope(), "base");
        assert!(here.undo().is_none());
        assert_eq!(here.redo().unwrap().whose, Whose::Elsewhere);
        assert_eq!(here.rope(), "base there");
    }

    #[test]
    fn editing_after_an_undo_forgets_what_could_be_redone() {
        let mut document = other("", 1);
        insert(&mut document, 0, "a");
        document.undo().unwrap();
        insert(&mut document, 0, "b");
        assert!(!document.can_redo() && document.redo().is_none());
    }

    #[test]
    fn a_long_paste_is_several_operations_and_one_group() {
        let mut document = other("", 1);
        let long = "é".repeat(MAX_TEXT_BYTES);
        let change = insert(&mut document, 0, &long);
        assert_eq!(change.operations.len(), 2);
        let log = change.operations.clone();
        let restored = Document::restore(Rope::new(), &log, Authors::new(document.author()));
        assert_eq!(restored.document.rope(), document.rope());
        document.undo().unwrap();
        assert_eq!(document.rope(), "");
    }

    #[test]
    fn anchors_move_with_local_and_merged_edits() {
        let mut document = other("abc", 1);
        let anchor = document.anchors_mut().insert(CharOffset(2), Bias::After);
        insert(&mut document, 0, "12");
        let came = insert(&mut other("abc", 2), 1, "345").operations;
        document.merge(&came).unwrap();
        assert_eq!(document.anchors().get(anchor), Some(CharOffset(7)));
    }

    #[test]
    fn equal_versions_with_different_texts_are_noticed() {
        let document = other("abc", 1);
        let version = document.version();
        assert_eq!(document.agrees(&version, document.text_hash()), Agreement::Same);
        let wrong = other("abd", 1).text_hash();
        assert_eq!(document.agrees(&version, wrong), Agreement::Broken);
        assert_eq!(document.agrees(&other("abd", 1).version(), wrong), Agreement::Unknown);
    }
}
