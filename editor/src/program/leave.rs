//! Closing what has unsaved texts: the person is asked once, about all of them. What they close
//! without saving stays in the log, and can be opened again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::{Overlay, Program};
use crate::buffer::{Buffer, BufferId};
use crate::files::load;
use crate::journal::StreamKey;
use crate::panes::PaneId;
use crate::picker::{About, Entries, Entry, Kind, Picker, Target};
use crate::registry::Fault;
use crate::shell::{Reply, Request};

/// Texts that were closed without saving and are kept; the oldest gives way.
const KEPT_MAX: usize = 20;

/// Unsaved texts that a question names; more are counted.
const NAMED_MAX: usize = 8;

/// What is to be closed.
pub enum What {
    /// Texts of a pane.
    Tabs(PaneId, Vec<BufferId>),
    /// The window that commands act in.
    Window,
    /// The process, where what is unsaved would be lost with it.
    Process,
}

/// What is closed once the person has said what becomes of its unsaved texts.
pub struct Leaving {
    what: What,
    unsaved: VecDeque<BufferId>,
}

/// What becomes of unsaved texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// They are saved first; one without a file asks for its path.
    Save,
    /// They are closed as they are.
    Drop,
}

/// Something that was closed and can be opened again.
pub enum Closed {
    /// A file that held everything.
    File(PathBuf),
    /// A text with edits that no file has.
    Text(Box<Buffer>),
}

impl Closed {
    /// The stream of a text.
    pub fn stream(&self) -> Option<StreamKey> {
        match self {
            Closed::File(_) => None,
            Closed::Text(buffer) => buffer.stream,
        }
    }
}

impl Program {
    /// Closes what is named, at once where no unsaved text goes with it.
    pub fn leave(&mut self, what: What) {
        let unsaved = self.unsaved_only_in(&what);
        if unsaved.is_empty() {
            return self.depart(what);
        }
        let picker = self.leaving_question(&what, &unsaved);
        self.open_overlay(Overlay::Picker(picker));
        self.window.leaving = Some(Leaving { what, unsaved: unsaved.into() });
    }

    /// Answers the question that [`Program::leave`] asks.
    ///
    /// # Errors
    /// When none is asked.
    pub fn finish_leaving(&mut self, then: Then) -> Result<(), Fault> {
        let asked = self.window.leaving.take();
        let leaving = asked.ok_or_else(|| Fault::state("Nothing is being closed."))?;
        match then {
            Then::Save => self.save_and_leave(leaving),
            Then::Drop => self.depart(leaving.what),
        }
        Ok(())
    }

    /// The unsaved texts that would be seen nowhere any more.
    fn unsaved_only_in(&self, what: &What) -> Vec<BufferId> {
        let stays = |id: BufferId| match what {
            What::Process => false,
            What::Window => self.others.iter().any(|other| other.views().any(|v| v.buffer == id)),
            What::Tabs(pane, closed) => {
                let is_closed = |other: PaneId| other == *pane && closed.contains(&id);
                let mut panes = self.window.panes.iter().filter(|other| !is_closed(other.id));
                panes.any(|pane| pane.items.iter().any(|view| view.buffer == id))
                    || self.others.iter().any(|other| other.views().any(|v| v.buffer == id))
            }
        };
        let is_named = |id: BufferId| match what {
            What::Process => true,
            What::Window => self.window.views().any(|view| view.buffer == id),
            What::Tabs(_, closed) => closed.contains(&id),
        };
        let unsaved = self.buffers.values().filter(|buffer| buffer.is_dirty());
        unsaved.map(|buffer| buffer.id).filter(|id| is_named(*id) && !stays(*id)).collect()
    }

    fn leaving_question(&self, what: &What, unsaved: &[BufferId]) -> Picker {
        let title = |id: &BufferId| self.buffers.get(id).map(Buffer::title).unwrap_or_default();
        let reopen: Vec<String> = self.caps("tab.reopen").into_iter().flatten().collect();
        let kept = match what {
            What::Process => "their edits are lost".to_owned(),
            _ if reopen.is_empty() => "kept in the log".to_owned(),
            _ => format!("kept in the log; {} opens again", reopen.join("+")),
        };
        let (question, save) = match unsaved {
            [one] => (format!("{} is not saved", title(one)), "Save and close"),
            many => (format!("{} texts are not saved", many.len()), "Save all and close"),
        };
        let entry = |label: &str, detail: String, target: Target| Entry {
            label: label.to_owned(),
            detail,
            keys: Vec::new(),
            depth: 0,
            stretches: Vec::new(),
            target,
        };
        let call = |then: &str| Target::Call("tab.finish", json!({ "then": then }));
        let keep = if unsaved.len() == 1 { "Keep it open" } else { "Keep them open" };
        let choices = vec![
            entry(save, String::new(), call("save")),
            entry("Close without saving", kept, call("drop")),
            entry(keep, String::new(), Target::Nothing),
        ];
        let mut picker = Picker::new(Kind::Choices, question);
        if unsaved.len() > 1 {
            let named = unsaved.iter().take(NAMED_MAX).map(title);
            picker.about = named.map(About::Unsaved).collect();
            let rest = unsaved.len().saturating_sub(NAMED_MAX);
            picker.about.extend((rest > 0).then(|| About::Words(format!("and {rest} more"))));
        }
        picker.fill(Arc::new(Entries::new(choices)));
        picker
    }

    /// Saves one text after the other; when all are saved, what was asked for is closed.
    fn save_and_leave(&mut self, mut leaving: Leaving) {
        let is_dirty = |id: &BufferId| self.buffers.get(id).is_some_and(Buffer::is_dirty);
        leaving.unsaved.retain(is_dirty);
        let Some(id) = leaving.unsaved.front().copied() else { return self.depart(leaving.what) };
        let has_path = self.buffers.get(&id).is_some_and(|buffer| buffer.path.is_some());
        if has_path {
            return self.save_one_and_leave(id, None, leaving);
        }
        // The person sees which text it is that needs a name.
        self.reveal(id);
        self.ask_where_to_save();
        self.window.leaving = Some(leaving);
    }

    /// Goes on with closing now that a text without a file has a path.
    pub(super) fn save_draft_and_leave(&mut self, path: PathBuf, leaving: Leaving) {
        let path = load::absolute(&path);
        let Some(id) = leaving.unsaved.front().copied() else { return };
        match self.check_free(id, &path) {
            Ok(()) => self.save_one_and_leave(id, Some(path), leaving),
            Err(fault) => self.fail(&fault),
        }
    }

    fn save_one_and_leave(&mut self, id: BufferId, to: Option<PathBuf>, leaving: Leaving) {
        let (window, post) = (self.window.id, self.workers.post());
        let reply: Reply = Box::new(move |result| {
            post(Box::new(move |program: &mut Program| {
                program.within(window, |program| match result {
                    Ok(_) => program.save_and_leave(leaving),
                    // What is not saved stays open, and why it is not is said.
                    Err(fault) => program.fail(&fault),
                });
            }));
        });
        self.save(id, to, reply);
    }

    fn depart(&mut self, what: What) {
        match what {
            What::Process => self.request(Request::Quit),
            What::Window => self.drop_window(),
            What::Tabs(pane, closed) => {
                for id in closed {
                    let place = |program: &Program| {
                        let items = &program.window.panes.get(pane)?.items;
                        items.iter().position(|view| view.buffer == id)
                    };
                    while let Some(index) = place(self) {
                        self.drop_tab(pane, index);
                    }
                }
            }
        }
    }

    /// Shows the tab that a text has in this window.
    fn reveal(&mut self, id: BufferId) {
        let found = self.window.panes.iter().find_map(|pane| {
            let index = pane.items.iter().position(|view| view.buffer == id)?;
            Some((pane.id, index))
        });
        if let Some((pane, index)) = found {
            self.focus_tab(pane, index);
        }
    }

    /// Lets go of a text that no window shows any more. Edits that no file has are kept.
    pub(super) fn forget_unseen(&mut self, id: BufferId) {
        if self.views_of(id).next().is_some() {
            return;
        }
        let Some(mut buffer) = self.buffers.remove(&id) else { return };
        self.answer_closed(id);
        self.share_closed(&mut buffer);
        if buffer.is_dirty() {
            self.closed.push(Closed::Text(Box::new(buffer)));
            self.forget_oldest();
        } else {
            self.closed.extend(buffer.path.clone().map(Closed::File));
            self.journal.forget(&buffer);
            self.free("freeing a text", buffer);
        }
    }

    fn forget_oldest(&mut self) {
        let is_text = |closed: &Closed| matches!(closed, Closed::Text(_));
        if self.closed.iter().filter(|closed| is_text(closed)).count() <= KEPT_MAX {
            return;
        }
        let oldest = self.closed.iter().position(is_text);
        if let Some(Closed::Text(buffer)) = oldest.map(|index| self.closed.remove(index)) {
            self.journal.forget(&buffer);
            self.free("freeing a text", *buffer);
        }
    }

    /// Opens what was closed last.
    ///
    /// # Errors
    /// When nothing was.
    pub fn reopen(&mut self) -> Result<(), Fault> {
        match self.closed.pop() {
            None => return Err(Fault::state("No tab was closed.")),
            Some(Closed::File(path)) => self.open_path(path, None),
            Some(Closed::Text(buffer)) => self.reopen_text(*buffer),
        }
        Ok(())
    }

    fn reopen_text(&mut self, mut buffer: Buffer) {
        let id = buffer.id;
        let opened = buffer.path.as_deref().and_then(|path| self.buffer_at(path));
        let shown = match opened {
            // Its file was opened meanwhile: the edits go into that text.
            Some(opened) => {
                self.unite(opened, buffer);
                opened
            }
            None => {
                buffer.parsing = None;
                self.buffers.insert(id, buffer);
                id
            }
        };
        for id in [shown, id] {
            if self.buffers.contains_key(&id) {
                self.show(self.window.panes.focus(), id, None);
                self.schedule_parse(id);
                self.look_anew(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::command::stage::Stage;

    /// Two files and a draft, all edited.
    fn unsaved() -> Stage {
        let mut stage = Stage::new();
        for name in ["a", "b"] {
            let path = stage.write(name, name);
            stage.run("file.open", json!({ "path": path })).unwrap();
            stage.keys("x");
        }
        stage.keys("ctrl-n d");
        stage
    }

    fn question(stage: &Stage) -> (String, Vec<String>) {
        let Some(Overlay::Picker(picker)) = &stage.program.window.overlay else {
            panic!("it is asked")
        };
        let words = |line: &About| match line {
            About::Unsaved(words) | About::Words(words) | About::Code(words) => words.clone(),
            About::Fact(name, value) => format!("{name} {value}"),
            About::CheckWords(words) => words.join(" "),
        };
        (picker.placeholder.clone(), picker.about.iter().map(words).collect())
    }

    fn read(stage: &Stage, name: &str) -> String {
        std::fs::read_to_string(stage.path(name)).unwrap()
    }

    fn is_empty(stage: &Stage) -> bool {
        stage.program.window.is_blank() && stage.program.buffers.is_empty()
    }

    #[test]
    fn all_unsaved_texts_are_asked_about_at_once() {
        let mut stage = unsaved();
        stage.run("tab.close_all", Value::Null).unwrap();
        let (asked, named) = question(&stage);
        assert_eq!(asked, "3 texts are not saved");
        assert_eq!(named, ["a", "b", "Untitled"]);
        stage.keys("escape");
        assert_eq!(stage.program.window.views().count(), 3, "nothing was closed");
    }

    #[test]
    fn saving_all_asks_a_draft_for_its_path_and_closes_everything() {
        let mut stage = unsaved();
        stage.keys("ctrl-k ctrl-w enter");
        assert_eq!((read(&stage, "a"), read(&stage, "b")), ("xa\n".into(), "xb\n".into()));
        assert!(matches!(stage.program.window.overlay, Some(Overlay::Prompt(_))));
        let path = stage.path("c").display().to_string();
        stage.keys("ctrl-a");
        stage.run("app.text", json!({ "text": path })).unwrap();
        stage.keys("enter");
        assert_eq!(read(&stage, "c"), "d\n");
        assert!(is_empty(&stage));
    }

    #[test]
    fn thinking_better_of_a_path_leaves_what_is_open() {
        let mut stage = unsaved();
        stage.keys("ctrl-k ctrl-w enter escape");
        assert_eq!(stage.program.window.views().count(), 3);
        stage.keys("ctrl-s");
        stage.run("app.text", json!({ "text": stage.path("c") })).unwrap();
        stage.keys("enter");
        assert_eq!(stage.program.window.views().count(), 3, "saving alone closes nothing");
    }

    #[test]
    fn a_path_that_is_open_already_is_not_written_over() {
        let mut stage = unsaved();
        stage.keys("ctrl-w enter ctrl-a");
        stage.run("app.text", json!({ "text": stage.path("a") })).unwrap();
        stage.keys("enter");
        assert_eq!(read(&stage, "a"), "a");
        assert!(stage.notices()[0].contains("open in another tab"), "{:?}", stage.notices());
        assert_eq!(stage.program.window.views().count(), 3);
    }

    #[test]
    fn what_is_closed_without_saving_can_be_opened_again() {
        let mut stage = unsaved();
        stage.keys("ctrl-k ctrl-w down enter");
        assert!(is_empty(&stage));
        assert_eq!((read(&stage, "a"), read(&stage, "b")), ("a".into(), "b".into()));
        stage.keys("ctrl-shift-t");
        assert_eq!(stage.marked(), "|d");
        stage.keys("ctrl-shift-t ctrl-z");
        assert_eq!(stage.marked(), "|b", "with its undo");
    }

    #[test]
    fn edits_of_a_closed_text_join_its_file_if_that_was_opened_again() {
        let mut stage = Stage::with_file("a", "|one\ntwo\n");
        let path = stage.path("a");
        stage.keys("x ctrl-w down enter");
        stage.run("file.open", json!({ "path": path })).unwrap();
        assert_eq!(stage.marked(), "|one\ntwo\n");
        stage.keys("ctrl-end y ctrl-shift-t");
        assert_eq!(stage.marked().replace('|', ""), "xone\ntwo\ny");
        assert_eq!(stage.program.buffers.len(), 1);
    }

    #[test]
    fn a_text_of_another_pane_is_no_reason_to_ask() {
        let mut stage = Stage::with_file("a", "|one");
        stage.keys("x ctrl-\\ ctrl-k ctrl-w");
        assert!(stage.program.window.overlay.is_none());
        assert_eq!(stage.marked(), "x|one");
    }

    #[test]
    fn only_so_many_closed_texts_are_kept() {
        let mut stage = Stage::new();
        for _ in 0..KEPT_MAX + 3 {
            stage.keys("ctrl-n x ctrl-w down enter");
        }
        assert_eq!(stage.program.closed.len(), KEPT_MAX);
    }
}
