//! Tabs: shown, moved, closed, opened again.

use kernel::action::Shape;
use serde_json::Value;

use super::describe::{key, look, needs, taking};
use crate::buffer::BufferId;
use crate::panes::PaneId;
use crate::program::{Program, Then, What};
use crate::registry::{Arguments, Command, Fault};

/// What concerns tabs.
pub const COMMANDS: &[Command] = &[
    look(
        "tab.close",
        "Close the tab",
        "A text that is not saved is asked about first.",
        |program, _| {
            let pane = program.window.panes.focused();
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
            program.close_tabs(program.window.panes.focus(), |_| true);
            Ok(Value::Null)
        },
    ),
    look(
        "tab.close_others",
        "Close the other tabs",
        "Of the pane; a text that is not saved is asked about first.",
        |program, _| {
            let kept = program.need_active()?.0.buffer;
            program.close_tabs(program.window.panes.focus(), move |id| id != kept);
            Ok(Value::Null)
        },
    ),
    look(
        "tab.reopen",
        "Open a closed tab again",
        "The one closed last, with edits that were not saved.",
        |program, _| program.reopen().map(|()| Value::Null),
    ),
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
            "Close what is not saved",
            "Answers the question that closing unsaved texts asks.",
            finish,
        ),
        &[needs("then", Shape::Text, "\"save\", or \"drop\" to close without saving")],
        Shape::Nothing,
    ),
];

impl Program {
    /// Closes the tabs of a pane whose buffers are `chosen`; those that are not saved are asked
    /// about together, and until that is answered nothing is closed.
    pub fn close_tabs(&mut self, pane: PaneId, chosen: impl Fn(BufferId) -> bool) {
        let Some(found) = self.window.panes.get(pane) else { return };
        let ids = found.items.iter().map(|view| view.buffer).filter(|id| chosen(*id)).collect();
        self.leave(What::Tabs(pane, ids));
    }
}

/// Closing an empty pane gives its room to its neighbour.
fn close_empty(program: &mut Program, pane: PaneId) {
    program.window.panes.close(pane);
    program.redraw();
}

fn cycle(program: &mut Program, step: isize) -> Result<Value, Fault> {
    let pane = program.window.panes.focused_mut();
    pane.cycle(step);
    let (id, index) = (pane.id, pane.active);
    program.focus_tab(id, index);
    Ok(Value::Null)
}

fn shift(program: &mut Program, step: isize) -> Result<Value, Fault> {
    let pane = program.window.panes.focused();
    let (id, index, count) = (pane.id, pane.active, pane.items.len());
    let place = index.checked_add_signed(step).filter(|place| *place < count);
    if let Some(place) = place {
        program.move_tab(id, index, id, Some(place));
    }
    Ok(Value::Null)
}

fn focus(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let wanted = arguments.integer("index")?;
    let pane = program.window.panes.focused();
    let index = usize::try_from(wanted).ok().and_then(|index| index.checked_sub(1));
    let index = index.filter(|index| *index < pane.items.len());
    let index = index.ok_or_else(|| Fault::unknown(format!("There is no tab {wanted}.")))?;
    let id = pane.id;
    program.focus_tab(id, index);
    Ok(Value::Null)
}

fn finish(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let then = match arguments.text("then")? {
        "save" => Then::Save,
        "drop" => Then::Drop,
        _ => return Err(Fault::usage("\"then\" takes \"save\" or \"drop\".")),
    };
    program.finish_leaving(then)?;
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::command::stage::Stage;

    fn titles(stage: &Stage) -> Vec<String> {
        let items = stage.program.window.panes.focused().items.iter();
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
    fn an_unsaved_text_is_asked_about_before_anything_is_closed() {
        let mut stage = with_files(&["a", "b", "c"]);
        stage.keys("ctrl-shift-tab x ctrl-k ctrl-w");
        assert_eq!(titles(&stage), ["a", "b", "c"]);
        assert_eq!(stage.run("app.state", Value::Null).unwrap()["focus"], "picker");
        stage.keys("enter");
        assert!(titles(&stage).is_empty());
        assert_eq!(std::fs::read_to_string(stage.path("b")).unwrap(), "xb\n");
        assert!(stage.run("tab.finish", json!({ "then": "save" })).is_err(), "nothing is asked");
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
