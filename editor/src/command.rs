//! The groups of commands, one noun per file; the registry is gathered from this list.

pub mod app;
mod app_input;
mod app_state;
pub mod buffer;
pub mod change;
mod choice;
pub mod cursor;
pub mod describe;
pub mod device;
pub mod edit;
pub mod file;
pub mod find;
pub mod fold;
pub mod inbox;
pub mod kill;
pub mod ledger;
pub mod line;
pub mod list;
mod motion;
mod newline;
mod occurrence;
pub mod palette;
pub mod pane;
pub mod picker;
pub mod profile;
pub mod prompt;
pub mod run;
pub mod select;
pub mod settings;
#[cfg(test)]
pub mod stage;
pub mod symbol;
pub mod sync;
pub mod tab;
pub mod theme;
pub mod trust;
pub mod view;
mod waiting;
pub mod window;

use crate::registry::Command;

/// Every group that the program offers. A new file in `command/` adds its `COMMANDS` here.
pub const GROUPS: &[&[Command]] = &[
    app::COMMANDS,
    buffer::COMMANDS,
    change::COMMANDS,
    cursor::COMMANDS,
    device::COMMANDS,
    edit::COMMANDS,
    file::COMMANDS,
    find::COMMANDS,
    fold::COMMANDS,
    inbox::COMMANDS,
    kill::COMMANDS,
    ledger::COMMANDS,
    line::COMMANDS,
    list::COMMANDS,
    palette::COMMANDS,
    pane::COMMANDS,
    picker::COMMANDS,
    profile::COMMANDS,
    prompt::COMMANDS,
    run::COMMANDS,
    select::COMMANDS,
    settings::COMMANDS,
    symbol::COMMANDS,
    sync::COMMANDS,
    tab::COMMANDS,
    theme::COMMANDS,
    trust::COMMANDS,
    view::COMMANDS,
    window::COMMANDS,
];

/// What commands keep between two calls.
#[derive(Default)]
pub struct Memory {
    /// Callers who wait for what they opened to be closed.
    pub waiting: waiting::Waiting,
    /// What was copied last as whole lines: it is pasted above a line, not into it.
    pub lines: Option<String>,
    /// The selections that a search for more of the same left, and what it looked for.
    pub looked_for: Option<(text::Selections, text::search::Query)>,
}
