//! Files of the command line, shown before what was open is restored.
//!
//! Unlocking a profile stretches a passphrase for a good part of a second. What the person asked
//! for does not wait for that: it is opened at once, set aside while the restored panes take their
//! place, and put back into them, with whatever was typed meanwhile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use text::Origin;

use super::Program;
use crate::buffer::{Buffer, BufferId, OnDisk};
use crate::cli::{Item, Opening, Place, Wait};
use crate::journal::StreamKey;
use crate::panes::Panes;
use crate::view::EditorView;

/// What was opened before the restored panes came.
pub(super) struct Early {
    panes: Panes<EditorView>,
    buffers: BTreeMap<BufferId, Buffer>,
}

impl Early {
    /// Whether the stream of one of its texts is this one.
    pub fn holds(&self, stream: StreamKey) -> bool {
        self.buffers.values().any(|buffer| buffer.stream == Some(stream))
    }
}

impl Program {
    /// Opens the files that a command line names, as far as they are files.
    pub(super) fn open_early(&mut self, opening: &Opening) {
        let is_file = |item: &&Item| matches!(item, Item::Path { path, .. } if path.is_file());
        let items: Vec<Item> = opening.items.iter().filter(is_file).cloned().collect();
        if items.is_empty() {
            return;
        }
        // What goes wrong is told when it is opened among the restored panes.
        let early = Opening { items, wait: Wait::No, place: Place::Current };
        self.open_items(early, Box::new(|_| {}));
    }

    /// Clears the way for what is restored.
    pub(super) fn set_early_aside(&mut self) -> Early {
        let (panes, buffers) =
            (std::mem::take(&mut self.window.panes), std::mem::take(&mut self.buffers));
        Early { panes, buffers }
    }

    /// Puts back what was set aside, beside what was restored or in a window of its own. A text
    /// that was restored too keeps its unsaved edits, and takes those that were made in the
    /// meantime.
    pub(super) fn take_back(&mut self, early: Early, place: Place) {
        if place == Place::New && !self.window.is_blank() {
            self.open_window();
        }
        let Early { mut panes, buffers } = early;
        let paths: Vec<PathBuf> = buffers.values().filter_map(|one| one.path.clone()).collect();
        for (id, buffer) in buffers {
            match buffer.path.as_deref().and_then(|path| self.buffer_at(path)) {
                Some(restored) => self.unite(restored, buffer),
                None => {
                    self.buffers.insert(id, buffer);
                }
            }
        }
        // A window that was opened meanwhile may have shown one that was united with another.
        for pane in self.others.iter_mut().flat_map(|window| window.panes.iter_mut()) {
            pane.items.retain(|view| self.buffers.contains_key(&view.buffer));
            pane.active = pane.active.min(pane.items.len().saturating_sub(1));
        }
        for view in panes.iter_mut().flat_map(|pane| std::mem::take(&mut pane.items)) {
            if self.buffers.contains_key(&view.buffer) {
                self.window.panes.focused_mut().insert(view);
            }
        }
        paths.into_iter().for_each(|path| self.remember(path));
    }

    /// Gives the edits of a text to another of the same file.
    pub(super) fn unite(&mut self, restored: BufferId, mut early: Buffer) {
        let Some(buffer) = self.buffers.get(&restored) else { return };
        if early.stream.is_none() {
            return;
        }
        let merge = text::merge::merge(&early.saved, buffer.rope(), early.rope());
        if merge.conflicts.is_empty() {
            self.apply_to(restored, merge.transaction, Origin::TYPING);
            self.journal.forget(&early);
        } else {
            // Both were typed and neither may go: one becomes a text of its own.
            self.next_draft += 1;
            (early.path, early.draft, early.on_disk) = (None, self.next_draft, OnDisk::Nothing);
            self.buffers.insert(early.id, early);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cli::Place;
    use crate::command::stage::Stage;

    const BASE: &str = "one\ntwo\nthree\nfour\nfive\nsix\n";

    /// A file is opened early and `early` typed at its start; then it is opened as if restored, and
    /// `restored` typed where the keys of `place` lead; then the early one is put back.
    fn meet(early: &str, restored: &str, place: &str) -> Stage {
        let mut stage = Stage::new();
        let path = stage.write("a.txt", BASE);
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.settle();
        if !early.is_empty() {
            stage.program.type_text(early);
        }
        let aside = stage.program.set_early_aside();
        assert!(stage.program.view().is_none(), "the way is clear for what is restored");
        if !place.is_empty() {
            stage.run("file.open", json!({ "path": path })).unwrap();
            stage.settle();
            stage.keys(place);
            stage.program.type_text(restored);
        }
        stage.program.take_back(aside, Place::Current);
        stage
    }

    fn texts(stage: &Stage) -> Vec<String> {
        stage.program.buffers.values().map(|buffer| buffer.rope().to_string()).collect()
    }

    #[test]
    fn a_file_that_was_not_restored_stays_as_it_is_seen() {
        let stage = meet("x", "", "");
        assert_eq!(texts(&stage), [format!("x{BASE}")]);
        assert!(stage.program.view().is_some());
    }

    #[test]
    fn a_restored_text_counts_where_nothing_was_typed_early() {
        let stage = meet("", "y", "ctrl-end");
        assert_eq!(texts(&stage), [format!("{BASE}y")]);
    }

    #[test]
    fn what_was_typed_early_is_merged_into_the_restored_text() {
        let stage = meet("x", "y", "ctrl-end");
        assert_eq!(texts(&stage), [format!("x{BASE}y")]);
    }

    #[test]
    fn where_both_were_typed_in_one_place_both_are_kept() {
        let stage = meet("x", "y", "ctrl-home");
        let mut texts = texts(&stage);
        texts.sort();
        assert_eq!(texts, [format!("x{BASE}"), format!("y{BASE}")]);
        let paths = stage.program.buffers.values().filter(|buffer| buffer.path.is_some());
        assert_eq!(paths.count(), 1, "the other one is a draft");
        assert_eq!(stage.program.window.panes.focused().items.len(), 2, "and both are shown");
    }
}
