//! What comes from elsewhere: merging operations, holding those that came too early, and
//! replaying a log.
//!
//! A merge works on a copy of the rope and touches undo and anchors only once it has succeeded.
//! The history is the one thing that it changes in place; after a panic that is rebuilt as it was.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ropey::Rope;
use smallvec::{SmallVec, smallvec};

use super::Document;
use crate::author::Authors;
use crate::change::{Change, ChangeParts};
use crate::edit::Edit;
use crate::history::diamond::Diamond;
use crate::history::{Admission, History, Refusal, Step, StepKind};
use crate::operation::{Cause, GroupId, Operation, OperationId, OperationKind};
use crate::position::{CharOffset, CharRange};
use crate::undo::delta::Delta;
use crate::undo::fragment::Fragment;

/// The most operations that wait for others.
const HELD_MAX: usize = 4096;

/// The most bytes of text in operations that wait.
const HELD_BYTES_MAX: usize = 16 << 20;

/// In a replay, the most operations that are merged at once if each was made beside the others.
/// One merge costs as much as its concurrent part is long, so few merges are better than many;
/// but a tangle that grows too large costs more than linearly.
const BATCH_SWITCHES_MAX: usize = 256;

/// An operation that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub id: OperationId,
    /// Why.
    pub why: Refusal,
}

/// Some operations were refused; the others were merged.
#[derive(Clone, Debug)]
pub struct MergeError {
    /// What was refused, and has to be kept aside.
    pub refused: Vec<Refused>,
    /// What the others changed.
    pub change: Box<Change>,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refused.as_slice() {
            [] => write!(f, "no operation was refused"),
            [one] => write!(f, "operation {} was refused: {}", one.id, one.why),
            [first, rest @ ..] => write!(
                f,
                "operation {} and {} others were refused: {}",
                first.id,
                rest.len(),
                first.why
            ),
        }
    }
}

impl std::error::Error for MergeError {}

/// A document that was replayed from its log.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The document.
    pub document: Document,
    /// Records that had to be left out.
    pub refused: Vec<Refused>,
}

/// Operations that came before those that they build on.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<OperationId, (Operation, OperationId)>,
    bytes: usize,
}

impl Held {
    fn hold(&mut self, operation: &Operation, missing: OperationId) -> Result<(), Refusal> {
        if self.waiting.contains_key(&operation.id) {
            return Ok(());
        }
        let bytes = text_bytes(operation);
        if self.waiting.len() >= HELD_MAX || self.bytes + bytes > HELD_BYTES_MAX {
            return Err(Refusal::TooManyHeld);
        }
        self.bytes += bytes;
        self.waiting.insert(operation.id, (operation.clone(), missing));
        Ok(())
    }

    /// All of them.
    pub fn waiting(&self) -> impl Iterator<Item = &Operation> {
        self.waiting.values().map(|(operation, _)| operation)
    }

    /// Those whose missing operation has come.
    fn ready(&self, history: &Diamond) -> Vec<OperationId> {
        let came = |missing: &OperationId| history.holds_id(*missing);
        self.waiting.iter().filter(|(_, (_, missing))| came(missing)).map(|(id, _)| *id).collect()
    }

    fn release(&mut self, id: OperationId) -> Option<Operation> {
        let (operation, _) = self.waiting.remove(&id)?;
        self.bytes -= text_bytes(&operation);
        Some(operation)
    }
}

fn text_bytes(operation: &Operation) -> usize {
    match &operation.kind {
        OperationKind::Insert { text, .. } => text.len(),
        OperationKind::Delete { .. } => 0,
    }
}

/// What a group's operations did, as deltas that follow each other.
struct GroupDeltas {
    group: GroupId,
    cause: Cause,
    deltas: Vec<Delta>,
}

/// A merge that succeeded and was not yet taken over.
struct Intake {
    rope: Rope,
    merged: Vec<Operation>,
    refused: Vec<Refused>,
    groups: Vec<GroupDeltas>,
}

/// What came of a merge.
#[derive(Default)]
struct Absorbed {
    merged: Vec<Operation>,
    refused: Vec<Refused>,
    /// One delta for each group, each of the text after the one before it.
    deltas: Vec<Delta>,
}

/// Whether operations that wait are let in when what they waited for comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Released,
    Kept,
}

impl Intake {
    /// Applies a step of the history to the rope.
    fn take(&mut self, step: Step<'_>) {
        let edit = match step.kind {
            StepKind::Insert { at, text } => Edit::insert(CharOffset(at), text),
            StepKind::Delete { range } => Edit::delete(CharRange {
                start: CharOffset(range.start),
                end: CharOffset(range.end),
            }),
        };
        #[cfg(test)]
        assert_ne!(&*edit.text, tests::POISON);
        let removed = Fragment::cut(&self.rope, edit.range);
        if edit.text.is_empty() {
            self.rope.remove(edit.range.start.0..edit.range.end.0);
        } else {
            self.rope.insert(edit.range.start.0, &edit.text);
        }
        let (group, cause) = (step.group, step.cause);
        match self.groups.last_mut() {
            Some(last) if last.group == group && last.cause == cause => {
                let newest = last.deltas.last_mut().expect("a group has a delta");
                let next = newest.extend(&edit, removed);
                last.deltas.extend(next);
            }
            _ => {
                let deltas = vec![Delta::single(&edit, removed)];
                self.groups.push(GroupDeltas { group, cause, deltas });
            }
        }
    }
}

impl Document {
    /// Merges operations that were made elsewhere. What builds on operations that are not here
    /// is held until they come (see [`Document::missing`]); what is here already is skipped.
    /// An operation that breaks a rule costs itself alone: the error names it, and holds the
    /// change that the others made.
    pub fn merge(&mut self, operations: &[Operation]) -> Result<Change, MergeError> {
        let before = self.rope.clone();
        if let Some(meanwhile) = self.meanwhile.as_mut().filter(|_| !operations.is_empty()) {
            meanwhile.note_merge();
        }
        let Absorbed { merged, refused, deltas } = self.absorb(operations);
        let edits = Delta::chain(deltas).to_edits_of(&self.rope);
        self.anchors.map(&edits);
        if let Some(open) = &mut self.undo.open {
            open.map(&edits);
        }
        let last = merged.last();
        let author = self.author();
        let parts = ChangeParts {
            document: self.id,
            edits: edits.into(),
            version: self.version(),
            author: last.map_or(author, |last| last.id.author),
            group: last.map_or(self.new_group(), Operation::group),
            cause: last.map_or(Cause::Outside, |last| last.cause),
            operations: merged,
        };
        let change = Change::with_before(parts, before, self.rope.clone());
        match refused.is_empty() {
            true => Ok(change),
            false => Err(MergeError { refused, change: Box::new(change) }),
        }
    }

    /// Operations that others wait for, and that nobody has sent yet.
    pub fn missing(&self) -> Vec<OperationId> {
        let waiting = &self.held.waiting;
        let mut missing: Vec<OperationId> = waiting
            .values()
            .map(|(_, missing)| *missing)
            .filter(|missing| !waiting.contains_key(missing))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// A document as its log has it: the base, and all operations in the order in which they
    /// were logged here. Undo reaches the work of all of the device's `authors`.
    pub fn restore(base: Rope, operations: &[Operation], authors: Authors) -> Restored {
        let mut document = Document::from_base_as(base, authors);
        let mut refused = Vec::new();
        let own = document.authors.clone();
        for batch in batches(document.base.root(), &own, operations) {
            refused.extend(document.absorb(batch).refused);
        }
        Restored { document, refused }
    }

    /// Merges into rope, history and undo. After a panic each operation is tried on its own, so
    /// that only the one that does harm is refused.
    fn absorb(&mut self, operations: &[Operation]) -> Absorbed {
        if let Some(done) = self.try_absorb(operations, Waiting::Released) {
            return done;
        }
        let mut done = Absorbed::default();
        operations.iter().for_each(|operation| self.absorb_one(operation, &mut done));
        loop {
            let ready = self.held.ready(&self.history);
            if ready.is_empty() {
                return done;
            }
            for id in ready {
                let operation = self.held.release(id).expect("it waited");
                self.absorb_one(&operation, &mut done);
            }
        }
    }

    fn absorb_one(&mut self, operation: &Operation, done: &mut Absorbed) {
        match self.try_absorb(std::slice::from_ref(operation), Waiting::Kept) {
            Some(one) => {
                done.merged.extend(one.merged);
                done.refused.extend(one.refused);
                done.deltas.extend(one.deltas);
            }
            None => done.refused.push(Refused { id: operation.id, why: Refusal::Panicked }),
        }
    }

    /// `None` means that it panicked, and that nothing happened.
    fn try_absorb(&mut self, operations: &[Operation], waiting: Waiting) -> Option<Absorbed> {
        let mark = self.history.mark();
        let mut released = Vec::new();
        let outcome = {
            let (history, held, released) = (&mut self.history, &mut self.held, &mut released);
            let rope = self.rope.clone();
            // Rope, undo and anchors are untouched by a panic; the history is rebuilt after one,
            // and what was released waits again.
            catch_unwind(AssertUnwindSafe(|| {
                let (merged, refused) = admit_all(history, held, operations);
                let mut intake = Intake { rope, merged, refused, groups: Vec::new() };
                if waiting == Waiting::Released && !intake.merged.is_empty() {
                    release_all(history, held, &mut intake, released);
                }
                history.settle(&mut |step| intake.take(step));
                intake
            }))
        };
        let Ok(intake) = outcome else {
            self.history = self.history.rewound(mark);
            for operation in &released {
                self.held.hold(operation, operation.parents[0]).ok();
            }
            return None;
        };
        self.rope = intake.rope;
        if !intake.groups.is_empty() {
            self.hash.take();
        }
        let mut deltas = Vec::with_capacity(intake.groups.len());
        for GroupDeltas { group, cause, deltas: parts } in intake.groups {
            deltas.push(self.undo.replay(&self.authors, group, cause, parts));
        }
        Some(Absorbed { merged: intake.merged, refused: intake.refused, deltas })
    }
}

/// Admits operations; answers those that are new and those that are refused.
fn admit_all(
    history: &mut Diamond,
    held: &mut Held,
    operations: &[Operation],
) -> (Vec<Operation>, Vec<Refused>) {
    let (mut merged, mut refused) = (Vec::new(), Vec::new());
    for operation in operations {
        match history.admit(operation) {
            Admission::New => merged.push(operation.clone()),
            Admission::Known => {}
            Admission::Missing(missing) => {
                if let Err(why) = held.hold(operation, missing) {
                    refused.push(Refused { id: operation.id, why });
                }
            }
            Admission::Refused(why) => refused.push(Refused { id: operation.id, why }),
        }
    }
    (merged, refused)
}

/// Lets in what waited, as long as that makes more ready.
fn release_all(
    history: &mut Diamond,
    held: &mut Held,
    intake: &mut Intake,
    released: &mut Vec<Operation>,
) {
    loop {
        let ready = held.ready(history);
        if ready.is_empty() {
            return;
        }
        for id in ready {
            let operation = held.release(id).expect("it waited");
            released.push(operation.clone());
            match history.admit(&operation) {
                Admission::New => intake.merged.push(operation),
                Admission::Known => {}
                Admission::Missing(missing) => {
                    released.pop();
                    held.hold(&operation, missing).expect("there was room for it before");
                }
                Admission::Refused(why) => intake.refused.push(Refused { id, why }),
            }
        }
    }
}

/// Cuts a log into batches that are merged at once: a batch ends where somebody had seen
/// everything before. What was written in one line of history is one batch. What came beside
/// this device's work is not merged with it: undo has to meet both in the order of the log.
fn batches<'a>(
    root: OperationId,
    authors: &Authors,
    operations: &'a [Operation],
) -> impl Iterator<Item = &'a [Operation]> {
    let mut rest = operations;
    let mut tip: SmallVec<[OperationId; 2]> = smallvec![root];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut concurrent, mut switches, mut own) = (false, 0, false);
        let mut count = 0;
        for operation in rest {
            let saw_all = operation.parents.as_slice() == tip.as_slice();
            switches += usize::from(!saw_all && !operation.is_chained());
            let beside_own = own && !saw_all;
            if beside_own || (concurrent && (saw_all || switches > BATCH_SWITCHES_MAX)) {
                break;
            }
            concurrent |= !saw_all;
            own |= authors.is_own(operation.id.author);
            tip.retain(|id| !operation.parents.contains(id));
            let last = operation.last();
            let place = tip.partition_point(|id| *id < last);
            tip.insert(place, last);
            count += 1;
        }
        let (batch, after) = rest.split_at(count);
        rest = after;
        Some(batch)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::author::Author;
    use crate::change::Origin;
    use crate::edit::Transaction;

    /// A text that makes a merge panic, in tests only.
    pub const POISON: &str = "poison";

    fn document(author: u8) -> Document {
        let authors = Authors::new(Author::from_bytes([author; 16]));
        Document::from_base_as(Rope::from_str("base"), authors)
    }

    fn insert(document: &mut Document, at: usize, text: &str) -> Operation {
        let edit = Transaction::single(Edit::insert(CharOffset(at), text));
        document.apply(edit, Origin::COMMAND).unwrap().operations.remove(0)
    }

    /// Keeps expected panics out of the output.
    pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let outcome = work();
        std::panic::set_hook(hook);
        outcome
    }

    #[test]
    fn an_operation_that_panics_costs_itself_alone() {
        let (mut here, mut good, mut bad) = (document(1), document(2), document(3));
        insert(&mut here, 4, " own");
        let before = insert(&mut good, 0, "1");
        let poison = insert(&mut bad, 2, POISON);
        let child = insert(&mut bad, 0, "child");
        let after = insert(&mut good, 1, "2");
        let all = [before.clone(), poison.clone(), child.clone(), after.clone()];
        let error = quietly(|| here.merge(&all).unwrap_err());
        assert_eq!(error.refused, [Refused { id: poison.id, why: Refusal::Panicked }]);
        assert_eq!(error.change.operations, [before, after]);
        assert_eq!(error.change.after(), "12base own");
        assert_eq!(here.rope(), "12base own");
        assert_eq!(here.missing(), [poison.last()], "its child waits for it");
        let back = insert(&mut here, 0, "still typing ");
        assert_eq!(here.rope(), "still typing 12base own");
        assert_eq!(back.parents.len(), 2, "and goes on from what was merged");
    }

    #[test]
    fn a_waiting_operation_that_panics_does_not_block_those_after_it() {
        let (mut here, mut bad) = (document(1), document(3));
        let first = insert(&mut bad, 0, "1");
        let poison = insert(&mut bad, 2, POISON);
        here.merge(std::slice::from_ref(&poison)).unwrap();
        let error = quietly(|| here.merge(std::slice::from_ref(&first)).unwrap_err());
        assert_eq!(error.refused, [Refused { id: poison.id, why: Refusal::Panicked }]);
        assert_eq!(here.rope(), "1base");
        assert!(here.missing().is_empty());
    }

    #[test]
    fn what_waits_is_limited() {
        let (mut here, mut there) = (document(1), document(2));
        let log: Vec<Operation> = (0..HELD_MAX + 2).map(|at| insert(&mut there, at, "x")).collect();
        let error = here.merge(&log[1..]).unwrap_err();
        assert_eq!(error.refused.len(), 1);
        assert_eq!(error.refused[0].why, Refusal::TooManyHeld);
        here.merge(&log).unwrap();
        assert_eq!(here.rope(), there.rope());
    }

    #[test]
    fn a_log_in_one_line_is_one_batch_and_a_join_ends_one() {
        let (mut a, mut b) = (document(1), document(2));
        let mut log: Vec<Operation> = (0..9).map(|at| insert(&mut a, at, "x")).collect();
        let authors = Authors::new(Author::from_bytes([9; 16]));
        assert_eq!(batches(a.base().root(), &authors, &log).count(), 1);
        log.push(insert(&mut b, 0, "y"));
        a.merge(&log[9..]).unwrap();
        log.push(insert(&mut a, 0, "z"));
        let lengths: Vec<usize> =
            batches(a.base().root(), &authors, &log).map(<[_]>::len).collect();
        assert_eq!(lengths, [10, 1]);
        let authors = Authors::new(a.author());
        let lengths: Vec<usize> =
            batches(a.base().root(), &authors, &log).map(<[_]>::len).collect();
        assert_eq!(lengths, [9, 1, 1], "own work is not merged with what came beside it");
    }
}
