//! The ledger: what was decided.

use kernel::action::{Effect, Risk, Shape};
use serde_json::Value;

use super::describe::{look, may, needs, risking, taking};
use crate::registry::Command;

/// What reads it.
pub const COMMANDS: &[Command] = &[
    look("ledger.open", "Open the ledger", "Lists what was decided lately.", |program, _| {
        program.open_ledger().map(|()| Value::Null)
    }),
    taking(
        risking(
            look(
                "ledger.read",
                "Read the ledger",
                "Answers its size and entries in their order; the newest ones by itself.",
                |program, it| program.ask_stores("ledger.read", it),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[
            may("from", Shape::Integer, "the first entry, from 0"),
            may("count", Shape::Integer, "how many, 10000 at most; 100 by itself"),
        ],
        Shape::Object,
    ),
    taking(
        risking(
            look(
                "ledger.show",
                "Read an entry of the ledger",
                "With the proof that it is in what this device signed.",
                |program, it| program.ask_stores("ledger.show", it),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[needs("index", Shape::Integer, "which, from 0")],
        Shape::Object,
    ),
    taking(
        risking(
            look(
                "ledger.verify",
                "Verify the ledger",
                "Reads every entry and holds it against what was signed.",
                |program, it| program.ask_stores("ledger.verify", it),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[],
        Shape::Object,
    ),
];
