//! Questions with one line to answer them.

use serde_json::Value;

use super::describe::look;
use crate::program::Confirm;
use crate::registry::Command;

/// What a question takes.
pub const COMMANDS: &[Command] = &[
    look("prompt.confirm", "Answer the question", "Does what was asked for.", |program, _| {
        program.confirm(Confirm::Here);
        Ok(Value::Null)
    }),
    look("prompt.cancel", "Take the question back", "Nothing is done.", |program, _| {
        program.close_overlay();
        Ok(Value::Null)
    }),
    look("prompt.complete", "Complete the path", "As far as there is one way on.", |program, _| {
        program.complete_path();
        Ok(Value::Null)
    }),
];
