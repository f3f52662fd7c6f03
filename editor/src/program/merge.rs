//! Operations that were made elsewhere: short merges at once, long ones on a worker.

use text::{Change, Finished, MergeError, Operation, PendingMerge};

use super::Program;
use crate::buffer::BufferId;
use crate::notice::Severity;
use crate::workers::Urgency;

impl Program {
    /// Merges operations of other devices into a buffer. While a long merge runs on a worker the
    /// text is edited as ever, and what comes meanwhile waits for it.
    pub fn merge(&mut self, id: BufferId, operations: Vec<Operation>) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if let Some(waiting) = &mut buffer.merging {
            waiting.extend(operations);
            return;
        }
        if !buffer.document.is_long_merge(&operations) {
            let outcome = buffer.document.merge(&operations);
            return self.merged(id, outcome);
        }
        buffer.merging = Some(Vec::new());
        let pending = buffer.document.start_merge(operations);
        self.merge_beside(id, pending);
    }

    fn merge_beside(&mut self, id: BufferId, pending: PendingMerge) {
        let Some(buffer) = self.buffers.get(&id) else { return };
        self.workers.run(
            format!("merging edits into {}", buffer.title()),
            Urgency::Background,
            move || pending.run(),
            move |program, ready| {
                let Some(buffer) = program.buffers.get_mut(&id) else { return };
                match buffer.document.finish_merge(ready) {
                    Finished::Again(pending) => program.merge_beside(id, *pending),
                    Finished::Merged { outcome, retired } => {
                        program.free("freeing a history", retired);
                        program.merged(id, *outcome);
                        program.merge_waiting(id);
                    }
                }
            },
        );
    }

    fn merge_waiting(&mut self, id: BufferId) {
        let waiting = self.buffers.get_mut(&id).and_then(|buffer| buffer.merging.take());
        if let Some(waiting) = waiting.filter(|waiting| !waiting.is_empty()) {
            self.merge(id, waiting);
        }
    }

    fn merged(&mut self, id: BufferId, outcome: Result<Change, MergeError>) {
        let change = match outcome {
            Ok(change) => change,
            Err(error) => {
                self.say(Severity::Error, format!("Edits of another device are missing: {error}."));
                *error.change
            }
        };
        if !change.operations.is_empty() {
            self.changed(id, &change, None);
        }
    }

    /// Frees something large where nobody waits.
    pub(super) fn free(&mut self, name: &str, retired: impl Send + 'static) {
        self.workers.run(name, Urgency::Background, move || drop(retired), |_, ()| {});
    }
}

#[cfg(test)]
mod tests {
    use text::{Author, Authors, CharOffset, Document, Edit, Origin, Transaction};

    use super::*;
    use crate::command::stage::Stage;

    /// A device that writes a line at a time at the end of the same text.
    fn elsewhere(stage: &mut Stage, lines: usize) -> (Document, Vec<Operation>) {
        let (_, buffer) = stage.program.active().unwrap();
        let authors = Authors::new(Author::random());
        let mut document = Document::from_base_as(buffer.rope().clone(), authors);
        let operations = write(&mut document, lines);
        (document, operations)
    }

    fn write(document: &mut Document, lines: usize) -> Vec<Operation> {
        let mut write_one = || {
            let end = CharOffset(document.rope().len_chars());
            let line = Transaction::single(Edit::insert(end, "elsewhere\n"));
            document.apply(line, Origin::COMMAND).unwrap().operations
        };
        (0..lines).flat_map(|_| write_one()).collect()
    }

    #[test]
    fn a_short_merge_is_seen_at_once_and_the_caret_stays_with_its_text() {
        let mut stage = Stage::with("one |two\n");
        let (_, operations) = elsewhere(&mut stage, 1);
        let id = stage.program.active().unwrap().0.buffer;
        stage.program.merge(id, operations);
        assert!(stage.program.workers.pending().iter().all(|job| !job.starts_with("merging")));
        assert_eq!(stage.marked(), "one |two\nelsewhere\n");
    }

    #[test]
    fn a_long_merge_leaves_the_text_to_whoever_types() {
        let mut stage = Stage::with("one |two\n");
        let id = stage.program.active().unwrap().0.buffer;
        let (mut there, operations) = elsewhere(&mut stage, 600);
        stage.program.merge(id, operations);
        let pending = stage.program.workers.pending();
        assert!(pending.iter().any(|job| job.starts_with("merging edits into ")), "{pending:?}");
        stage.program.type_text("typed ");
        assert_eq!(stage.marked(), "one typed |two\n", "nothing waits for the merge");
        // What comes meanwhile waits.
        stage.program.merge(id, write(&mut there, 1));
        assert_eq!(stage.marked(), "one typed |two\n");
        stage.settle();
        let expected = format!("one typed |two\n{}", "elsewhere\n".repeat(601));
        assert_eq!(stage.marked(), expected);
        stage.program.travel(crate::program::Travel::Undo);
        assert_eq!(stage.marked().replace('|', ""), expected.replace("typed |", ""));
        let (_, buffer) = stage.program.active().unwrap();
        assert!(buffer.merging.is_none());
    }
}
