//! diamond-types as a [`History`].
//!
//! Its own bytes are never read or written, and it is never asked for a checkout from the root:
//! the text is a rope that stands at a settled version, and only what came since is transformed.
//! The base is an operation without content, which costs the same for every size.

use diamond_types::LocalVersion;
use diamond_types::list::OpLog;
use diamond_types::list::operation::{OpKind, Operation as DiamondOperation};
use smallvec::{SmallVec, smallvec};

use super::spans::{Span, Spans};
use super::{Admission, History, Refusal, Step, StepKind};
use crate::author::Author;
use crate::change::TextHash;
use crate::operation::{MAX_NUMBER, Operation, OperationId, OperationKind};
use crate::position::CharOffset;

/// A history kept by diamond-types.
#[derive(Clone, Debug)]
pub(crate) struct Diamond {
    base: TextHash,
    log: OpLog,
    spans: Spans,
    /// The log's tips, as everybody names them.
    frontier: SmallVec<[OperationId; 1]>,
    /// Where the text stands.
    settled: LocalVersion,
    /// The length of the text there.
    length: usize,
}

impl History for Diamond {
    fn new(base: TextHash, length: usize) -> Self {
        let mut log = OpLog::new();
        if length > 0 {
            let agent = log.get_or_create_agent_id(&format!("base:{base}"));
            let insertion =
                DiamondOperation { loc: (0..length).into(), kind: OpKind::Ins, content: None };
            log.add_operations_at(agent, &[], &[insertion]);
        }
        let settled = log.local_version();
        let spans = Spans::new(length);
        Diamond { base, log, spans, frontier: SmallVec::new(), settled, length }
    }

    fn frontier(&self) -> &[OperationId] {
        &self.frontier
    }

    fn holds_id(&self, id: OperationId) -> bool {
        id == self.base.root() || self.spans.time_of(id).is_some()
    }

    fn next_sequence(&self, author: Author) -> u64 {
        self.spans.next_sequence(author)
    }

    fn append(&mut self, operation: &Operation) {
        debug_assert_eq!(self.settled.as_slice(), self.log.local_version_ref());
        let parents = std::mem::take(&mut self.settled);
        let length = self.length;
        let (chars, last) = self.push(operation, &parents, length);
        self.settled = smallvec![last];
        self.length = match operation.kind {
            OperationKind::Insert { .. } => length + chars,
            OperationKind::Delete { .. } => length - chars,
        };
        self.frontier.clear();
        self.frontier.push(operation.id_after(chars));
    }

    fn append_beside(&mut self, operation: &Operation, length: usize) {
        let parents = self.times_of(&operation.parents).ok().flatten();
        let parents = parents.expect("the copy was made of this document");
        self.admit_unchecked(operation, &parents, length);
    }

    fn reserve(&mut self, operations: usize) {
        self.spans.reserve(operations);
    }

    fn settle_as(&mut self, length: usize) {
        self.settled = self.log.local_version();
        self.length = length;
    }

    fn concurrent_with(&self, parents: &[OperationId]) -> usize {
        let root = self.base.root();
        let known = parents.iter().filter(|parent| **parent != root);
        let known: LocalVersion = known.filter_map(|parent| self.spans.time_of(*parent)).collect();
        let tips = self.log.local_version_ref();
        let has_none = self.spans.next_time() == self.spans.start();
        match has_none || tips.iter().all(|tip| known.contains(tip)) {
            true => 0,
            false => self.spans.next_time() - self.first_unseen(&known),
        }
    }

    fn admit(&mut self, operation: &Operation) -> Admission {
        if let Err(admission) = self.check_number(operation) {
            return admission;
        }
        let parents = match self.check_parents(operation) {
            Ok(parents) => parents,
            Err(admission) => return admission,
        };
        let length = self.length_at(&parents);
        let end = match &operation.kind {
            OperationKind::Insert { at, .. } => *at,
            OperationKind::Delete { range } => range.end,
        };
        if end > CharOffset(length) {
            return Admission::Refused(Refusal::OutOfBounds { length });
        }
        self.admit_unchecked(operation, &parents, length);
        Admission::New
    }

    fn settle(&mut self, visit: &mut dyn FnMut(Step<'_>)) {
        let tip = self.log.local_version();
        if self.settled == tip {
            return;
        }
        let mut length = self.length;
        for (times, operation) in self.log.iter_xf_operations_from(&self.settled, &tip) {
            let Some(operation) = operation else { continue };
            match operation.kind {
                OpKind::Ins => length += times.end - times.start,
                OpKind::Del => length -= times.end - times.start,
            }
            self.visit_parts(times.start, times.end, &operation, visit);
        }
        self.settled = tip;
        self.length = length;
    }

    fn mark(&self) -> usize {
        self.spans.next_time()
    }

    fn rewound(&self, mark: usize) -> Self {
        let mut fresh = Diamond::new(self.base, self.spans.start());
        let mut operations = self.log.iter().skip(usize::from(self.spans.start() > 0));
        let mut current: Option<(DiamondOperation, usize)> = None;
        let mut time = self.spans.start();
        while time < mark {
            let (operation, done) = match current.take() {
                Some(current) => current,
                None => (operations.next().expect("every moment has an operation"), 0),
            };
            let (span, span_end) = self.spans.at(time);
            let entry = self.log.iter_history_range((time..mark).into()).next();
            let entry = entry.expect("every moment has a place in the graph");
            let total = operation.loc.span.end - operation.loc.span.start;
            let ends = [span_end, entry.span.end, mark, time + total - done];
            let end = ends.into_iter().min().expect("there are four");
            let piece = part_of(&operation, done, done + (end - time));
            fresh.copy_piece(&self.spans, span, time, end, (&entry.parents, piece));
            if done + (end - time) < total {
                current = Some((operation, done + (end - time)));
            }
            time = end;
        }
        fresh.settled = fresh.log.local_version();
        fresh.frontier = fresh.settled.iter().filter_map(|tip| self.spans.id_at(*tip)).collect();
        fresh.frontier.sort_unstable();
        fresh.length = self.length;
        fresh
    }
}

impl Diamond {
    /// Adds an operation that is known to be sound.
    fn admit_unchecked(&mut self, operation: &Operation, parents: &[usize], length: usize) {
        let (chars, _) = self.push(operation, parents, length);
        self.frontier.retain(|tip| !operation.parents.contains(tip));
        let last = operation.id_after(chars);
        let place = self.frontier.partition_point(|tip| *tip < last);
        self.frontier.insert(place, last);
    }

    /// Adds an operation to the log and its spans; answers its characters and last moment.
    fn push(&mut self, operation: &Operation, parents: &[usize], length: usize) -> (usize, usize) {
        let agent = self.agent(operation.id.author);
        let id = self.spans.id_of(agent);
        let first = self.spans.next_time();
        let last = match &operation.kind {
            OperationKind::Insert { at, text } => self.log.add_insert_at(id, parents, at.0, text),
            OperationKind::Delete { range } => {
                self.log.add_delete_at(id, parents, range.start.0..range.end.0)
            }
        };
        let chars = last + 1 - first;
        self.spans.push(agent, operation, chars, length);
        (chars, last)
    }

    /// The first moment after the base that is not part of a version.
    fn first_unseen(&self, version: &[usize]) -> usize {
        let range = self.spans.start()..self.spans.next_time();
        let entries: Vec<_> = self.log.iter_history_range(range.into()).collect();
        // For each stretch of the graph, the moment up to which it was seen.
        let mut seen: Vec<usize> = entries.iter().map(|entry| entry.span.start).collect();
        let mut left: Vec<usize> = version.to_vec();
        while let Some(time) = left.pop() {
            if time < self.spans.start() {
                continue;
            }
            let index = entries.partition_point(|entry| entry.span.start <= time) - 1;
            if seen[index] == entries[index].span.start {
                left.extend_from_slice(&entries[index].parents);
            }
            seen[index] = seen[index].max(time + 1);
        }
        let mut stretches = entries.iter().zip(&seen);
        let first = stretches.find(|(entry, seen)| **seen < entry.span.end);
        first.map_or(self.spans.next_time(), |(_, seen)| *seen)
    }

    fn agent(&mut self, author: Author) -> u32 {
        self.spans.agent(author).unwrap_or_else(|| {
            let id = self.log.get_or_create_agent_id(&author.to_string());
            self.spans.add_agent(author, id)
        })
    }

    /// Whether an operation has the next number of its author and keeps the format's limits.
    fn check_number(&self, operation: &Operation) -> Result<(), Admission> {
        if !operation.is_well_formed() || operation.last().sequence > MAX_NUMBER {
            return Err(malformed("it breaks a limit of the format"));
        }
        let OperationId { author, sequence } = operation.id;
        if author == self.base.root().author {
            return Err(malformed("it claims to be made by the base"));
        }
        let next = self.spans.next_sequence(author);
        if sequence > next {
            return Err(Admission::Missing(OperationId { author, sequence: sequence - 1 }));
        }
        if sequence < next {
            return Err(match self.holds(operation) {
                true => Admission::Known,
                false => Admission::Refused(Refusal::Reused),
            });
        }
        Ok(())
    }

    /// Whether exactly this operation is already here.
    fn holds(&self, operation: &Operation) -> bool {
        let chars = operation.chars();
        let first = self.spans.time_of(operation.id).expect("its number was used");
        let Some(last) = self.spans.time_of(operation.last()) else { return false };
        if last + 1 - first != chars {
            return false;
        }
        let (span, end) = self.spans.at(first);
        if span.group != operation.group || span.cause != operation.cause || end <= last {
            return false;
        }
        let entry = self.log.iter_history_range((first..last + 1).into()).next();
        let entry = entry.expect("every moment has a place in the graph");
        let Some(parents) = self.times_of(&operation.parents).ok().flatten() else { return false };
        if entry.parents.as_slice() != parents.as_slice() || entry.span.end != last + 1 {
            return false;
        }
        // From its own parents to itself nothing has to be transformed: this reads it back.
        let mut done = 0;
        self.log.iter_xf_operations_from(&parents, &[last]).all(|(times, stored)| {
            let count = times.end - times.start;
            let same = stored.is_some_and(|stored| is_part(operation, done, count, &stored));
            done += count;
            same
        })
    }

    /// The moments of an operation's parents, if the operation may follow them.
    fn check_parents(&self, operation: &Operation) -> Result<LocalVersion, Admission> {
        let times = match self.times_of(&operation.parents) {
            Ok(Some(times)) => times,
            Ok(None) => return Err(malformed("it names the base beside another parent")),
            Err(missing) => return Err(Admission::Missing(missing)),
        };
        for (index, parent) in times.iter().enumerate() {
            let mut others = times.clone();
            others.remove(index);
            if !others.is_empty() && self.log.version_contains_time(&others, *parent) {
                return Err(malformed("one of its parents follows another"));
            }
        }
        if operation.id.sequence > 0 && !operation.is_chained() {
            let previous = OperationId { sequence: operation.id.sequence - 1, ..operation.id };
            let time = self.spans.time_of(previous).expect("numbers have no gaps");
            if times.is_empty() || !self.log.version_contains_time(&times, time) {
                return Err(malformed("it does not follow its author's previous operation"));
            }
        }
        Ok(times)
    }

    /// The moments of parents: `Ok(None)` if the base stands beside another, `Err` with one that
    /// is not here.
    fn times_of(&self, parents: &[OperationId]) -> Result<Option<LocalVersion>, OperationId> {
        let root = self.base.root();
        let mut times = LocalVersion::new();
        for parent in parents {
            if *parent == root {
                times.extend(self.spans.start().checked_sub(1));
                if parents.len() > 1 {
                    return Ok(None);
                }
                continue;
            }
            times.push(self.spans.time_of(*parent).ok_or(*parent)?);
        }
        times.sort_unstable();
        Ok(Some(times))
    }

    /// The length of the text at a version.
    fn length_at(&self, version: &[usize]) -> usize {
        if version == self.settled.as_slice() {
            return self.length;
        }
        match version {
            [] => 0,
            [only] => self.spans.length_after(*only),
            [first, ..] => {
                let from = self.spans.length_after(*first);
                let steps = self.log.iter_xf_operations_from(&[*first], version);
                steps.fold(from, |length, (times, operation)| match operation.map(|o| o.kind) {
                    Some(OpKind::Ins) => length + (times.end - times.start),
                    Some(OpKind::Del) => length - (times.end - times.start),
                    None => length,
                })
            }
        }
    }

    /// Visits a transformed operation, cut where the author, group or cause changes.
    fn visit_parts(
        &self,
        start: usize,
        end: usize,
        operation: &DiamondOperation,
        visit: &mut dyn FnMut(Step<'_>),
    ) {
        let mut text = operation.content_as_str().unwrap_or_default();
        let (mut time, mut at) = (start, operation.loc.span.start);
        while time < end {
            let (span, span_end) = self.spans.at(time);
            let count = span_end.min(end) - time;
            let kind = match operation.kind {
                OpKind::Ins => {
                    let byte = text.char_indices().nth(count).map_or(text.len(), |(byte, _)| byte);
                    let (part, rest) = text.split_at(byte);
                    text = rest;
                    at += count;
                    StepKind::Insert { at: at - count, text: part }
                }
                // What follows a deletion moves up to its place.
                OpKind::Del if operation.loc.fwd => StepKind::Delete { range: at..at + count },
                OpKind::Del => {
                    let behind = operation.loc.span.end - (time - start);
                    StepKind::Delete { range: behind - count..behind }
                }
            };
            visit(Step { group: self.spans.group_of(span), cause: span.cause, kind });
            time += count;
        }
    }

    /// Adds one piece of another history that agrees in everything.
    fn copy_piece(
        &mut self,
        from: &Spans,
        span: &Span,
        start: usize,
        end: usize,
        (parents, piece): (&[usize], DiamondOperation),
    ) {
        let author = from.author_of(span.agent);
        let agent = self.agent(author);
        let skipped = start - span.time;
        let length = match skipped {
            0 => span.length,
            _ => from.length_after(start - 1),
        };
        let sequence = span.sequence + skipped as u64;
        self.log.add_operations_at(self.spans.id_of(agent), parents, &[piece]);
        let copied = Span { time: start, agent, sequence, length, ..span.clone() };
        self.spans.push_span(copied, end - start);
    }
}

fn malformed(why: &'static str) -> Admission {
    Admission::Refused(Refusal::Malformed(why))
}

/// Some of an operation's moments.
fn part_of(operation: &DiamondOperation, from: usize, to: usize) -> DiamondOperation {
    let mut loc = operation.loc;
    let start = loc.span.start;
    loc.span = match operation.kind {
        OpKind::Ins => (start + from..start + to).into(),
        OpKind::Del if loc.fwd => (start..start + to - from).into(),
        OpKind::Del => (loc.span.end - to..loc.span.end - from).into(),
    };
    let content =
        operation.content_as_str().map(|text| text.chars().skip(from).take(to - from).collect());
    DiamondOperation { loc, kind: operation.kind, content }
}

/// Whether what diamond-types stored is the part of an operation from its character `done` on.
fn is_part(operation: &Operation, done: usize, count: usize, stored: &DiamondOperation) -> bool {
    match &operation.kind {
        OperationKind::Insert { at, text } => {
            stored.kind == OpKind::Ins
                && stored.loc.span.start == at.0 + done
                && stored
                    .content_as_str()
                    .is_some_and(|stored| stored.chars().eq(text.chars().skip(done).take(count)))
        }
        OperationKind::Delete { range } => {
            stored.kind == OpKind::Del && stored.loc.span.start == range.start.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Change, Origin};
    use crate::operation::{Cause, GroupId};
    use crate::position::CharRange;
    use crate::seeded::Seeded;
    use crate::{Authors, Document, Edit, Rope, Transaction};

    const BASE: &str = "0123456789";

    fn author(number: u8) -> Author {
        Author::from_bytes([number; 16])
    }

    fn document(number: u8) -> Document {
        Document::from_base_as(Rope::from_str(BASE), Authors::new(author(number)))
    }

    fn apply(document: &mut Document, edit: Edit) -> Change {
        document.apply(Transaction::single(edit), Origin::COMMAND).unwrap()
    }

    fn range(start: usize, end: usize) -> CharRange {
        CharRange { start: CharOffset(start), end: CharOffset(end) }
    }

    fn refusal(document: &mut Document, operation: &Operation) -> Refusal {
        let before = (document.version(), document.rope().clone());
        let error = document.merge(std::slice::from_ref(operation)).unwrap_err();
        assert!(error.change.is_empty());
        assert_eq!((document.version(), document.rope().clone()), before);
        assert_eq!(error.refused.len(), 1);
        error.refused[0].why.clone()
    }

    #[test]
    fn a_number_used_twice_is_refused_and_the_same_operation_twice_is_not() {
        let (mut here, mut there) = (document(1), document(2));
        let mut log = Vec::new();
        log.extend(apply(&mut there, Edit::replace(range(2, 5), "new")).operations);
        log.extend(apply(&mut there, Edit::delete(range(7, 8))).operations);
        log.extend(apply(&mut there, Edit::delete(range(6, 7))).operations);
        here.merge(&log).unwrap();
        let change = here.merge(&log).unwrap();
        assert!(change.is_empty() && change.operations.is_empty());
        for original in &log {
            let mut changed = vec![Operation { group: original.id.sequence, ..original.clone() }];
            changed.push(Operation { cause: Cause::Agent, ..original.clone() });
            let mut moved = original.clone();
            match &mut moved.kind {
                OperationKind::Insert { at, .. } => *at = *at + 1,
                OperationKind::Delete { range } => {
                    (range.start, range.end) = (range.start + 1, range.end + 1);
                }
            }
            changed.push(moved);
            let mut longer = original.clone();
            if let OperationKind::Insert { text, .. } = &mut longer.kind {
                *text = "old".into();
                changed.push(longer);
            }
            for changed in changed.iter().filter(|changed| *changed != original) {
                assert_eq!(refusal(&mut here, changed), Refusal::Reused, "{changed:?}");
            }
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_before_the_crdt_sees_it() {
        let (mut here, mut there) = (document(1), document(2));
        let good = apply(&mut there, Edit::insert(CharOffset(10), "x")).operations.remove(0);
        let insert =
            |at: usize, text: &str| OperationKind::Insert { at: CharOffset(at), text: text.into() };
        let past = Operation { kind: insert(11, "x"), ..good.clone() };
        assert_eq!(refusal(&mut here, &past), Refusal::OutOfBounds { length: 10 });
        let delete = OperationKind::Delete { range: range(9, 11) };
        let past = Operation { kind: delete, ..good.clone() };
        assert_eq!(refusal(&mut here, &past), Refusal::OutOfBounds { length: 10 });
        let root = here.base().root();
        let broken = [
            Operation { kind: insert(0, ""), ..good.clone() },
            Operation { parents: smallvec![], ..good.clone() },
            Operation { parents: smallvec![root, root], ..good.clone() },
            Operation { id: OperationId { author: root.author, sequence: 0 }, ..good.clone() },
            Operation { group: 7, ..good.clone() },
            Operation { cause: Cause::Other(3), ..good.clone() },
        ];
        for operation in &broken {
            assert!(matches!(refusal(&mut here, operation), Refusal::Malformed(_)));
        }
        here.merge(std::slice::from_ref(&good)).unwrap();
        let second = apply(&mut there, Edit::insert(CharOffset(0), "y")).operations.remove(0);
        let forgetful = Operation { parents: smallvec![root], ..second.clone() };
        assert!(matches!(refusal(&mut here, &forgetful), Refusal::Malformed(_)));
        let older = Operation { parents: smallvec![root, good.id], ..second.clone() };
        let older = Operation {
            parents: older
                .parents
                .iter()
                .copied()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect(),
            ..older
        };
        assert!(matches!(refusal(&mut here, &older), Refusal::Malformed(_)));
        here.merge(&[second]).unwrap();
        assert_eq!(here.rope(), there.rope());
    }

    #[test]
    fn operations_on_another_base_wait_for_ever_and_do_no_harm() {
        let mut here = document(1);
        let mut other = Document::from_base_as(Rope::from_str("other"), Authors::new(author(2)));
        let foreign = apply(&mut other, Edit::insert(CharOffset(5), "x")).operations;
        assert!(here.merge(&foreign).unwrap().is_empty());
        assert_eq!(here.missing(), [other.base().root()]);
        assert_eq!(here.rope(), BASE);
    }

    #[test]
    fn early_operations_are_held_until_what_they_follow_has_come() {
        let (mut here, mut there) = (document(1), document(2));
        let log: Vec<Operation> = (0..5)
            .flat_map(|at| apply(&mut there, Edit::insert(CharOffset(at), "x")).operations)
            .collect();
        assert!(here.merge(&log[2..]).unwrap().is_empty());
        assert_eq!(here.missing(), [log[1].id]);
        let change = here.merge(&log[..2]).unwrap();
        assert_eq!(change.operations.len(), 5);
        assert!(here.missing().is_empty());
        assert_eq!(here.version(), there.version());
        assert_eq!(here.rope(), there.rope());
    }

    /// An operation that was not checked, as another version's mistake would bring it.
    fn poison(history: &mut Diamond) {
        let at = CharOffset(1_000);
        let root = history.base.root();
        let poison = Operation {
            id: OperationId { author: author(66), sequence: 0 },
            parents: smallvec![root],
            kind: OperationKind::Insert { at, text: "poison".into() },
            group: 0,
            cause: Cause::Typed,
        };
        let start = history.spans.start() - 1;
        history.admit_unchecked(&poison, &[start], 10);
    }

    #[test]
    fn after_a_panic_the_history_is_rebuilt_as_it_was() {
        let mut random = Seeded::new(51);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut panics = 0;
        for _ in 0..60 {
            let (mut here, mut there) = (document(1), document(2));
            let (mut own, mut log) = (Vec::new(), Vec::new());
            for _ in 0..random.below(30) {
                for (document, log) in [(&mut here, &mut own), (&mut there, &mut log)] {
                    let length = document.rope().len_chars();
                    let at = random.below(length + 1);
                    let end = (at + random.below(3)).min(length);
                    let edit = Edit::replace(range(at, end), *random.pick(&["", "a", "bc"]));
                    log.extend(apply(document, edit).operations);
                }
                if random.below(4) == 0 {
                    here.merge(&log).unwrap();
                }
            }
            here.merge(&log).unwrap();
            let mut history = here.history_mut().clone();
            let mark = history.mark();
            let tips = history.frontier.clone();
            poison(&mut history);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut rope = here.rope().clone();
                history.settle(&mut |step| match step.kind {
                    StepKind::Insert { at, text } => rope.insert(at, text),
                    StepKind::Delete { range } => rope.remove(range),
                });
            }));
            panics += usize::from(panicked.is_err());
            *here.history_mut() = history.rewound(mark);
            let frontier = here.history_mut().frontier.clone();
            assert_eq!(frontier, tips);
            there.merge(&own).unwrap();
            assert_eq!(here.version(), there.version());
            let at = random.below(here.rope().len_chars() + 1);
            let next = apply(&mut there, Edit::insert(CharOffset(at), "after")).operations;
            here.merge(&next).unwrap();
            assert_eq!(here.rope(), there.rope());
            let back = apply(&mut here, Edit::insert(CharOffset(0), "back")).operations;
            there.merge(&back).unwrap();
            assert_eq!(here.rope(), there.rope());
        }
        std::panic::set_hook(hook);
        assert!(panics > 30, "the poison works: {panics}");
    }

    #[test]
    fn typing_a_word_is_one_span() {
        let mut document = document(1);
        for (index, letter) in ["w", "o", "r", "d"].iter().enumerate() {
            let edit = Edit::insert(CharOffset(index), *letter);
            document.apply(Transaction::single(edit), Origin::TYPING).unwrap();
        }
        let spans = &document.history_mut().spans;
        let (span, end) = spans.at(BASE.len());
        assert_eq!((span.time, end), (10, 14));
        assert_eq!(spans.group_of(span), GroupId { author: author(1), number: 0 });
        assert_eq!(spans.length_after(13), 14);
    }
}
