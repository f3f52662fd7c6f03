//! The pickers of files and symbols.

use serde_json::Value;

use super::describe::look;
use crate::program::Confirm;
use crate::registry::Command;

/// What only pickers do.
pub const COMMANDS: &[Command] = &[look(
    "picker.confirm_split",
    "Open the chosen line beside",
    "In a new pane to the right.",
    |program, _| {
        program.confirm(Confirm::Beside);
        Ok(Value::Null)
    },
)];
