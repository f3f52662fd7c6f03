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
    held: Held,
    merged: Vec<Operation>,
    refused: Vec<Refused>,
    groups: Vec<GroupDeltas>,
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
        let (merged, refused, deltas) = self.absorb(operations);
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
        for batch in batches(document.base.root(), operations) {
            refused.extend(document.absorb(batch).1);
        }
        Restored { document, refused }
    }

    /// Merges into rope, history and undo. After a panic each operation is tried on its own.
    fn absorb(&mut self, operations: &[Operation]) -> (Vec<Operation>, Vec<Refused>, Vec<Delta>) {
        match self.try_absorb(operations) {
            Some(done) => done,
            None if operations.len() > 1 => {
                let (mut merged, mut refused, mut deltas) = (Vec::new(), Vec::new(), Vec::new());
                for operation in operations {
                    let one = self.absorb(std::slice::from_ref(operation));
                    merged.extend(one.0);
                    refused.extend(one.1);
                    deltas.extend(one.2);
                }
                (merged, refused, deltas)
            }
            None => {
                let panicked =
                    |operation: &Operation| Refused { id: operation.id, why: Refusal::Panicked };
                (Vec::new(), operations.iter().map(panicked).collect(), Vec::new())
            }
        }
    }

    fn try_absorb(
        &mut self,
        operations: &[Operation],
    ) -> Option<(Vec<Operation>, Vec<Refused>, Vec<Delta>)> {
        let mark = self.history.mark();
        let intake = Intake {
            rope: self.rope.clone(),
            held: self.held.clone(),
            merged: Vec::new(),
            refused: Vec::new(),
            groups: Vec::new(),
        };
        let history = &mut self.history;
        // Rope, undo and anchors are untouched by a panic; the history is rebuilt after one.
        let outcome = catch_unwind(AssertUnwindSafe(|| take_in(history, intake, operations)));
        let Ok(intake) = outcome else {
            self.history = self.history.rewound(mark);
            return None;
        };
        self.rope = intake.rope;
        self.held = intake.held;
        if !intake.groups.is_empty() {
            self.hash.take();
        }
        let mut deltas = Vec::with_capacity(intake.groups.len());
        for GroupDeltas { group, cause, deltas: parts } in intake.groups {
            let delta = Delta::chain(parts);
            self.undo.replay(&self.authors, group, cause, delta.clone());
            deltas.push(delta);
        }
        Some((intake.merged, intake.refused, deltas))
    }
}

/// Admits operations and whatever waited for them, then brings the rope up to date.
fn take_in(history: &mut Diamond, mut intake: Intake, operations: &[Operation]) -> Intake {
    for operation in operations {
        match history.admit(operation) {
            Admission::New => intake.merged.push(operation.clone()),
            Admission::Known => {}
            Admission::Missing(missing) => {
                if let Err(why) = intake.held.hold(operation, missing) {
                    intake.refused.push(Refused { id: operation.id, why });
                }
            }
            Admission::Refused(why) => intake.refused.push(Refused { id: operation.id, why }),
        }
    }
    if !intake.merged.is_empty() {
        while release_held(history, &mut intake) {}
    }
    // The visitor needs the intake while the history is borrowed; they are apart.
    history.settle(&mut |step| intake.take(step));
    intake
}

/// One pass over what waits; true if that let something in.
fn release_held(history: &mut Diamond, intake: &mut Intake) -> bool {
    let ids: SmallVec<[OperationId; 8]> = intake.held.waiting.keys().copied().collect();
    let mut progress = false;
    for id in ids {
        let (operation, missing) = &intake.held.waiting[&id];
        if !history.holds_id(*missing) {
            continue;
        }
        let admission = history.admit(operation);
        if let Admission::Missing(next) = admission {
            if let Some((_, missing)) = intake.held.waiting.get_mut(&id) {
                *missing = next;
            }
            continue;
        }
        progress = true;
        let operation = intake.held.release(id).expect("it was just there");
        match admission {
            Admission::New => intake.merged.push(operation),
            Admission::Refused(why) => intake.refused.push(Refused { id, why }),
            Admission::Known | Admission::Missing(_) => {}
        }
    }
    progress
}

/// Cuts a log into batches that are merged at once: a batch ends where somebody had seen
/// everything before. What was written in one line of history is one batch.
fn batches(root: OperationId, operations: &[Operation]) -> impl Iterator<Item = &[Operation]> {
    let mut rest = operations;
    let mut tip: SmallVec<[OperationId; 2]> = smallvec![root];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut concurrent, mut switches) = (false, 0);
        let mut count = 0;
        for operation in rest {
            let saw_all = operation.parents.as_slice() == tip.as_slice();
            switches += usize::from(!saw_all && !operation.is_chained());
            if concurrent && (saw_all || switches > BATCH_SWITCHES_MAX) {
                break;
            }
            concurrent |= !saw_all;
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
