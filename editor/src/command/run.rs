//! Runs: work in steps that outlives the process.

use kernel::action::{Argument, Effect, Risk, Shape};
use kernel::run::RunId;
use serde_json::Value;

use super::describe::{key, look, may, needs, risking, taking};
use crate::registry::{Arguments, Command, Fault};

const ID: Argument = needs("id", Shape::Integer, "the run's number");
const STEP: Argument = needs("step", Shape::Text, "the step's name");

/// What reads, starts and stops them.
pub const COMMANDS: &[Command] = &[
    look("run.open", "Open the runs", "Lists them, newest first.", |program, _| {
        program.open_runs().map(|()| Value::Null)
    }),
    taking(
        look("run.look", "Look at a run", "Shows its steps.", |program, it| {
            program.open_run(id(it)?).map(|()| Value::Null)
        }),
        &[ID],
        Shape::Nothing,
    ),
    taking(
        look("run.look_step", "Look at a step", "Shows why it stands so.", |program, it| {
            program.open_step(id(it)?, it.text("step")?.to_owned()).map(|()| Value::Null)
        }),
        &[ID, STEP],
        Shape::Nothing,
    ),
    taking(
        key("run.open_log", "Open what a step printed", "As a text of its own.", |program, it| {
            program.open_log(id(it)?, it.text("step")?.to_owned()).map(|()| Value::Null)
        }),
        &[ID, STEP],
        Shape::Nothing,
    ),
    reading("run.list", "Read the runs", "Answers all runs.", &[], Shape::List, |program, it| {
        program.ask_stores("run.list", it)
    }),
    reading("run.show", "Read a run", "With its steps.", &[ID], Shape::Object, |program, it| {
        program.ask_stores("run.show", it)
    }),
    reading(
        "run.why",
        "Read why a step stands so",
        "With its identity, its inputs and what it gave.",
        &[ID, STEP],
        Shape::Object,
        |program, it| program.ask_stores("run.why", it),
    ),
    reading(
        "run.logs",
        "Read what a step printed",
        "In its last try.",
        &[ID, STEP],
        Shape::Object,
        |program, it| program.ask_stores("run.logs", it),
    ),
    acting(
        "run.start",
        "Start a run",
        "From a plan's file.",
        &[
            needs("path", Shape::Path, "the plan, TOML"),
            may("as", Shape::Text, "whose rights it has: agent:NAME or the like; yours by itself"),
        ],
        |program, it| program.ask_stores("run.start", it),
    ),
    taking(
        risking(
            key(
                "upkeep.now",
                "Tidy up now",
                "Tidies the log, signs the ledger and gives back what no object needs, as is done \
                 by itself while nobody needs the machine.",
                |program, it| program.ask_stores("upkeep.now", it),
            ),
            Risk::L2,
            Effect::Idempotent,
        ),
        &[],
        Shape::Object,
    ),
    acting(
        "run.resume",
        "Resume a run",
        "What is done stays done; what failed is tried again.",
        &[ID],
        |program, it| program.ask_stores("run.resume", it),
    ),
    acting(
        "run.cancel",
        "Cancel a run",
        "What runs is stopped, and what is done is taken back where the plan says how.",
        &[ID],
        |program, it| program.ask_stores("run.cancel", it),
    ),
    acting(
        "run.answer",
        "Settle a step that is in doubt",
        "Nobody knows whether it was done: you say.",
        &[ID, STEP, needs("answer", Shape::Text, "\"again\", \"happened\" or \"give_up\"")],
        |program, it| program.ask_stores("run.answer", it),
    ),
];

const fn reading(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
    result: Shape,
    run: crate::registry::Handler,
) -> Command {
    let command = risking(look(id, title, about, run), Risk::L0, Effect::Pure);
    taking(command, arguments, result)
}

const fn acting(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
    run: crate::registry::Handler,
) -> Command {
    let command = risking(key(id, title, about, run), Risk::L3, Effect::Once);
    taking(command, arguments, Shape::Any)
}

fn id(arguments: &Arguments) -> Result<RunId, Fault> {
    arguments.integer("id").map(|id| RunId(id.unsigned_abs()))
}
