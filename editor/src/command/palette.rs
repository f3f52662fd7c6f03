//! The palette of all commands.

use serde_json::Value;

use super::describe::look;
use crate::registry::Command;

/// What opens it.
pub const COMMANDS: &[Command] = &[look(
    "palette.open",
    "All commands",
    "Opens the palette: every command by name, with its keys.",
    |program, _| {
        program.open_palette();
        Ok(Value::Null)
    },
)];
