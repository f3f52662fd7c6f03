//! The owner's other machines.

use kernel::action::{Argument, Effect, Risk, Shape};
use serde_json::Value;

use super::describe::{key, look, may, needs, risking, taking};
use crate::prompt::Question;
use crate::registry::{Command, Handler};

const ID: Argument = needs("id", Shape::Text, "the device's id");
const NAME: Argument =
    may("name", Shape::Text, "what this device calls itself; its host by itself");
const WORDS: Argument = needs("words", Shape::Text, "the four words, a space between each");

/// What pairs, lists and removes them.
pub const COMMANDS: &[Command] = &[
    look("device.open", "Open the devices", "Lists your machines, and who waits.", |program, _| {
        program.open_devices().map(|()| Value::Null)
    }),
    risking(
        key("device.add", "Add a device", "Shows a code to scan on the new one.", |program, _| {
            program.add_device().map(|()| Value::Null)
        }),
        Risk::L3,
        Effect::Once,
    ),
    risking(
        key(
            "device.enter",
            "Join another device",
            "Asks for the code that the other one shows.",
            |program, _| {
                program.ask(Question::PairingCode, "");
                Ok(Value::Null)
            },
        ),
        Risk::L3,
        Effect::Once,
    ),
    taking(
        look(
            "device.look",
            "Look at a device",
            "Shows it with what can be done.",
            |program, it| program.open_device(it.text("id")?).map(|()| Value::Null),
        ),
        &[ID],
        Shape::Nothing,
    ),
    reading("device.list", "Read the devices", "Answers all that belong.", |program, it| {
        program.ask_stores("device.list", it)
    }),
    reading(
        "device.pending",
        "Read who waits",
        "Answers the newcomers that have confirmed on their side.",
        |program, it| program.ask_stores("device.pending", it),
    ),
    reading(
        "device.code",
        "Read how a pairing code does",
        "Answers how long it lives, and the words to compare once somebody has it.",
        |program, it| program.ask_stores("device.code", it),
    ),
    doing(
        "device.pair",
        "Show a pairing code",
        "Answers a code that lives for two minutes and works once.",
        &[needs("name", Shape::Text, "what this device calls itself; empty for its host")],
        |program, it| program.ask_stores("device.pair", it),
    ),
    doing("device.hide", "Take the pairing code back", "It works no more.", &[], |program, it| {
        program.ask_stores("device.hide", it)
    }),
    doing(
        "device.join",
        "Join by a code",
        "Goes to the device that shows it, and answers the words to compare.",
        &[
            needs("code", Shape::Text, "the code as it was shown"),
            may("at", Shape::Text, "for a typed code: where the other is, ADDRESS:PORT"),
            NAME,
        ],
        |program, it| program.ask_stores("device.join", it),
    ),
    doing(
        "device.confirm",
        "Confirm the words",
        "Says that the other screen shows them, too; said again it tells how it stands.",
        &[WORDS],
        |program, it| program.ask_stores("device.confirm", it),
    ),
    doing(
        "device.leave_joining",
        "Give joining up",
        "The other device hears that it was refused.",
        &[],
        |program, it| program.ask_stores("device.leave_joining", it),
    ),
    doing(
        "device.admit",
        "Admit a device",
        "With the words that its screen shows.",
        &[ID, WORDS],
        |program, it| program.ask_stores("device.admit", it),
    ),
    doing("device.refuse", "Refuse a device", "It hears so.", &[ID], |program, it| {
        program.ask_stores("device.refuse", it)
    }),
    doing(
        "device.remove",
        "Remove a device",
        "It reads nothing from now on, and what it did unknown to the others does not count.",
        &[ID],
        |program, it| program.ask_stores("device.remove", it),
    ),
    doing(
        "device.rename",
        "Rename a device",
        "On all of them.",
        &[ID, needs("name", Shape::Text, "what it is called")],
        |program, it| program.ask_stores("device.rename", it),
    ),
];

const fn reading(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    run: Handler,
) -> Command {
    taking(risking(look(id, title, about, run), Risk::L0, Effect::Pure), &[], Shape::List)
}

const fn doing(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
    run: Handler,
) -> Command {
    taking(risking(key(id, title, about, run), Risk::L3, Effect::Once), arguments, Shape::Object)
}
