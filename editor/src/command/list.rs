//! The list under a line that is typed into.

use serde_json::Value;

use super::describe::look;
use crate::picker::{Picker, ROWS_MAX, Round};
use crate::program::{Confirm, Overlay, Program};
use crate::registry::{Command, Fault};

/// What moves in lists.
pub const COMMANDS: &[Command] = &[
    look("list.next", "Next line of the list", "After the last the first.", |program, _| {
        choose(program, |picker| picker.choose(1, Round::Goes))
    }),
    look(
        "list.previous",
        "Previous line of the list",
        "Before the first the last.",
        |program, _| choose(program, |picker| picker.choose(-1, Round::Goes)),
    ),
    look("list.page_down", "A page down the list", "As far as it goes.", |program, _| {
        choose(program, |picker| picker.choose(ROWS_MAX as isize, Round::Stops))
    }),
    look("list.page_up", "A page up the list", "As far as it goes.", |program, _| {
        choose(program, |picker| picker.choose(-(ROWS_MAX as isize), Round::Stops))
    }),
    look("list.first", "First line of the list", "The best match.", |program, _| {
        choose(program, |picker| picker.choose_line(0))
    }),
    look("list.last", "Last line of the list", "The worst match.", |program, _| {
        choose(program, |picker| picker.choose_line(usize::MAX))
    }),
    look("list.confirm", "Take the chosen line", "Does what it says.", |program, _| {
        program.confirm(Confirm::Here);
        Ok(Value::Null)
    }),
    look("list.cancel", "Close the list", "Nothing is done.", |program, _| {
        program.close_overlay();
        Ok(Value::Null)
    }),
];

fn choose(program: &mut Program, choose: impl FnOnce(&mut Picker)) -> Result<Value, Fault> {
    let Some(Overlay::Picker(picker)) = &mut program.window.overlay else {
        return Err(Fault::state("No list is open."));
    };
    choose(picker);
    program.redraw();
    Ok(Value::Null)
}
