//! The symbols of the focused text.

use serde_json::Value;

use super::describe::look;
use crate::registry::Command;

/// What goes to symbols.
pub const COMMANDS: &[Command] = &[look(
    "symbol.go_to",
    "Go to a symbol",
    "Lists the functions, types and headings of the text.",
    |program, _| {
        program.need_active()?;
        program.open_symbol_picker();
        Ok(Value::Null)
    },
)];
