//! The Inbox: what a person is asked.

use kernel::action::{Effect, Risk, Shape};
use kernel::inbox::ItemId;
use serde_json::Value;

use super::describe::{key, look, may, needs, risking, taking};
use crate::registry::{Arguments, Command, Fault};

/// What reads it and answers.
pub const COMMANDS: &[Command] = &[
    look("inbox.open", "Open the Inbox", "Lists what waits for your word.", |program, _| {
        program.open_inbox().map(|()| Value::Null)
    }),
    taking(
        look("inbox.look", "Look at a question", "Shows it with its answers.", |program, it| {
            program.open_item(id(it)?).map(|()| Value::Null)
        }),
        &[needs("id", Shape::Integer, "the item's number")],
        Shape::Nothing,
    ),
    taking(
        look(
            "inbox.propose",
            "Look at a lasting approval",
            "Shows the edit of your policy that it is.",
            |program, it| program.open_proposal(id(it)?).map(|()| Value::Null),
        ),
        &[needs("id", Shape::Integer, "the item's number")],
        Shape::Nothing,
    ),
    taking(
        key(
            "inbox.open_change",
            "Open what a question would change",
            "As a text of its own.",
            |program, it| program.open_change(id(it)?).map(|()| Value::Null),
        ),
        &[needs("id", Shape::Integer, "the item's number")],
        Shape::Nothing,
    ),
    taking(
        risking(
            look("inbox.list", "Read the Inbox", "Answers all items, newest first.", |p, it| {
                p.ask_stores("inbox.list", it)
            }),
            Risk::L0,
            Effect::Pure,
        ),
        &[],
        Shape::List,
    ),
    taking(
        risking(
            look(
                "inbox.show",
                "Read a question",
                "Answers one item with its change, and the edit that approving always would be.",
                |program, it| program.ask_stores("inbox.show", it),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[needs("id", Shape::Integer, "the item's number")],
        Shape::Object,
    ),
    taking(
        risking(
            key(
                "inbox.approve",
                "Approve a question",
                "Once, for as long as Hearth runs, or always by the edit of your policy that \
                 inbox.show gives.",
                |program, it| program.ask_stores("inbox.approve", it),
            ),
            Risk::L3,
            Effect::Once,
        ),
        &[
            needs("id", Shape::Integer, "the item's number"),
            may("for", Shape::Text, "\"once\", \"session\" or \"always\"; once by itself"),
            may("edit", Shape::Object, "for always: what was shown"),
        ],
        Shape::Object,
    ),
    taking(
        risking(
            key("inbox.deny", "Deny a question", "It is not asked again.", |program, it| {
                program.ask_stores("inbox.deny", it)
            }),
            Risk::L2,
            Effect::Once,
        ),
        &[needs("id", Shape::Integer, "the item's number")],
        Shape::Object,
    ),
];

fn id(arguments: &Arguments) -> Result<ItemId, Fault> {
    arguments.integer("id").map(|id| ItemId(id.unsigned_abs()))
}
