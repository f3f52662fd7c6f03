//! `hearth`, the program: everything between a person and the rooms below.
//!
//! Start reading at `cli` for what a command line does, at `program` for the state, at `command`
//! for what can be asked of it.
//!
//! Invariants: the UI thread never blocks; every act is a command of the one registry; what is
//! degraded is said where the person looks; nothing leaves the machine.

mod command;
mod directories;
mod keymap;
mod program;
mod record;
mod registry;
mod settings;
mod source;

fn main() {}
