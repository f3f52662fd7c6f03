//! Panes: split, focused, closed; tabs that move between them.

use kernel::action::Shape;
use serde_json::Value;

use super::describe::{look, needs, taking};
use crate::panes::{PaneId, Toward};
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};

/// What concerns panes.
pub const COMMANDS: &[Command] = &[
    look("pane.split_right", "Split to the right", "With the same text.", |program, _| {
        split(program, Toward::Right)
    }),
    look("pane.split_down", "Split downwards", "With the same text.", |program, _| {
        split(program, Toward::Down)
    }),
    look(
        "pane.close",
        "Close the pane",
        "With its tabs; a text that is not saved is asked about first.",
        |program, _| close(program),
    ),
    taking(
        look("pane.focus", "Focus a pane", "By its place in reading order, from 1.", focus),
        &[needs("index", Shape::Integer, "from 1")],
        Shape::Nothing,
    ),
    look("pane.focus_left", "Focus the pane to the left", "If there is one.", |program, _| {
        focus_beside(program, Toward::Left)
    }),
    look("pane.focus_right", "Focus the pane to the right", "If there is one.", |program, _| {
        focus_beside(program, Toward::Right)
    }),
    look("pane.focus_up", "Focus the pane above", "If there is one.", |program, _| {
        focus_beside(program, Toward::Up)
    }),
    look("pane.focus_down", "Focus the pane below", "If there is one.", |program, _| {
        focus_beside(program, Toward::Down)
    }),
    look(
        "pane.move_item_left",
        "Move the tab to the left pane",
        "Which is made where there is none.",
        |program, _| move_item(program, Toward::Left),
    ),
    look(
        "pane.move_item_right",
        "Move the tab to the right pane",
        "Which is made where there is none.",
        |program, _| move_item(program, Toward::Right),
    ),
    look(
        "pane.move_item_up",
        "Move the tab to the pane above",
        "Which is made where there is none.",
        |program, _| move_item(program, Toward::Up),
    ),
    look(
        "pane.move_item_down",
        "Move the tab to the pane below",
        "Which is made where there is none.",
        |program, _| move_item(program, Toward::Down),
    ),
];

fn split(program: &mut Program, toward: Toward) -> Result<Value, Fault> {
    program.split(toward);
    Ok(Value::Null)
}

fn close(program: &mut Program) -> Result<Value, Fault> {
    let pane = program.window.panes.focus();
    match program.window.panes.focused().items.is_empty() {
        true => {
            program.window.panes.close(pane);
            program.redraw();
        }
        false => program.close_tabs(pane, |_| true),
    }
    Ok(Value::Null)
}

fn focus(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let index = arguments.integer("index")?;
    let wanted = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
    let pane: Option<PaneId> =
        wanted.and_then(|index| program.window.panes.iter().nth(index)).map(|pane| pane.id);
    let pane = pane.ok_or_else(|| Fault::unknown(format!("There is no pane {index}.")))?;
    program.focus_pane(pane);
    Ok(Value::Null)
}

fn beside(program: &Program, toward: Toward) -> Option<PaneId> {
    program.window.panes.beside(program.window.panes.focus(), toward, program.panes_area())
}

fn focus_beside(program: &mut Program, toward: Toward) -> Result<Value, Fault> {
    if let Some(pane) = beside(program, toward) {
        program.focus_pane(pane);
    }
    Ok(Value::Null)
}

fn move_item(program: &mut Program, toward: Toward) -> Result<Value, Fault> {
    program.need_active()?;
    let from = program.window.panes.focused();
    let (id, index, count) = (from.id, from.active, from.items.len());
    let to = match beside(program, toward) {
        Some(pane) => pane,
        // The only tab of a pane has nowhere to go.
        None if count == 1 => return Ok(Value::Null),
        None => program.window.panes.split(id, toward),
    };
    program.move_tab(id, index, to, None);
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::command::stage::Stage;

    #[test]
    fn panes_split_take_tabs_and_go() {
        let mut stage = Stage::new();
        for name in ["a", "b"] {
            let path = stage.write(name, name);
            stage.run("file.open", json!({ "path": path })).unwrap();
        }
        let shape = |stage: &Stage| -> Vec<usize> {
            stage.program.window.panes.iter().map(|pane| pane.items.len()).collect()
        };
        stage.keys("ctrl-k shift-right");
        assert_eq!(shape(&stage), [1, 1]);
        assert_eq!(stage.marked(), "|b");
        stage.keys("ctrl-k ctrl-left");
        assert_eq!(stage.marked(), "|a");
        stage.keys("ctrl-\\");
        assert_eq!(shape(&stage), [1, 1, 1]);
        stage.keys("ctrl-3");
        assert_eq!(stage.marked(), "|b");
        stage.keys("ctrl-k w");
        assert_eq!(shape(&stage), [1, 1]);
        stage.keys("ctrl-9");
        assert_eq!(stage.notices(), ["There is no pane 9."]);
    }
}
