//! Puts back what was open before the process ended.

use std::collections::BTreeMap;
use std::path::PathBuf;

use render::geometry::Size;

use super::leave::Closed;
use super::{Program, Window};
use crate::buffer::{BufferId, OnDisk};
use crate::compare::{Alignment, CompareId, Side};
use crate::files::load::LoadedFile;
use crate::input::Focus;
use crate::journal::{Restored, RestoredText, Session, StreamKey, ViewState, WindowState};
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
        restored.unbegun.iter().for_each(|stream| self.journal.forget_stream(*stream));
        let mut unseen: Vec<BufferId> = Vec::new();
        for text in restored.texts {
            unseen.push(self.take_text(text));
        }
        if let Some(session) = restored.session {
            self.take_session(&session, restored.files, &mut unseen);
        }
        // A text without a place is shown all the same: nothing typed is lost.
        let pane = self.window.panes.focus();
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
        let habits = self.habits(path.as_deref());
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
        self.look_anew(id);
        id
    }

    /// Looks at a text's file whatever its time and size say: it may have changed while nobody
    /// looked.
    pub(super) fn look_anew(&mut self, id: BufferId) {
        if let Some(buffer) = self.buffers.get_mut(&id)
            && let OnDisk::Seen(_) = buffer.on_disk
        {
            buffer.must_look = true;
        }
        self.check_disk(id);
    }

    fn take_session(
        &mut self,
        session: &Session,
        mut files: BTreeMap<PathBuf, LoadedFile>,
        unseen: &mut Vec<BufferId>,
    ) {
        self.recent = session.recent.iter().filter_map(path_from_json).collect();
        for name in &session.aside {
            self.set_aside(ViewState::stream_of(name), unseen);
        }
        for state in &session.others {
            let mut window = self.new_window();
            self.take_window(&mut window, state, &mut files, unseen);
            self.others.push(window);
        }
        let mut window = self.new_window();
        self.take_window(&mut window, &session.window, &mut files, unseen);
        self.window.panes = window.panes;
        self.window.zoom = window.zoom;
        self.window.folder = window.folder;
        let (width, height) = session.window.size;
        if is_size(width, height) {
            self.request(crate::shell::Request::Resize { width, height, scale: None });
        }
        self.follow_folders();
        self.resume_comparisons();
    }

    /// A text that was closed without saving stays closed, to be opened again.
    fn set_aside(&mut self, stream: Option<StreamKey>, unseen: &mut Vec<BufferId>) {
        let Some(id) = self.restored_buffer(stream) else { return };
        unseen.retain(|one| *one != id);
        if let Some(buffer) = self.buffers.remove(&id) {
            self.closed.push(Closed::Text(Box::new(buffer)));
        }
    }

    fn take_window(
        &mut self,
        window: &mut Window,
        kept: &WindowState,
        files: &mut BTreeMap<PathBuf, LoadedFile>,
        unseen: &mut Vec<BufferId>,
    ) {
        window.folder = kept.folder.as_ref().and_then(path_from_json);
        window.zoom = kept.zoom.filter(|zoom| (0.25..=8.0).contains(zoom));
        window.window_focus = Focus::Lost;
        let (width, height) = kept.size;
        if is_size(width, height) {
            window.size = Size { width, height };
        }
        let Some(shape) = &kept.shape else { return };
        window.panes = Panes::from_shape(shape, PaneId(kept.focus), |pane| {
            let Some(state) = kept.panes.iter().find(|state| state.id == pane.0) else {
                return (Vec::new(), 0);
            };
            let mut views = Vec::new();
            let mut active = 0;
            for (index, view) in state.views.iter().enumerate() {
                let Some(id) = self.restored_view(view, files) else { continue };
                unseen.retain(|one| *one != id);
                if index == state.active {
                    active = views.len();
                }
                views.extend(self.view_from(id, view));
            }
            (views, active)
        });
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
        let tab = buffer.tab_width(self.settings.editor_for(buffer.path.as_deref()).tab_width);
        let tab = text::width::TabWidth::new(tab);
        let mut view = EditorView::new(id, buffer.rope(), tab, Wrap::Off);
        state.place(&mut view, buffer.rope());
        if let Some((compare, is_after)) = state.compared {
            let side = if is_after { Side::After } else { Side::Before };
            view.align(Alignment::waiting(CompareId(compare), side));
        }
        Some(view)
    }
}

/// Whether a kept size is one that a window can have.
fn is_size(width: f32, height: f32) -> bool {
    width >= 320.0 && height >= 200.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use kernel::disk::RealDisk;
    use kernel::keys::{Protection, Unlocked};
    use kernel::log::{Log, LogError, LogOptions};
    use serde_json::{Value, json};

    use super::*;
    use crate::command::stage::Stage;
    use crate::journal::{self, Journal, Lock};
    use crate::profile;

    /// A program that keeps a journal, and the keys to it.
    fn keeping() -> (Stage, Unlocked) {
        let mut stage = Stage::new();
        stage.program.places.make().unwrap();
        let keys = profile::init(&RealDisk, &stage.program.places, Protection::Unprotected);
        let keys = keys.unwrap();
        keep(&mut stage.program, &keys);
        (stage, keys)
    }

    fn keep(program: &mut Program, keys: &Unlocked) {
        let (disk, place) = (Arc::new(RealDisk), program.places.log());
        let open = || {
            let sealer = keys.sealer(journal::PURPOSE);
            Log::open(disk.clone(), &place, sealer, LogOptions::default())
        };
        // The threads of a journal that was closed let go of its log in their own time.
        let until = Instant::now() + Duration::from_secs(10);
        let log = loop {
            match open() {
                Err(LogError::Busy(_)) if Instant::now() < until => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        program.journal = Journal::start(log, Lock::Open, program.workers.post()).unwrap();
    }

    /// Ends the program as a kill after its last frame does, and starts it again.
    fn restart(stage: &mut Stage, keys: &Unlocked) {
        stage.program.keep_session();
        stage.program.journal.close(Duration::from_secs(10));
        let post = stage.program.workers.post();
        stage.program = Program::for_tests(stage.folder.path(), post);
        keep(&mut stage.program, keys);
        let reader = stage.program.journal.reader().unwrap();
        let restored = journal::restore(&reader, &keys.opener(journal::PURPOSE)).unwrap();
        stage.program.take_restored(restored);
        stage.settle();
    }

    #[test]
    fn texts_carets_folds_panes_and_undo_come_back() {
        let (mut stage, keys) = keeping();
        let code = stage.write("a.rs", "fn a() {\n    1\n}\n");
        let notes = stage.write("b.txt", "notes");
        stage.run("file.open", json!({ "path": code })).unwrap();
        stage.keys("x y ctrl-end");
        stage.run("fold.all", Value::Null).unwrap();
        stage.run("pane.split_right", Value::Null).unwrap();
        stage.run("file.open", json!({ "path": notes })).unwrap();
        stage.run("file.new", Value::Null).unwrap();
        stage.keys("d r a f t left");
        restart(&mut stage, &keys);
        assert_eq!(stage.marked(), "draf|t");
        assert_eq!(stage.program.window.panes.iter().count(), 2);
        assert_eq!(stage.program.window.panes.focused().items.len(), 3);
        stage.run("pane.focus_left", Value::Null).unwrap();
        assert_eq!(stage.marked(), "xyfn a() {\n    1\n}\n|");
        let folds = stage.program.view().unwrap().display.folds().folds().len();
        assert_eq!(folds, 1);
        assert_eq!(std::fs::read_to_string(&code).unwrap(), "fn a() {\n    1\n}\n");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked().replace('|', ""), "fn a() {\n    1\n}\n");
        assert!(!stage.program.active().unwrap().1.is_dirty());
    }

    #[test]
    fn what_was_merged_from_elsewhere_while_one_typed_comes_back() {
        let (mut stage, keys) = keeping();
        stage.program.new_draft("here\n");
        let (id, base) = {
            let (view, buffer) = stage.program.active().unwrap();
            (view.buffer, buffer.rope().clone())
        };
        let mut there =
            text::Document::from_base_as(base, text::Authors::new(text::Author::random()));
        let mut operations = Vec::new();
        for _ in 0..600 {
            let end = text::CharOffset(there.rope().len_chars());
            let line = text::Transaction::single(text::Edit::insert(end, "there\n"));
            operations.extend(there.apply(line, text::Origin::COMMAND).unwrap().operations);
        }
        stage.program.merge(id, operations);
        stage.keys("x y");
        let expected = format!("xy|here\n{}", "there\n".repeat(600));
        assert_eq!(stage.marked(), expected);
        restart(&mut stage, &keys);
        assert_eq!(stage.marked(), expected);
    }

    #[test]
    fn undo_takes_back_what_was_typed_here_after_a_restart_too() {
        let (mut stage, keys) = keeping();
        stage.program.new_draft("here\n");
        let (id, base) = {
            let (view, buffer) = stage.program.active().unwrap();
            (view.buffer, buffer.rope().clone())
        };
        stage.keys("x y");
        let authors = text::Authors::new(text::Author::random());
        let mut there = text::Document::from_base_as(base, authors);
        let line = text::Edit::insert(text::CharOffset(5), "there\n");
        let line = text::Transaction::single(line);
        let operations = there.apply(line, text::Origin::COMMAND).unwrap().operations;
        stage.program.merge(id, operations.to_vec());
        assert_eq!(stage.marked(), "xy|here\nthere\n");
        restart(&mut stage, &keys);
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "|here\nthere\n", "what came from elsewhere stays");
    }

    #[test]
    fn what_the_file_got_meanwhile_is_merged_into_what_was_not_saved() {
        let (mut stage, keys) = keeping();
        let path = stage.write("a.txt", "one\ntwo\nthree\n");
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.keys("x");
        stage.write("a.txt", "one\ntwo\nthree and more\n");
        restart(&mut stage, &keys);
        assert_eq!(stage.marked(), "x|one\ntwo\nthree and more\n");
        assert!(stage.program.active().unwrap().1.is_dirty());
    }

    #[test]
    fn a_text_that_was_piped_in_comes_back_and_is_asked_about() {
        let (mut stage, keys) = keeping();
        stage.program.new_draft("from a pipe\n");
        restart(&mut stage, &keys);
        assert_eq!(stage.marked(), "|from a pipe\n");
        stage.run("tab.close", Value::Null).unwrap();
        assert!(stage.program.window.overlay.is_some(), "it is asked about");
        assert_eq!(stage.program.buffers.len(), 1);
    }

    /// So long that its base is two records, and more than is made the moment it is needed.
    fn long_text() -> String {
        "a line of a long text\n".repeat(200_000)
    }

    #[test]
    fn a_long_text_comes_back_whether_its_base_was_ready_or_not() {
        for is_ready in [false, true] {
            let (mut stage, keys) = keeping();
            let text = long_text();
            let path = stage.write("a.txt", &text);
            stage.program.open_path(path.clone(), None);
            stage.until(|stage| stage.program.active().is_some());
            if is_ready {
                stage.settle();
            }
            let buffer = stage.program.active().unwrap().1;
            assert!(is_ready || buffer.base.is_none(), "nobody ran the answer of the worker yet");
            assert!(!is_ready || buffer.base.is_some());
            stage.keys("x y");
            assert!(stage.program.active().unwrap().1.base.is_none(), "it is kept once");
            std::fs::write(&path, "another program wrote this\n").unwrap();
            let reader = {
                stage.program.journal.close(Duration::from_secs(10));
                keep(&mut stage.program, &keys);
                stage.program.journal.reader().unwrap()
            };
            let restored = journal::restore(&reader, &keys.opener(journal::PURPOSE)).unwrap();
            let [one] = restored.texts.as_slice() else { panic!("one text was edited") };
            assert_eq!(one.document.rope().to_string(), format!("xy{text}"));
            assert_eq!(one.saved.to_string(), text, "what the file held is known to merge from");
        }
    }

    #[test]
    fn a_kill_before_the_whole_base_was_written_costs_nothing() {
        let (mut stage, keys) = keeping();
        let text = long_text();
        let path = stage.write("a.txt", &text);
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.settle();
        let buffer = stage.program.active().unwrap().0.buffer;
        let buffer = &stage.program.buffers[&buffer];
        let cut_off = stage.program.journal.begin_and_end(buffer, 1);
        restart(&mut stage, &keys);
        let opened = stage.program.active().unwrap().1;
        assert_eq!(opened.rope().to_string(), text, "the file is as it was");
        assert!(!opened.is_dirty() && opened.stream.is_none(), "the stream is not gone on with");
        stage.keys("x ctrl-s");
        stage.settle();
        stage.keys("y");
        restart(&mut stage, &keys);
        let again = stage.program.active().unwrap().1;
        assert_eq!(again.rope().to_string(), format!("xy{text}"));
        assert_ne!(again.stream, Some(cut_off));
    }

    #[test]
    fn a_text_that_was_closed_stays_closed() {
        let (mut stage, keys) = keeping();
        let path = stage.write("a.txt", "one");
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.keys("x ctrl-w down enter");
        restart(&mut stage, &keys);
        assert!(stage.program.buffers.is_empty());
        assert!(stage.program.active().is_none());
    }

    #[test]
    fn a_file_that_went_away_costs_its_own_tab_unless_it_was_edited() {
        let (mut stage, keys) = keeping();
        for name in ["seen.txt", "edited.txt"] {
            let path = stage.write(name, name);
            stage.run("file.open", json!({ "path": path })).unwrap();
        }
        stage.keys("x");
        std::fs::remove_file(stage.path("seen.txt")).unwrap();
        std::fs::remove_file(stage.path("edited.txt")).unwrap();
        restart(&mut stage, &keys);
        assert_eq!(stage.program.window.panes.focused().items.len(), 1);
        assert_eq!(stage.marked(), "x|edited.txt");
    }
}
