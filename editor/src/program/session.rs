//! What is kept of windows, panes and views over a restart.

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use text::{CharOffset, CharRange, Positions, Selection, Selections};

use super::Program;
use super::leave::Closed;
use super::window::Window;
use crate::compare::Side;
use crate::journal::{PaneState, Session, ViewState, WindowState};
use crate::registry::path_to_json;
use crate::view::{EditorView, Follow, Scroll, Wrap};

/// The session is kept this long after something moved.
const DELAY: Duration = Duration::from_millis(700);

impl Program {
    /// Something moved: the session is kept soon.
    pub(super) fn session_moved(&mut self) {
        if self.session_due.is_none() && !self.is_restoring {
            self.session_due = Some(Instant::now() + DELAY);
        }
    }

    /// Keeps where everything is when that is due.
    pub(super) fn keep_session_when_due(&mut self, now: Instant) {
        if self.session_due.is_some_and(|due| due <= now) {
            self.session_due = None;
            self.follow_files();
            self.keep_session();
        }
    }

    /// Keeps the session at once when tabs, panes or windows came or went: they must survive a
    /// kill.
    pub(super) fn keep_changed_layout(&mut self) {
        let layout = self.layout_digest();
        if layout != self.kept_layout && !self.is_restoring {
            self.kept_layout = layout;
            self.follow_files();
            self.keep_session();
        }
    }

    /// Which texts are open in which panes of which windows, in one number.
    fn layout_digest(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        let stream = |id| self.buffers.get(id).and_then(|buffer| buffer.stream);
        self.window.id.hash(&mut hasher);
        for window in self.others.iter().chain([&self.window]) {
            (window.id, window.panes.focus(), &window.folder).hash(&mut hasher);
            for pane in window.panes.iter() {
                (pane.id, pane.active).hash(&mut hasher);
                for view in &pane.items {
                    (view.buffer, stream(&view.buffer)).hash(&mut hasher);
                }
            }
        }
        self.closed.len().hash(&mut hasher);
        hasher.finish()
    }

    /// Keeps where everything is. While the profile is locked, where everything was is still to
    /// come back from the log.
    pub fn keep_session(&mut self) {
        if self.is_restoring || !self.journal.is_unlocked() {
            return;
        }
        let session = self.session();
        self.journal.keep_session(&session);
    }

    fn session(&self) -> Session {
        let all: Vec<&Window> = self.windows().collect();
        let (focused, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|window| window.id == self.focus);
        let focused = focused.first().copied().unwrap_or(&self.window);
        let aside = self.closed.iter().filter_map(|closed| match closed {
            Closed::Text(buffer) => buffer.stream.map(ViewState::name_of),
            Closed::File(_) => None,
        });
        Session {
            window: self.window_state(focused),
            others: others.into_iter().map(|window| self.window_state(window)).collect(),
            recent: self.recent.iter().map(|path| path_to_json(path)).collect(),
            aside: aside.collect(),
        }
    }

    fn window_state(&self, window: &Window) -> WindowState {
        let panes = window.panes.iter().map(|pane| PaneState {
            id: pane.id.0,
            active: pane.active,
            views: pane.items.iter().filter_map(|view| self.view_state(view)).collect(),
        });
        WindowState {
            folder: window.folder.as_deref().map(path_to_json),
            size: (window.size.width, window.size.height),
            zoom: window.zoom,
            shape: Some(window.panes.shape()),
            focus: window.panes.focus().0,
            panes: panes.collect(),
        }
    }

    fn view_state(&self, view: &EditorView) -> Option<ViewState> {
        let buffer = self.buffers.get(&view.buffer)?;
        // A draft that nobody wrote in is not worth a tab.
        if buffer.path.is_none() && buffer.stream.is_none() {
            return None;
        }
        let pair = |range: &CharRange| (range.start.0, range.end.0);
        Some(ViewState {
            stream: buffer.stream.map(ViewState::name_of),
            path: buffer.path.as_deref().map(path_to_json),
            selections: view.selections.iter().map(|one| (one.anchor.0, one.head.0)).collect(),
            primary: view.selections.primary_index(),
            scroll: (view.scroll.row, view.scroll.x),
            folds: view.display.folds().folds().iter().map(pair).collect(),
            wrap: view.wrap == Wrap::On,
            compared: view.alignment.as_ref().map(|one| (one.compare.0, one.side == Side::After)),
        })
    }
}

impl ViewState {
    /// Puts a view back where it was, as far as its text still reaches.
    pub fn place(&self, view: &mut EditorView, rope: &text::Rope) {
        let at = |offset: usize| rope.nearest(CharOffset(offset));
        let selections =
            self.selections.iter().map(|(anchor, head)| Selection::new(at(*anchor), at(*head)));
        let folds: Vec<CharRange> = self
            .folds
            .iter()
            .map(|(start, end)| CharRange::new(at(*start), at(*end)))
            .filter(|fold| !fold.is_empty())
            .collect();
        view.wrap = if self.wrap { Wrap::On } else { Wrap::Off };
        if !folds.is_empty() {
            view.set_folds(folds);
        }
        view.select(Selections::new(selections, self.primary), Follow::Nothing);
        view.scroll = Scroll { row: self.scroll.0.max(0.0), x: self.scroll.1.max(0.0) };
    }
}
