//! Windows, and what was said in them.

use serde_json::Value;

use super::describe::look;
use crate::registry::Command;
use crate::shell::Request;

/// What concerns windows.
pub const COMMANDS: &[Command] = &[
    look("window.new", "New window", "Of the same process, with the same texts.", |program, _| {
        program.open_window();
        Ok(Value::Null)
    }),
    look(
        "window.close",
        "Close the window",
        "Texts that are not saved and seen nowhere else are asked about first; the last window \
         ends the program.",
        |program, _| {
            program.close_window(program.window.id);
            Ok(Value::Null)
        },
    ),
    look("window.fullscreen_toggle", "Fill the screen", "Or go back to a window.", |program, _| {
        program.request(Request::Fullscreen);
        Ok(Value::Null)
    }),
    look("notification.dismiss", "Dismiss notifications", "They stay in the log.", |program, _| {
        program.notices.dismiss_all();
        program.redraw();
        Ok(Value::Null)
    }),
];
