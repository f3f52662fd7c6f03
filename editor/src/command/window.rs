//! The window, and what was said in it.

use serde_json::Value;

use super::describe::look;
use crate::registry::Command;
use crate::shell::Request;

/// What concerns the window.
pub const COMMANDS: &[Command] = &[
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
