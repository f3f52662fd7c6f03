//! The changes of a text that is compared with another.

use serde_json::Value;

use super::describe::look;
use crate::find::Direction;
use crate::registry::Command;

/// What goes through changes.
pub const COMMANDS: &[Command] = &[
    look("change.next", "Next change", "Of a compared text; after the last the first.", |it, _| {
        it.step_change(Direction::Next).map(|()| Value::Null)
    }),
    look("change.previous", "Previous change", "Before the first the last.", |it, _| {
        it.step_change(Direction::Previous).map(|()| Value::Null)
    }),
];
