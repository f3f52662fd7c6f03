//! Puts back what was open before the process ended.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Program;
use crate::buffer::{BufferId, OnDisk};
use crate::files::load::LoadedFile;
use crate::journal::{Restored, RestoredText, Session, StreamKey, ViewState};
use crate::notice::Severity;
use crate::panes::{PaneId, Panes};
use crate::registry::path_from_json;
use crate::view::{EditorView, Wrap};

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
            self.take_session(&session, restored.files, &mut unseen);
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

    fn take_session(
        &mut self,
        session: &Session,
        mut files: BTreeMap<PathBuf, LoadedFile>,
        unseen: &mut Vec<BufferId>,
    ) {
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
        let panes = Panes::from_shape(shape, PaneId(session.focus), |pane| {
            let Some(state) = session.panes.iter().find(|state| state.id == pane.0) else {
                return (Vec::new(), 0);
            };
            let mut views = Vec::new();
            let mut active = 0;
            for (index, view) in state.views.iter().enumerate() {
                let Some(id) = self.restored_view(view, &mut files) else { continue };
                unseen.retain(|one| *one != id);
                if index == state.active {
                    active = views.len();
                }
                views.extend(self.view_from(id, view));
            }
            (views, active)
        });
        self.panes = panes;
    }

    /// The buffer of a kept view: restored with its history, or read from its file.
    fn restored_view(
        &mut self,
        view: &ViewState,
        files: &mut BTreeMap<PathBuf, LoadedFile>,
    ) -> Option<BufferId> {
        if let Some(id) = self.restored_buffer(view.stream()) {
            return Some(id);
        }
        let path = view.path.as_ref().and_then(path_from_json)?;
        if let Some(id) = self.buffer_at(&path) {
            return Some(id);
        }
        let file = files.remove(&path)?;
        let id = self.add_file(path, file);
        self.schedule_parse(id);
        Some(id)
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
}
