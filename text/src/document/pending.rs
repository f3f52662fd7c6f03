//! Merges that take too long for the thread that owns a document.
//!
//! [`Document::start_merge`] takes a snapshot and makes a [`PendingMerge`] of it;
//! [`PendingMerge::run`] does the work wherever it is put; [`Document::finish_merge`] takes over
//! what came of it. Between the first and the last the document is edited as ever.
//!
//! What was written meanwhile is in the document and not in the merged copy. Merging it there
//! would walk the whole concurrent part again, on the thread that must not wait. But where the
//! merge changed nothing around it, it needs no walk: no list CRDT changes the order of
//! characters that both sides have seen, so what stands between two of them stays between them.
//! Such edits are carried over by moving their places. If some cannot be carried (they touch what
//! came, or took a group back), the merge starts anew from the text as it is by then, and so takes
//! effect at the first moment at which nothing is in its way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Document, MergeError, Refused};
use crate::anchor::AnchorSet;
use crate::change::{Change, ChangeParts, Version};
use crate::edit::{Bias, Edit, map_through};
use crate::history::{History, Refusal};
use crate::operation::{Cause, Operation, OperationKind};
use crate::position::{CharOffset, CharRange};
use crate::selection::Selections;
use crate::undo::delta::Delta;
use crate::undo::fragment::Fragment;

/// A merge that walks more characters' operations than this is long: at up to 1 us each, half of
/// the 4 ms that the thread which owns a document may be held up.
const LONG_MERGE: usize = 2_000;

/// The most operations that are carried over; each looks at every edit of the merge.
const CARRIED_MAX: usize = 64;

/// The most authors whose first operations are looked at to see how long a merge is.
const AUTHORS_MAX: usize = 16;

/// What this document did since a merge started elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Meanwhile {
    from: Version,
    /// `None` if it is more than can be carried over.
    operations: Option<Vec<Operation>>,
}

impl Meanwhile {
    /// This document edited.
    pub fn note(&mut self, operations: &[Operation], cause: Cause) {
        if matches!(cause, Cause::Undo { .. } | Cause::Redo { .. }) {
            self.operations = None;
        }
        if let Some(noted) = &mut self.operations {
            noted.extend_from_slice(operations);
            if noted.len() > CARRIED_MAX {
                self.operations = None;
            }
        }
    }

    /// Something else happened to it.
    pub fn note_merge(&mut self) {
        self.operations = None;
    }
}

/// A merge that has not been worked out. It is a value: it runs on any thread.
#[derive(Debug)]
pub struct PendingMerge {
    from: Version,
    copy: Document,
    operations: Vec<Operation>,
    /// An outcome that came too late; freeing it is left to the thread that works.
    stale: Option<Box<ReadyMerge>>,
}

/// A merge that was worked out, for [`Document::finish_merge`].
#[derive(Debug)]
pub struct ReadyMerge {
    from: Version,
    operations: Vec<Operation>,
    /// `None` after a panic outside of any one operation.
    merged: Option<Merged>,
}

#[derive(Debug)]
struct Merged {
    copy: Document,
    change: Change,
    refused: Vec<Refused>,
    /// By how much the edits before each one make the text longer; one more for all of them.
    shifts: Vec<isize>,
    /// Whether this device made none of it.
    is_foreign: bool,
}

/// What a document was before a merge, and what was merged. Only to be freed.
#[derive(Debug)]
pub struct Retired {
    _document: Option<Document>,
    _operations: Vec<Operation>,
}

/// What [`Document::finish_merge`] did.
#[derive(Debug)]
pub enum Finished {
    /// The document holds what was merged, as after [`Document::merge`].
    Merged {
        /// What that would have answered.
        outcome: Box<Result<Change, MergeError>>,
        /// What is not needed any more; freeing it can take milliseconds.
        retired: Box<Retired>,
    },
    /// Nothing happened, since what was written meanwhile is in the way: to be run as the first
    /// time.
    Again(Box<PendingMerge>),
}

impl Document {
    /// Whether a merge may take so long that it belongs on a worker. An upper bound; it looks at
    /// the graph of the history and transforms nothing.
    pub fn is_long_merge(&self, operations: &[Operation]) -> bool {
        let waiting = self.held.waiting();
        let coming: usize = operations.iter().chain(waiting).map(Operation::chars).sum();
        if coming > LONG_MERGE {
            return true;
        }
        let mut authors = Vec::new();
        let mut concurrent = 0;
        for operation in operations.iter().chain(self.held.waiting()) {
            // What an author writes later has seen no less.
            if authors.contains(&operation.id.author) {
                continue;
            }
            authors.push(operation.id.author);
            if authors.len() > AUTHORS_MAX {
                return true;
            }
            concurrent = concurrent.max(self.history.concurrent_with(&operation.parents));
        }
        coming + concurrent > LONG_MERGE
    }

    /// Starts a merge that runs elsewhere. An earlier one that was not finished starts anew when
    /// it is handed in.
    pub fn start_merge(&mut self, operations: Vec<Operation>) -> PendingMerge {
        let from = self.version();
        self.meanwhile = Some(Meanwhile { from: from.clone(), operations: Some(Vec::new()) });
        let copy = Document {
            id: self.id,
            authors: self.authors.clone(),
            base: self.base,
            rope: self.rope.clone(),
            history: self.history.clone(),
            undo: self.undo.clone(),
            anchors: AnchorSet::new(),
            held: self.held.clone(),
            hash: self.hash.clone(),
            meanwhile: None,
        };
        PendingMerge { from, copy, operations, stale: None }
    }

    /// Takes over a merge that was worked out, together with what was written here meanwhile.
    pub fn finish_merge(&mut self, ready: ReadyMerge) -> Finished {
        let meanwhile = self.meanwhile.take().filter(|meanwhile| meanwhile.from == ready.from);
        let Some(own) = meanwhile.and_then(|meanwhile| meanwhile.operations) else {
            return self.start_again(ready);
        };
        let ReadyMerge { from, operations, merged } = ready;
        let Some(mut merged) = merged else {
            let change = self.empty_change();
            let refused =
                operations.iter().map(|one| Refused { id: one.id, why: Refusal::Panicked });
            let error = MergeError { refused: refused.collect(), change: Box::new(change) };
            let retired = Box::new(Retired { _document: None, _operations: operations });
            return Finished::Merged { outcome: Box::new(Err(error)), retired };
        };
        if own.is_empty() || merged.is_foreign && merged.carry(self, &own) {
            return self.take_over(merged, operations);
        }
        self.start_again(ReadyMerge { from, operations, merged: Some(merged) })
    }

    fn start_again(&mut self, mut stale: ReadyMerge) -> Finished {
        let operations = std::mem::take(&mut stale.operations);
        let stale = Some(Box::new(stale));
        Finished::Again(Box::new(PendingMerge { stale, ..self.start_merge(operations) }))
    }

    fn take_over(&mut self, merged: Merged, operations: Vec<Operation>) -> Finished {
        let Merged { mut copy, mut change, refused, .. } = merged;
        copy.anchors = std::mem::take(&mut self.anchors);
        copy.anchors.map(&change.edits);
        copy.undo.open = self.undo.open.take();
        if let Some(open) = &mut copy.undo.open {
            open.map(&change.edits);
        }
        let document = std::mem::replace(self, copy);
        let parts = ChangeParts {
            document: self.id,
            edits: Arc::clone(&change.edits),
            version: self.version(),
            author: change.author,
            group: change.group,
            cause: change.cause,
            operations: std::mem::take(&mut change.operations),
        };
        let change = Change::with_before(parts, document.rope.clone(), self.rope.clone());
        let retired = Box::new(Retired { _document: Some(document), _operations: operations });
        let outcome = match refused.is_empty() {
            true => Ok(change),
            false => Err(MergeError { refused, change: Box::new(change) }),
        };
        Finished::Merged { outcome: Box::new(outcome), retired }
    }

    fn empty_change(&mut self) -> Change {
        match self.merge(&[]) {
            Ok(change) => change,
            Err(error) => *error.change,
        }
    }
}

impl PendingMerge {
    /// Works the merge out: the part that takes long. It never panics.
    pub fn run(self) -> ReadyMerge {
        let PendingMerge { from, mut copy, operations, stale } = self;
        drop(stale);
        // The copy is dropped after a panic, and nobody else has it.
        let merged = catch_unwind(AssertUnwindSafe(|| {
            let (change, refused) = match copy.merge(&operations) {
                Ok(change) => (change, Vec::new()),
                Err(MergeError { refused, change }) => (*change, refused),
            };
            copy.history.reserve(CARRIED_MAX);
            copy.undo.reserve(CARRIED_MAX);
            Merged::new(copy, change, refused)
        }));
        ReadyMerge { from, operations, merged: merged.ok() }
    }
}

impl Merged {
    fn new(copy: Document, change: Change, refused: Vec<Refused>) -> Self {
        let mut shifts = Vec::with_capacity(change.edits.len() + 1);
        let mut shift = 0;
        shifts.push(shift);
        for edit in change.edits.iter() {
            shift += edit.text.chars().count() as isize - edit.range.len() as isize;
            shifts.push(shift);
        }
        let own = |operation: &Operation| copy.authors.is_own(operation.id.author);
        let is_foreign = !change.operations.iter().any(own);
        Merged { copy, change, refused, shifts, is_foreign }
    }

    /// Brings the copy up to what its original did meanwhile. `false` if that cannot be done;
    /// then it must not be used any more.
    fn carry(&mut self, live: &Document, own: &[Operation]) -> bool {
        let mut edits = std::mem::replace(&mut self.change.edits, Arc::new([]));
        let Some(places) = Arc::get_mut(&mut edits) else { return false };
        let mut length = self.change.before().len_chars();
        for operation in own {
            let (range, text) = match &operation.kind {
                OperationKind::Insert { at, text } => (CharRange::at(*at), &**text),
                OperationKind::Delete { range } => (*range, ""),
            };
            let next = places.partition_point(|edit| edit.range.end < range.start);
            // Characters that both have seen must be left on both sides.
            if places.get(next).is_some_and(|edit| edit.range.start <= range.end) {
                return false;
            }
            let selections = live.undo.selections_before(operation.group());
            let selections = selections.map(|before| carried(before, places));
            let added = text.chars().count();
            for edit in &mut places[next..] {
                edit.range.start = edit.range.start + added - range.len();
                edit.range.end = edit.range.end + added - range.len();
            }
            let moved = |at: CharOffset| CharOffset(at.0.strict_add_signed(self.shifts[next]));
            let range = CharRange { start: moved(range.start), end: moved(range.end) };
            let edit = Edit::replace(range, text);
            self.copy.take_in(operation, &edit, length, selections);
            length = length + added - range.len();
        }
        self.change.edits = edits;
        self.copy.history.settle_as(self.copy.rope.len_chars());
        self.copy.hash.take();
        true
    }
}

impl Document {
    /// Adds an operation of this device whose place in this text is known; `length` is that of
    /// the text which it was made on.
    fn take_in(
        &mut self,
        operation: &Operation,
        edit: &Edit,
        length: usize,
        selections: Option<Selections>,
    ) {
        self.history.append_beside(operation, length);
        let removed = Fragment::cut(&self.rope, edit.range);
        self.rope.remove(edit.range.start.0..edit.range.end.0);
        self.rope.insert(edit.range.start.0, &edit.text);
        let delta = Delta::single(edit, removed);
        let group = operation.group();
        self.undo.replay(&self.authors, group, operation.cause, vec![delta]);
        self.undo.set_selections_before(group, selections);
    }
}

fn carried(selections: &Selections, edits: &[Edit]) -> Selections {
    let moved = |at| map_through(edits, at, Bias::After);
    selections.map(|one| crate::Selection::new(moved(one.anchor), moved(one.head)))
}

#[cfg(test)]
mod tests {
    use super::super::merge::tests::{POISON, quietly};
    use super::*;
    use crate::anchor::Anchor;
    use crate::author::{Author, Authors};
    use crate::change::Origin;
    use crate::edit::Transaction;
    use crate::position::Positions;
    use crate::seeded::Seeded;
    use crate::{Rope, Selection, Whose};

    const BASE: &str = "one two\r\nthree four\nخمسة ستة\n";

    fn document(author: u8) -> Document {
        let authors = Authors::new(Author::from_bytes([author; 16]));
        Document::from_base_as(Rope::from_str(BASE), authors)
    }

    fn edit(document: &mut Document, random: &mut Seeded) -> Vec<Operation> {
        let length = document.rope().len_chars();
        let at = CharOffset(random.below(length + 1));
        let end = CharOffset((at.0 + random.below(4)).min(length));
        let letters = *random.pick(&["a", "b ", "é𝄞", "word"]);
        let (edit, origin) = match random.below(4) {
            0 => (Edit::delete(CharRange::new(at, end)), Origin::DELETING),
            1 => (Edit::replace(CharRange::new(at, end), letters), Origin::PASTE),
            _ => (Edit::insert(at, letters), Origin::TYPING),
        };
        let selections = Selections::single(Selection::caret(at));
        let transaction = Transaction::single(edit);
        document.apply_from(transaction, origin, &selections).unwrap().operations
    }

    fn insert(document: &mut Document, at: usize, text: &str) -> Vec<Operation> {
        let typed = Transaction::single(Edit::insert(CharOffset(at), text));
        document.apply(typed, Origin::TYPING).unwrap().operations
    }

    fn finished(outcome: Finished) -> Result<Change, MergeError> {
        match outcome {
            Finished::Merged { outcome, .. } => *outcome,
            Finished::Again(_) => panic!("nothing was in the way"),
        }
    }

    /// A document that merges elsewhere beside one that merges at once.
    struct Pair {
        live: Document,
        plain: Document,
        anchors: Vec<Anchor>,
        log: Vec<Operation>,
    }

    impl Pair {
        fn new(mut live: Document, random: &mut Seeded) -> Self {
            let end = live.rope().len_chars();
            let biases = [Bias::Before, Bias::After];
            let mut anchor = || {
                let at = CharOffset(random.below(end + 1));
                live.anchors_mut().insert(at, *random.pick(&biases))
            };
            let anchors = (0..6).map(|_| anchor()).collect();
            Pair { plain: live.clone(), live, anchors, log: Vec::new() }
        }

        /// The same edit or undo in both.
        fn work(&mut self, random: &mut Seeded) {
            if random.below(8) == 0 {
                let outcome = self.live.undo();
                assert_eq!(outcome.is_some(), self.plain.undo().is_some());
                self.log.extend(outcome.into_iter().flat_map(|one| one.change.operations));
                return;
            }
            let mut same = Seeded::new(random.next());
            let done = edit(&mut self.live, &mut same.clone());
            assert_eq!(done, edit(&mut self.plain, &mut same));
            self.log.extend(done);
        }

        fn check(&mut self, change: &Change, before: &Rope, place: &str) {
            assert_eq!(change.before(), before, "{place}");
            let mut led = before.clone();
            Transaction::new(change.edits.to_vec()).unwrap().apply_to(&mut led);
            assert_eq!((&led, change.after()), (self.live.rope(), self.live.rope()), "{place}");
            assert_eq!(change.version, self.live.version(), "{place}");
            let (live, plain) = (&self.live, &self.plain);
            assert_eq!((live.rope(), live.version()), (plain.rope(), plain.version()), "{place}");
            assert_eq!(live.text_hash(), plain.text_hash(), "{place}");
            for anchor in &self.anchors {
                let [live, plain] = [live, plain].map(|one| one.anchors().get(*anchor));
                assert_eq!(live, plain, "{place}");
            }
        }

        /// Takes everything back and brings it again, in both.
        fn walk(&mut self, place: &str) {
            loop {
                let (live, plain) = (self.live.undo(), self.plain.undo());
                let of = |one: &Option<super::super::UndoOutcome>| {
                    let one = one.as_ref()?;
                    Some((one.change.after().clone(), one.whose, one.selections.clone()))
                };
                let own = of(&live).is_some_and(|(_, whose, _)| whose == Whose::Own);
                match own {
                    true => assert_eq!(of(&live), of(&plain), "{place}"),
                    false => assert_eq!(of(&live).map(|o| o.0), of(&plain).map(|o| o.0), "{place}"),
                }
                if live.is_none() {
                    break;
                }
            }
            assert_eq!(self.live.rope(), BASE, "{place}");
            while self.live.redo().is_some() {}
            while self.plain.redo().is_some() {}
            assert_eq!(self.live.rope(), self.plain.rope(), "{place}");
        }
    }

    #[test]
    fn a_merge_elsewhere_does_what_one_at_once_does() {
        let mut random = Seeded::new(61);
        let (mut carried, mut again) = (0, 0);
        for round in 0..1_500 {
            let place = format!("round {round}");
            let (mut here, mut there) = (document(1), document(2));
            let shared = edit(&mut there, &mut random);
            here.merge(&shared).unwrap();
            for _ in 0..random.below(6) {
                edit(&mut here, &mut random);
            }
            let mut sent = Vec::new();
            for _ in 0..1 + random.below(5) {
                sent.extend(edit(&mut there, &mut random));
            }
            let mut pair = Pair::new(here, &mut random);
            let mut pending = pair.live.start_merge(sent.clone());
            let (outcome, before) = loop {
                let logged = pair.log.len();
                for _ in 0..random.below(4) {
                    pair.work(&mut random);
                }
                let before = pair.live.rope().clone();
                match pair.live.finish_merge(pending.run()) {
                    Finished::Merged { outcome, .. } => {
                        carried += usize::from(pair.log.len() > logged);
                        break (outcome, before);
                    }
                    Finished::Again(next) => pending = *next,
                }
                again += 1;
            };
            let change = outcome.unwrap();
            assert_eq!(change.operations, sent, "{place}");
            pair.plain.merge(&sent).unwrap();
            pair.check(&change, &before, &place);
            for _ in 0..random.below(3) {
                pair.work(&mut random);
            }
            assert_eq!(pair.live.rope(), pair.plain.rope(), "{place}");
            // What goes out afterwards is taken elsewhere.
            there.merge(&pair.log).unwrap();
            pair.walk(&place);
        }
        assert!(carried > 100 && again > 100, "{carried} carried, {again} begun again");
    }

    #[test]
    fn typing_far_from_what_came_is_carried_over_and_beside_it_is_not() {
        let (mut here, mut there) = (document(1), document(2));
        let sent = insert(&mut there, 4, "NEW ");
        let ready = here.start_merge(sent.clone()).run();
        insert(&mut here, 0, "typed ");
        let change = finished(here.finish_merge(ready)).unwrap();
        assert_eq!(change.edits[0], Edit::insert(CharOffset(10), "NEW "));
        assert!(here.rope().to_string().starts_with("typed one NEW two"));
        let mut beside = document(1);
        let ready = beside.start_merge(sent).run();
        insert(&mut beside, 4, "X");
        let Finished::Again(pending) = beside.finish_merge(ready) else {
            panic!("the order of two insertions at one place is the history's to say")
        };
        finished(beside.finish_merge(pending.run())).unwrap();
        let line = beside.rope().slice_of(beside.rope().line_range(crate::Line(0))).to_string();
        assert!(["one NEW Xtwo", "one XNEW two"].contains(&line.as_str()), "{line}");
    }

    #[test]
    fn a_merge_that_another_overtook_is_worked_out_anew() {
        let (mut here, mut there, mut third) = (document(1), document(2), document(3));
        let sent = insert(&mut there, 4, "NEW ");
        let first = here.start_merge(sent.clone()).run();
        here.merge(&insert(&mut third, 0, "third ")).unwrap();
        let Finished::Again(pending) = here.finish_merge(first) else { panic!("it is stale") };
        finished(here.finish_merge(pending.run())).unwrap();
        assert!(here.rope().to_string().starts_with("third one NEW two"));
    }

    #[test]
    fn what_panics_in_a_copy_costs_the_original_nothing() {
        let (mut here, mut there) = (document(1), document(2));
        let poison = insert(&mut there, 0, POISON);
        there.seal_group();
        let good = insert(&mut document(3), 0, "good ");
        let ready = here.start_merge([poison.clone(), good].concat());
        let ready = quietly(|| ready.run());
        insert(&mut here, 8, "!");
        let error = finished(here.finish_merge(ready)).unwrap_err();
        assert_eq!(error.refused, [Refused { id: poison[0].id, why: Refusal::Panicked }]);
        assert!(here.rope().to_string().starts_with("good one two\r!\n"), "{}", here.rope());
        // As when the copy as a whole was lost.
        let version = here.version();
        let mut ready = here.start_merge(poison.clone()).run();
        ready.merged = None;
        let error = finished(here.finish_merge(ready)).unwrap_err();
        assert_eq!((error.refused.len(), here.version()), (1, version));
    }

    #[test]
    fn how_long_a_merge_is_depends_on_what_neither_side_has_seen() {
        let (mut here, mut there) = (document(1), document(2));
        let mut sent = insert(&mut there, 0, "x");
        assert!(!here.is_long_merge(&sent));
        let long = insert(&mut here, 0, &"y".repeat(LONG_MERGE));
        assert!(here.is_long_merge(&sent), "it has not seen the long one");
        here.merge(&sent).unwrap();
        let next = insert(&mut there, 0, "z");
        assert!(here.is_long_merge(&next), "nor has what follows it");
        sent.extend(next);
        assert!(there.is_long_merge(&long));
        there.merge(&long).unwrap();
        let met = insert(&mut there, 0, "m");
        here.merge(&sent).unwrap();
        assert!(!here.is_long_merge(&met), "this one has");
    }
}
