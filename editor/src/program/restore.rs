//! Puts back what was open before the process ended.

use std::path::PathBuf;

use super::Program;
use crate::buffer::{BufferId, OnDisk};
use crate::files::load;
use crate::journal::{Restored, RestoredText, Session, StreamKey, ViewState};
use crate::notice::Severity;
use crate::panes::{PaneId, Panes};
use crate::registry::path_from_json;
use crate::view::{EditorView, Wrap};
use crate::workers::Urgency;

impl Program {
    /// Takes what the journal held: texts first, then where they were seen.
    pub(super) fn take_restored(&mut self, restored: Restored) {
        for sentence in &restored.problems {
            self.say(Severity::Warning, sentence.clone());
        }
        let mut unseen: Vec<BufferId> = Vec::new();
        for text in restored.texts {
            unseen.push(self.take_text(text));
        }
        if let Some(session) = restored.session {
            self.take_session(&session, &mut unseen);
        }
        // A text without a place is shown all the same: nothing typed is lost.
        let pane = self.panes.focus();
        for id in unseen {
            let is_dirty = self.buffers.get(&id).is_some_and(|buffer| buffer.is_dirty());
            if is_dirty {
                self.show(pane, id, None);
            } else if let Some(buffer) = self.buffers.remove(&id) {
                self.journal.forget(&buffer);
            }
        }
        self.redraw();
    }

    fn take_text(&mut self, text: RestoredText) -> BufferId {
        let RestoredText { stream, document, saved, path, draft, encoding, .. } = text;
        let id = self.add_buffer(document, text.language);
        let habits = self.habits();
        if let Some(buffer) = self.buffers.get_mut(&id) {
            buffer.obey(text.rules, habits);
            buffer.encoding = encoding;
            buffer.draft = draft;
            buffer.path = path;
            buffer.stream = Some(stream);
            match (text.stamp, text.had_file) {
                (Some(stamp), true) => buffer.mark_on_disk(saved, stamp),
                (_, had_file) => {
                    buffer.mark_never_saved(saved);
                    buffer.on_disk = if had_file { OnDisk::Deleted } else { OnDisk::Nothing };
                }
            }
        }
        self.next_draft = self.next_draft.max(draft);
        self.schedule_parse(id);
        // The file may have been changed while nobody looked.
        self.forget_stamp(id);
        self.check_disk(id);
        id
    }

    fn forget_stamp(&mut self, id: BufferId) {
        if let Some(buffer) = self.buffers.get_mut(&id)
            && let OnDisk::Seen(_) = buffer.on_disk
        {
            buffer.must_look = true;
        }
    }

    fn take_session(&mut self, session: &Session, unseen: &mut Vec<BufferId>) {
        self.recent = session.recent.iter().filter_map(path_from_json).collect();
        if let Some(folder) = session.folder.as_ref().and_then(path_from_json) {
            self.folder = Some(folder);
            self.load_folder_settings();
        }
        let (width, height) = session.size;
        if width >= 320.0 && height >= 200.0 {
            self.request(crate::shell::Request::Resize { width, height, scale: None });
        }
        let Some(shape) = &session.shape else { return };
        let mut later: Vec<(PaneId, ViewState, PathBuf)> = Vec::new();
        let panes = Panes::from_shape(shape, PaneId(session.focus), |pane| {
            let Some(state) = session.panes.iter().find(|state| state.id == pane.0) else {
                return (Vec::new(), 0);
            };
            let mut views = Vec::new();
            for view in &state.views {
                match self.restored_buffer(view.stream()) {
                    Some(id) => {
                        unseen.retain(|one| *one != id);
                        views.extend(self.view_from(id, view));
                    }
                    None => {
                        let path = view.path.as_ref().and_then(path_from_json);
                        later.extend(path.map(|path| (pane, view.clone(), path)));
                    }
                }
            }
            (views, state.active)
        });
        self.panes = panes;
        for (pane, view, path) in later {
            self.reopen(pane, view, path);
        }
    }

    fn restored_buffer(&self, stream: Option<StreamKey>) -> Option<BufferId> {
        let stream = stream?;
        let found = self.buffers.values().find(|buffer| buffer.stream == Some(stream));
        found.map(|buffer| buffer.id)
    }

    fn view_from(&self, id: BufferId, state: &ViewState) -> Option<EditorView> {
        let buffer = self.buffers.get(&id)?;
        let tab = buffer.tab_width(self.settings.editor().tab_width);
        let tab = text::width::TabWidth::new(tab);
        let mut view = EditorView::new(id, buffer.rope(), tab, Wrap::Off);
        state.place(&mut view, buffer.rope());
        Some(view)
    }

    /// Opens a file that was seen and never edited, where it was seen.
    fn reopen(&mut self, pane: PaneId, state: ViewState, path: PathBuf) {
        let read = path.clone();
        self.workers.run(
            format!("opening {}", path.display()),
            Urgency::Awaited,
            move || load::load(&read, None),
            move |program, loaded| {
                let known = program.buffer_at(&path);
                let id = match (known, loaded) {
                    (Some(id), _) => id,
                    (None, Ok(load::Loaded::File(file))) => program.add_file(path, *file),
                    // It went while nobody looked, and it held nothing of ours.
                    (None, Ok(_)) => return,
                    (None, Err(trouble)) => return program.warn(trouble.to_string()),
                };
                let Some(view) = program.view_from(id, &state) else { return };
                if let Some(pane) = program.panes.get_mut(pane) {
                    let is_there = pane.items.iter().any(|view| view.buffer == id);
                    if !is_there {
                        pane.items.push(view);
                    }
                }
                program.schedule_parse(id);
                program.redraw();
            },
        );
    }
}
