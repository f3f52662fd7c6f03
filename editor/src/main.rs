//! `hearth`, the program: everything between a person and the rooms below.
//!
//! Start reading at `cli` for what a command line does, at `program` for the state, at `command`
//! for what can be asked of it.
//!
//! Invariants: the UI thread never blocks; every act is a command of the one registry; what is
//! degraded is said where the person looks; nothing leaves the machine.

mod accessibility;
mod buffer;
mod cli;
mod clipboard;
mod command;
mod compare;
mod control;
mod devices;
mod directories;
mod files;
mod find;
mod fuzzy;
mod guard;
mod input;
mod instance;
mod journal;
mod keychain;
mod keymap;
mod line_input;
mod notice;
mod panes;
mod picker;
mod preferences;
mod profile;
mod program;
mod prompt;
mod record;
mod registry;
mod schedule;
mod settings;
mod sharing;
mod shell;
mod source;
mod stores;
mod timeline;
mod trust;
mod ui;
mod view;
mod workers;

use std::process::ExitCode;

use clipboard::Clipboard;
use program::Start;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1), |beginning| match beginning.mode {
        cli::Mode::Headless => {
            shell::headless::run(Start { beginning, clipboard: Clipboard::private() })
        }
        cli::Mode::Window | cli::Mode::Drive => {
            shell::window::run(Start { beginning, clipboard: Clipboard::of_system() })
        }
    })
}
