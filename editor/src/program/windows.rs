//! Several windows of one process: which one commands act in, and how they come and go.
//!
//! [`Program::window`] is the one that commands act in: the one that has the keyboard or, within
//! [`Program::within`], the one whose event or answer is handled. There is always one.

use super::window::{Window, WindowId};
use super::{Program, leave};
use crate::buffer::BufferId;
use crate::input::{Focus, Input};
use crate::registry::Fault;
use crate::view::EditorView;

impl Program {
    /// Takes an event of one window. What a person types or presses makes it the one that has the
    /// keyboard.
    pub fn input_in(&mut self, id: WindowId, input: Input) {
        match input {
            Input::Key { .. }
            | Input::Text(_)
            | Input::Press { .. }
            | Input::Drop(_)
            | Input::Focus(Focus::Gained) => {
                self.focus_window(id);
                self.input(input);
            }
            _ => self.within(id, |program| program.input(input)),
        }
    }

    /// Runs `act` with another window as the one that commands act in. A window that is gone gives
    /// way to the one that has the keyboard.
    pub fn within<T>(&mut self, id: WindowId, act: impl FnOnce(&mut Program) -> T) -> T {
        let (before, focus) = (self.window.id, self.focus);
        self.bring_here(id);
        let answer = act(self);
        // Where `act` opened a window or moved the keyboard, that is where one goes on.
        let back = if self.focus == focus { before } else { self.focus };
        self.bring_here(back);
        answer
    }

    /// What a worker's answer runs in: the window that asked, whichever has the keyboard by then.
    pub fn here<T, F>(&self, done: F) -> impl FnOnce(&mut Program, T) + Send + use<T, F>
    where
        F: FnOnce(&mut Program, T) + Send + 'static,
    {
        let id = self.window.id;
        move |program: &mut Program, answer: T| program.within(id, |program| done(program, answer))
    }

    fn bring_here(&mut self, id: WindowId) {
        if let Some(other) = self.others.iter_mut().find(|other| other.id == id) {
            std::mem::swap(&mut self.window, other);
            self.settings.look_from(self.window.folder.as_deref());
        }
    }

    /// Gives the keyboard to a window; nothing happens if it is gone.
    pub fn focus_window(&mut self, id: WindowId) {
        self.bring_here(id);
        if self.window.id != id || self.focus == id {
            return;
        }
        self.focus = id;
        for other in &mut self.others {
            if other.window_focus == Focus::Gained {
                other.window_focus = Focus::Lost;
                other.pending.clear();
            }
        }
        self.window.window_focus = Focus::Gained;
        self.folders_changed();
        // What was said is shown where the keyboard is.
        self.redraw_all();
    }

    /// The windows, oldest first.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        let mut all: Vec<&Window> = self.others.iter().chain([&self.window]).collect();
        all.sort_by_key(|window| window.id);
        all.into_iter()
    }

    /// The names of all windows, oldest first.
    pub fn window_ids(&self) -> Vec<WindowId> {
        self.windows().map(|window| window.id).collect()
    }

    /// The windows, in no order.
    pub(super) fn windows_mut(&mut self) -> impl Iterator<Item = &mut Window> {
        self.others.iter_mut().chain([&mut self.window])
    }

    /// The window that has the keyboard.
    pub fn focused_window(&self) -> WindowId {
        self.focus
    }

    /// All views of all windows.
    pub(super) fn all_views(&mut self) -> impl Iterator<Item = &mut EditorView> {
        self.windows_mut().flat_map(Window::views_mut)
    }

    /// All views of a buffer.
    pub fn views_of(&mut self, id: BufferId) -> impl Iterator<Item = &mut EditorView> {
        self.all_views().filter(move |view| view.buffer == id)
    }

    /// Asks for a frame of every window.
    pub fn redraw_all(&mut self) {
        self.windows_mut().for_each(Window::redraw);
        self.session_moved();
    }

    /// Asks for a frame of every window that has a tab of a buffer.
    pub(super) fn redraw_showing(&mut self, id: BufferId) {
        for window in self.windows_mut() {
            if window.views().any(|view| view.buffer == id) {
                window.redraw();
            }
        }
        self.session_moved();
    }

    /// Opens an empty window and gives it the keyboard. The shell shows it when it looks.
    pub fn open_window(&mut self) -> WindowId {
        let mut window = self.new_window();
        window.size = self.window.size;
        window.scale = self.window.scale;
        window.theme = self.window.theme.clone();
        let id = window.id;
        self.others.push(window);
        self.focus_window(id);
        // The window before may have a folder that wants it otherwise.
        self.choose_theme_here();
        self.redraw();
        id
    }

    /// A window that is in no list yet.
    pub(super) fn new_window(&mut self) -> Window {
        self.next_window += 1;
        Window::new(WindowId(self.next_window))
    }

    /// Closes a window: unsaved texts that no other shows are asked about first. The process ends
    /// with the last one.
    pub fn close_window(&mut self, id: WindowId) {
        match self.others.is_empty() {
            true => self.quit(),
            false => self.within(id, |program| program.leave(leave::What::Window)),
        }
        // Where something is asked, the answer can be typed.
        if self.windows().any(|window| window.id == id && window.leaving.is_some()) {
            self.focus_window(id);
        }
    }

    /// Takes the window that commands act in away, with its tabs.
    pub(super) fn drop_window(&mut self) {
        let Some(heir) = self.others.pop() else { return self.quit() };
        let gone = std::mem::replace(&mut self.window, heir);
        for view in gone.views() {
            self.forget_unseen(view.buffer);
        }
        self.end_lone_comparisons();
        let heir = self.window.id;
        if self.focus == gone.id {
            // It is there no more to hand the keyboard over.
            self.focus = heir;
            self.window.window_focus = Focus::Gained;
        }
        self.follow_folders();
        self.redraw_all();
    }

    /// The system shows no window: what was in it goes where one is shown.
    pub fn window_refused(&mut self, id: WindowId, fault: &Fault) {
        self.within(id, |program| {
            let views: Vec<EditorView> = program
                .window
                .panes
                .iter_mut()
                .flat_map(|pane| std::mem::take(&mut pane.items))
                .collect();
            let Some(heir) = program.others.pop() else { return };
            program.window = heir;
            program.focus = program.window.id;
            program.window.window_focus = Focus::Gained;
            let pane = program.window.panes.focused_mut();
            views.into_iter().for_each(|view| pane.insert(view));
        });
        self.follow_folders();
        self.fail(fault);
        self.redraw_all();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::command::stage::Stage;

    fn ids(stage: &Stage) -> Vec<u64> {
        stage.program.window_ids().into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn typing_in_one_window_shows_in_the_other_that_has_the_text() {
        let mut stage = Stage::with_file("a.txt", "one |two");
        let first = stage.program.focused_window();
        stage.keys("ctrl-shift-n");
        assert!(stage.program.view().is_none(), "a new window is empty");
        let path = stage.path("a.txt");
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.keys("x y");
        assert_eq!(stage.marked(), "xy|one two");
        assert_eq!(stage.program.buffers.len(), 1);
        stage.program.focus_window(first);
        assert_eq!(stage.marked(), "xyone |two", "its caret is its own");
        stage.keys("ctrl-z");
        assert_eq!(stage.program.buffers.values().next().unwrap().rope(), "one two");
    }

    #[test]
    fn only_windows_that_show_a_text_are_drawn_for_it() {
        let mut stage = Stage::with_file("a.txt", "|one");
        let first = stage.program.focused_window();
        stage.keys("ctrl-shift-n ctrl-n");
        let now = std::time::Instant::now();
        for id in stage.program.window_ids() {
            stage.program.within(id, |program| {
                program.prepare(now);
                program.presented();
            });
        }
        stage.program.type_text("x");
        assert!(stage.program.wants_frame());
        assert!(!stage.program.within(first, |program| program.wants_frame()));
    }

    #[test]
    fn an_answer_comes_to_the_window_that_asked() {
        let mut stage = Stage::new();
        let path = stage.write("a.txt", "text");
        let first = stage.program.focused_window();
        stage.program.open_path(path, None);
        stage.program.open_window();
        stage.settle();
        assert!(stage.program.view().is_none(), "the other window asked");
        assert_eq!(stage.program.focused_window(), WindowId(2));
        stage.program.focus_window(first);
        assert_eq!(stage.marked(), "|text");
    }

    #[test]
    fn a_window_is_closed_with_its_tabs_and_its_texts_live_on_in_others() {
        let mut stage = Stage::with_file("a.txt", "|one");
        let path = stage.path("a.txt");
        stage.keys("x ctrl-shift-n");
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.keys("ctrl-shift-w");
        assert_eq!(ids(&stage), [1], "the other window shows the text: nothing was asked");
        assert_eq!(stage.marked(), "x|one");
    }

    #[test]
    fn closing_a_window_asks_about_what_only_it_shows() {
        let mut stage = Stage::with_file("a.txt", "|one");
        stage.keys("ctrl-shift-n ctrl-n y ctrl-shift-w");
        assert_eq!(ids(&stage), [1, 2]);
        assert_eq!(stage.run("app.state", Value::Null).unwrap()["focus"], "picker");
        stage.keys("escape");
        assert_eq!(stage.marked(), "y|");
        stage.keys("ctrl-shift-w down enter");
        assert_eq!(ids(&stage), [1]);
        assert_eq!(stage.marked(), "|one");
        stage.keys("ctrl-shift-t");
        assert_eq!(stage.marked(), "|y", "what was given up is still there");
    }

    #[test]
    fn zooming_is_the_windows_own() {
        let mut stage = Stage::with_file("a.txt", "|one");
        let first = stage.program.focused_window();
        stage.keys("ctrl-shift-n ctrl-=");
        assert_eq!(stage.program.zoom(), 1.1);
        stage.program.focus_window(first);
        assert_eq!(stage.program.zoom(), 1.0);
    }

    #[test]
    fn the_state_tells_of_every_window() {
        let mut stage = Stage::with_file("a.txt", "|one");
        stage.keys("ctrl-shift-n");
        let state = stage.run("app.state", Value::Null).unwrap();
        assert_eq!(state["windows"][0]["panes"][0]["items"][0]["title"], "a.txt");
        assert_eq!(state["windows"][0]["active"], false);
        assert_eq!(state["windows"][1]["active"], true);
        assert_eq!(state["panes"], state["windows"][1]["panes"]);
        let hash = &state["windows"][0]["panes"][0]["items"][0]["text_hash"];
        assert_eq!(*hash, json!(blake3::hash(b"one").to_hex().as_str()));
    }
}
