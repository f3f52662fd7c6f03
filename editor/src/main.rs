//! `hearth`, the program: everything between a person and the rooms below.
//!
//! Start reading at `cli` for what a command line does, at `program` for the state, at `command`
//! for what can be asked of it.
//!
//! Invariants: the UI thread never blocks; every act is a command of the one registry; what is
//! degraded is said where the person looks; nothing leaves the machine.

mod cli;
mod command;
mod control;
mod directories;
mod instance;
mod keymap;
mod profile;
mod program;
mod record;
mod registry;
mod settings;
mod source;
mod trust;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1), |_beginning| {
        Err(registry::Fault::internal("The program's shell is not wired in yet."))
    })
}
