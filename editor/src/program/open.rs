//! Opening files and folders, and what becomes of tabs.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use text::bytes::Content;
use text::indentation::Indentation;
use text::line_ending::LineEnding;
use text::{CharOffset, Document, Line, Point, Positions, Rope};

use super::{Program, What};
use crate::buffer::{Buffer, BufferId, Habits, OnDisk};
use crate::files::load::{self, Access, Loaded, LoadedFile};
use crate::files::trouble::Trouble;
use crate::journal;
use crate::notice::Severity;
use crate::panes::PaneId;
use crate::picker::Entries;
use crate::record::{self, Measure};
use crate::registry::{Fault, path_to_json};
use crate::settings::{self, SoftWrap};
use crate::shell::Reply;
use crate::view::{EditorView, Follow, Wrap};
use crate::workers::Urgency;

/// The files of the folder, for the picker.
#[derive(Default)]
pub struct FileList {
    /// As they were gathered last.
    pub entries: Option<Arc<Entries>>,
}

/// Recent files that are kept.
const RECENT_MAX: usize = 50;

/// Texts of these lengths in bytes are made ready for the journal before anybody types. A shorter
/// one takes under a millisecond when it is; a longer one would hold too much memory for an edit
/// that may never come.
const READIED_BYTES: RangeInclusive<usize> = 1 << 18..=1 << 26;

impl Program {
    /// Opens a path for the person; what goes wrong is shown.
    pub fn open_path(&mut self, path: PathBuf, at: Option<Point>) {
        let post = self.workers.post();
        let reply: Reply = Box::new(move |result| {
            if let Err(fault) = result {
                post(Box::new(move |program: &mut Program| program.fail(&fault)));
            }
        });
        self.open(path, at, reply);
    }

    /// Opens a path in the focused pane; `reply` gets the path, or why it was not opened.
    pub fn open(&mut self, path: PathBuf, at: Option<Point>, reply: Reply) {
        let answer = json!({ "path": path_to_json(&load::absolute(&path)) });
        self.open_then(path, at, move |_, opened| reply(opened.map(|_| answer)));
    }

    /// Opens a path in the focused pane; `then` gets the buffer, none for a folder, or why it was
    /// not opened.
    pub fn open_then(
        &mut self,
        path: PathBuf,
        at: Option<Point>,
        then: impl FnOnce(&mut Program, Result<Option<BufferId>, Fault>) + Send + 'static,
    ) {
        let path = load::absolute(&path);
        let pane = self.window.panes.focus();
        if let Some(id) = self.buffer_at(&path) {
            self.show(pane, id, at);
            return then(self, Ok(Some(id)));
        }
        let name = format!("opening {}", path.display());
        let (read, start) = (path.clone(), Instant::now());
        let done = self.here(move |program: &mut Program, (loaded, identity)| {
            let opened = program.opened(pane, path, identity, at, loaded);
            record::time(Measure::Open, start.elapsed());
            program.redraw();
            then(program, opened);
        });
        let work = move || (load::load(&read, None), load::identity(&read));
        self.workers.run(name, Urgency::Awaited, work, done);
    }

    fn opened(
        &mut self,
        pane: PaneId,
        path: PathBuf,
        identity: PathBuf,
        at: Option<Point>,
        loaded: Result<Loaded, Trouble>,
    ) -> Result<Option<BufferId>, Fault> {
        // Somebody may have opened it meanwhile, under this name or another.
        if let Some(id) = self.buffer_at(&path).or_else(|| self.buffer_at(&identity)) {
            self.show(pane, id, at);
            return Ok(Some(id));
        }
        let id = match loaded.map_err(|trouble| Fault::machine(trouble.to_string()))? {
            Loaded::Folder => {
                self.open_folder(path);
                return Ok(None);
            }
            Loaded::Missing { rules, language } => {
                let id = self.add_buffer(Document::from_base(Rope::new()), language);
                let habits = self.habits(Some(&path));
                if let Some(buffer) = self.buffers.get_mut(&id) {
                    buffer.obey(rules, habits);
                    buffer.path = Some(path.clone());
                }
                id
            }
            Loaded::File(file) => self.add_file(path.clone(), *file),
        };
        self.remember(path);
        self.show(pane, id, at);
        self.schedule_parse(id);
        Ok(Some(id))
    }

    pub(super) fn add_file(&mut self, path: PathBuf, file: LoadedFile) -> BufferId {
        let LoadedFile { document, encoding, content, stamp, rules, language, access } = file;
        let id = self.add_buffer(document, language);
        let habits = self.habits(Some(&path));
        if let Some(buffer) = self.buffers.get_mut(&id) {
            buffer.obey(rules, habits);
            // What the file is counts more than what the project wants new files to be.
            buffer.encoding = encoding;
            buffer.on_disk = OnDisk::Seen(stamp);
            buffer.path = Some(path.clone());
        }
        if content == Content::Binary {
            self.say(
                Severity::Warning,
                format!("{} does not look like text; saving keeps its bytes.", path.display()),
            );
        }
        if access == Access::ReadOnly {
            self.say(Severity::Information, format!("{} is read-only.", path.display()));
        }
        self.ready_base(id);
        self.attach(id);
        id
    }

    /// Makes on a worker what the journal wants of a text before its first edit, so that the frame
    /// of that edit need not wait for it.
    fn ready_base(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get(&id) else { return };
        if !READIED_BYTES.contains(&buffer.rope().len_bytes()) || self.journal.is_missing() {
            return;
        }
        let rope = buffer.rope().clone();
        self.workers.run(
            format!("making {} ready to be kept", buffer.title()),
            Urgency::Background,
            move || journal::base(&rope),
            move |program, base| {
                // Without a stream it was never edited, so that it still is what this was made of.
                if let Some(buffer) = program.buffers.get_mut(&id)
                    && buffer.stream.is_none()
                {
                    buffer.base = Some(base);
                }
            },
        );
    }

    /// What the settings say of texts that do not tell themselves, where `file` lies.
    pub fn habits(&self, file: Option<&Path>) -> Habits {
        let (editor, files) = (self.settings.editor_for(file), self.settings.files_for(file));
        Habits {
            detects_indentation: editor.detect_indentation,
            follows_projects: files.editorconfig,
            indentation: match editor.insert_spaces {
                true => Indentation::Spaces(u8::try_from(editor.tab_width).unwrap_or(4)),
                false => Indentation::Tab,
            },
            line_ending: match files.line_ending {
                settings::LineEnding::Lf => LineEnding::Lf,
                settings::LineEnding::Crlf => LineEnding::CrLf,
            },
        }
    }

    /// Takes in a document under a new name.
    pub fn add_buffer(
        &mut self,
        document: Document,
        language: Option<syntax::Language>,
    ) -> BufferId {
        let id = BufferId(self.next_buffer);
        self.next_buffer += 1;
        self.buffers.insert(id, Buffer::new(id, document, language));
        id
    }

    /// Opens a text without a file: an empty one, or what another program piped in.
    pub fn new_draft(&mut self, text: &str) -> BufferId {
        let id = self.add_buffer(Document::from_base(Rope::from_str(text)), None);
        self.next_draft += 1;
        let habits = self.habits(None);
        if let Some(buffer) = self.buffers.get_mut(&id) {
            buffer.obey(Default::default(), habits);
            buffer.draft = self.next_draft;
            if !text.is_empty() {
                // No file holds it, so it is not lost without a word.
                buffer.mark_never_saved(Rope::new());
                self.journal.adopt(buffer);
            }
        }
        let pane = self.window.panes.focus();
        self.show(pane, id, None);
        id
    }

    /// The open text of a file.
    pub fn buffer_at(&self, path: &Path) -> Option<BufferId> {
        let known = |buffer: &&Buffer| buffer.path.as_deref() == Some(path);
        self.buffers.values().find(known).map(|buffer| buffer.id)
    }

    /// Shows a buffer in a pane, in the tab that it has there or in a new one.
    pub fn show(&mut self, pane: PaneId, id: BufferId, at: Option<Point>) {
        let (tab, wrap) = (self.tab_of(id), self.default_wrap(id));
        let Some(buffer) = self.buffers.get(&id) else { return };
        let pane = match self.window.panes.get(pane) {
            Some(_) => pane,
            None => self.window.panes.focus(),
        };
        let rope = buffer.rope().clone();
        let Some(pane) = self.window.panes.get_mut(pane) else { return };
        match pane.items.iter().position(|view| view.buffer == id) {
            Some(index) => pane.active = index,
            None => pane.insert(EditorView::new(id, &rope, tab, wrap)),
        }
        if let (Some(point), Some(view)) = (at, pane.item_mut()) {
            view.go_to(rope.char_of_point(point), Follow::Center);
        }
        let id = pane.id;
        self.window.panes.set_focus(id);
        self.window.overlay = None;
        self.window.find_focus = None;
        self.redraw();
    }

    fn tab_of(&self, id: BufferId) -> text::width::TabWidth {
        let buffer = self.buffers.get(&id);
        let file = buffer.and_then(|buffer| buffer.path.as_deref());
        let setting = self.settings.editor_for(file).tab_width;
        let columns = buffer.map_or(setting, |buffer| buffer.tab_width(setting));
        text::width::TabWidth::new(columns)
    }

    fn default_wrap(&self, id: BufferId) -> Wrap {
        let buffer = self.buffers.get(&id);
        let is_prose = buffer.is_some_and(Buffer::is_prose);
        let file = buffer.and_then(|buffer| buffer.path.as_deref());
        match self.settings.editor_for(file).soft_wrap {
            SoftWrap::Pane => Wrap::On,
            SoftWrap::Prose if is_prose => Wrap::On,
            SoftWrap::Prose | SoftWrap::Off => Wrap::Off,
        }
    }

    /// Works in a folder from now on.
    pub fn open_folder(&mut self, folder: PathBuf) {
        self.remember(folder.clone());
        self.window.folder = Some(folder);
        self.window.files.entries = None;
        self.choose_theme_here();
        self.follow_folders();
        self.redraw();
    }

    pub(super) fn remember(&mut self, path: PathBuf) {
        self.recent.retain(|known| *known != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT_MAX);
    }

    /// Closes a tab. A text that is not saved is asked about when its last tab goes.
    pub fn close_tab(&mut self, pane: PaneId, index: usize) {
        let Some(view) = self.window.panes.get(pane).and_then(|pane| pane.items.get(index)) else {
            return;
        };
        let id = view.buffer;
        match self.views_of(id).count() {
            1 => self.leave(What::Tabs(pane, vec![id])),
            _ => self.drop_tab(pane, index),
        }
    }

    /// Takes a tab away; a text without tabs is let go.
    pub fn drop_tab(&mut self, pane: PaneId, index: usize) {
        let Some(view) = self.window.panes.get_mut(pane).and_then(|pane| pane.remove(index)) else {
            return;
        };
        self.forget_unseen(view.buffer);
        if view.alignment.is_some() {
            self.end_lone_comparisons();
        }
        let is_empty = self.window.panes.get(pane).is_some_and(|pane| pane.items.is_empty());
        if is_empty && self.window.panes.iter().count() > 1 {
            self.move_panes();
            self.window.panes.close(pane);
        }
        self.window.find_focus = None;
        self.redraw();
    }

    /// Where a line and a column in characters, both from 0, lie in the focused text.
    pub fn go_to_line(&mut self, line: usize, column: usize, follow: Follow) {
        if let Some((view, buffer)) = self.active() {
            let rope = buffer.rope();
            let line = Line(line).min(rope.last_line());
            let at = (rope.line_start(line) + column).min(rope.line_end(line));
            view.go_to(text::grapheme::floor(rope, at), follow);
            buffer.document.seal_group();
            self.redraw();
        }
    }

    /// Goes to an offset of the focused text.
    pub fn go_to(&mut self, at: CharOffset, follow: Follow) {
        if let Some((view, buffer)) = self.active() {
            view.go_to(at, follow);
            buffer.document.seal_group();
            self.redraw();
        }
    }
}
