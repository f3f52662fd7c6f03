//! Tabs: shown, moved, closed, opened again.

use kernel::action::Shape;
use serde_json::Value;

use super::describe::{key, look, needs, taking};
use crate::buffer::{Buffer, BufferId};
use crate::panes::PaneId;
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault, FaultKind};
use crate::shell::Reply;

/// What concerns tabs.
pub const COMMANDS: &[Command] = &[
    look(
        "tab.close",
        "Close the tab",
        "A text that is not saved is asked about first.",
        |program, _| {
            let pane = program.panes.focused();
            let (id, index) = (pane.id, pane.active);
            match pane.items.is_empty() {
                true => close_empty(program, id),
                false => program.close_tab(id, index),
            }
            Ok(Value::Null)
        },
    ),
    look(
        "tab.close_all",
        "Close all tabs",
        "Of the pane; a text that is not saved is asked about first.",
        |program, _| {
            program.close_tabs(program.panes.focus(), |_| true);
            Ok(Value::Null)
        },
    ),
    look(
        "tab.close_others",
        "Close the other tabs",
        "Of the pane; a text that is not saved is asked about first.",
        |program, _| {
            let kept = program.need_active()?.0.buffer;
            program.close_tabs(program.panes.focus(), move |id| id != kept);
            Ok(Value::Null)
        },
    ),
    look("tab.reopen", "Open a closed tab again", "The one closed last.", |program, _| {
        match program.closed.pop() {
            Some(path) => program.open_path(path, None),
            None => return Err(Fault::state("No tab was closed.")),
        }
        Ok(Value::Null)
    }),
    look("tab.next", "Next tab", "After the last the first.", |program, _| cycle(program, 1)),
    look("tab.previous", "Previous tab", "Before the first the last.", |program, _| {
        cycle(program, -1)
    }),
    look("tab.move_left", "Move the tab to the left", "In its pane.", |program, _| {
        shift(program, -1)
    }),
    look("tab.move_right", "Move the tab to the right", "In its pane.", |program, _| {
        shift(program, 1)
    }),
    taking(
        look("tab.focus", "Show a tab", "By its place in the pane, from 1.", focus),
        &[needs("index", Shape::Integer, "from 1")],
        Shape::Nothing,
    ),
    taking(
        key(
            "tab.finish",
            "Close a tab that is not saved",
            "Saves its text first, or gives its edits up.",
            finish,
        ),
        &[
            needs("pane", Shape::Integer, "the pane's id, as app.state tells it"),
            needs("index", Shape::Integer, "the tab's place in it, from 0"),
            needs("then", Shape::Text, "\"save\" or \"drop\""),
        ],
        Shape::Nothing,
    ),
];

impl Program {
    /// Closes the tabs of a pane whose buffers are `chosen`, up to the first that has to be asked
    /// about; that one is asked about when the others are gone.
    pub fn close_tabs(&mut self, pane: PaneId, chosen: impl Fn(BufferId) -> bool) {
        let ids = |program: &Program| -> Vec<BufferId> {
            let found = program.panes.get(pane);
            found.map_or_else(Vec::new, |it| it.items.iter().map(|view| view.buffer).collect())
        };
        for id in ids(self).into_iter().filter(|id| chosen(*id)) {
            let is_dirty = self.buffers.get(&id).is_some_and(Buffer::is_dirty);
            let is_last = self.views_of(id).count() == 1;
            let index = ids(self).iter().position(|other| *other == id);
            if let Some(index) = index.filter(|_| !(is_dirty && is_last)) {
                self.drop_tab(pane, index);
            }
        }
        if let Some(index) = ids(self).iter().position(|id| chosen(*id)) {
            self.focus_tab(pane, index);
            self.close_tab(pane, index);
        }
    }
}

/// Closing an empty pane gives its room to its neighbour.
fn close_empty(program: &mut Program, pane: PaneId) {
    program.panes.close(pane);
    program.redraw();
}

fn cycle(program: &mut Program, step: isize) -> Result<Value, Fault> {
    let pane = program.panes.focused_mut();
    pane.cycle(step);
    let (id, index) = (pane.id, pane.active);
    program.focus_tab(id, index);
    Ok(Value::Null)
}

fn shift(program: &mut Program, step: isize) -> Result<Value, Fault> {
    let pane = program.panes.focused();
    let (id, index, count) = (pane.id, pane.active, pane.items.len());
    let place = index.checked_add_signed(step).filter(|place| *place < count);
    if let Some(place) = place {
        program.move_tab(id, index, id, Some(place));
    }
    Ok(Value::Null)
}

fn focus(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let wanted = arguments.integer("index")?;
    let pane = program.panes.focused();
    let index = usize::try_from(wanted).ok().and_then(|index| index.checked_sub(1));
    let index = index.filter(|index| *index < pane.items.len());
    let index = index.ok_or_else(|| Fault::unknown(format!("There is no tab {wanted}.")))?;
    let id = pane.id;
    program.focus_tab(id, index);
    Ok(Value::Null)
}

/// Answers the question that closing an unsaved text asks.
fn finish(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let gone = || Fault::unknown("That tab is closed already.");
    let pane = PaneId(u64::try_from(arguments.integer("pane")?).map_err(|_| gone())?);
    let index = arguments.maybe_count("index")?.ok_or_else(gone)?;
    let view = program.panes.get(pane).and_then(|pane| pane.items.get(index));
    let id = view.ok_or_else(gone)?.buffer;
    match arguments.text("then")? {
        "drop" => program.drop_tab(pane, index),
        "save" => save_and_close(program, pane, id)?,
        _ => return Err(Fault::usage("\"then\" takes \"save\" or \"drop\".")),
    }
    Ok(Value::Null)
}

fn save_and_close(program: &mut Program, pane: PaneId, id: BufferId) -> Result<(), Fault> {
    let has_path = program.buffers.get(&id).is_some_and(|buffer| buffer.path.is_some());
    if !has_path {
        program.perform_plain("file.save_as");
        return Err(Fault::new(FaultKind::Cancelled, "The text has no file yet; save it first."));
    }
    let (reply, post) = (program.answer_later(), program.workers.post());
    let then: Reply = Box::new(move |result| match result {
        Err(fault) => reply(Err(fault)),
        Ok(_) => post(Box::new(move |program: &mut Program| {
            let found = program.panes.get(pane);
            let index = found.and_then(|pane| pane.items.iter().position(|view| view.buffer == id));
            if let Some(index) = index {
                program.drop_tab(pane, index);
            }
            reply(Ok(Value::Null));
        })),
    });
    program.save(id, None, then);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::command::stage::Stage;

    fn titles(stage: &Stage) -> Vec<String> {
        let items = stage.program.panes.focused().items.iter();
        items.map(|view| stage.program.buffers[&view.buffer].title()).collect()
    }

    fn with_files(names: &[&str]) -> Stage {
        let mut stage = Stage::new();
        for name in names {
            let path = stage.write(name, name);
            stage.run("file.open", json!({ "path": path })).unwrap();
        }
        stage
    }

    #[test]
    fn tabs_are_cycled_moved_and_opened_again() {
        let mut stage = with_files(&["a", "b", "c"]);
        stage.keys("ctrl-tab");
        assert_eq!(stage.marked(), "|a");
        stage.keys("ctrl-shift-pagedown");
        assert_eq!(titles(&stage), ["b", "a", "c"]);
        stage.keys("alt-3 ctrl-w");
        assert_eq!(titles(&stage), ["b", "a"]);
        stage.keys("ctrl-shift-t");
        assert_eq!(titles(&stage), ["b", "a", "c"]);
        stage.run("tab.close_others", Value::Null).unwrap();
        assert_eq!(titles(&stage), ["c"]);
    }

    #[test]
    fn an_unsaved_text_is_asked_about_and_the_rest_is_closed() {
        let mut stage = with_files(&["a", "b", "c"]);
        stage.keys("ctrl-shift-tab x ctrl-k ctrl-w");
        assert_eq!(titles(&stage), ["b"]);
        assert_eq!(stage.run("app.state", Value::Null).unwrap()["focus"], "picker");
        stage.keys("enter");
        assert!(titles(&stage).is_empty());
        assert_eq!(std::fs::read_to_string(stage.path("b")).unwrap(), "xb\n");
    }

    #[test]
    fn edits_are_given_up_only_when_that_is_said() {
        let mut stage = with_files(&["a"]);
        stage.keys("x ctrl-w escape");
        assert_eq!(stage.marked(), "x|a");
        stage.keys("ctrl-w down enter");
        assert!(titles(&stage).is_empty());
        assert_eq!(std::fs::read_to_string(stage.path("a")).unwrap(), "a");
    }
}
