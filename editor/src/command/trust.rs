//! Trust: which folders' own files count.

use kernel::action::{Effect, Risk, Shape};
use serde_json::Value;

use super::describe::{key, look, may, risking, taking};
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};

/// What gives and takes it.
pub const COMMANDS: &[Command] = &[
    taking(
        risking(
            key(
                "trust.grant",
                "Trust this folder",
                "Lets its own settings, policy and tasks count as they are now.",
                |program, it| ask(program, "trust.grant", it),
            ),
            Risk::L3,
            Effect::Idempotent,
        ),
        &[may("path", Shape::Path, "the folder; the open one by itself")],
        Shape::Object,
    ),
    taking(
        risking(
            key(
                "trust.revoke",
                "Trust this folder no more",
                "What lies under .hearth/ in it counts for nothing from now on.",
                |program, it| ask(program, "trust.revoke", it),
            ),
            Risk::L2,
            Effect::Idempotent,
        ),
        &[may("path", Shape::Path, "the folder; the open one by itself")],
        Shape::Object,
    ),
    taking(
        risking(
            look(
                "trust.list",
                "Read which folders are trusted",
                "Answers all of them.",
                |p, it| p.ask_stores("trust.list", it),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[],
        Shape::List,
    ),
];

fn ask(program: &mut Program, id: &'static str, arguments: &Arguments) -> Result<Value, Fault> {
    program.ask_stores(id, arguments)
}
