//! Asking which of a few answers is meant, for a command that was called without it.

use std::sync::Arc;

use serde_json::Value;

use crate::picker::{Entries, Entry, Kind, Picker, Target};
use crate::program::{Overlay, Program};
use crate::registry::Fault;

/// Asks; the chosen label's arguments are given to `command`. The caller is told that it was
/// given up, since the person will call it again.
pub fn ask(
    program: &mut Program,
    question: &str,
    command: &'static str,
    choices: impl IntoIterator<Item = (String, Value)>,
) -> Result<Value, Fault> {
    let entry = |(label, arguments)| Entry {
        label,
        detail: String::new(),
        keys: Vec::new(),
        depth: 0,
        stretches: Vec::new(),
        target: Target::Call(command, arguments),
    };
    let entries: Vec<Entry> = choices.into_iter().map(entry).collect();
    let mut picker = Picker::new(Kind::Choices, question);
    picker.fill(Arc::new(Entries::new(entries)));
    program.window.overlay = Some(Overlay::Picker(picker));
    program.redraw();
    Err(Fault::cancelled(format!("{command} asks the person, since it was called without.")))
}
