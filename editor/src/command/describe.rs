//! Short ways to declare commands, so that a group reads as a list.

use kernel::action::{Action, Argument, Effect, Need, Risk, Shape, Thread};

use crate::registry::{Command, Handler};

/// A command of the keyboard: no arguments, no answer, taken back by undo or by doing the opposite.
pub const fn key(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    run: Handler,
) -> Command {
    Command {
        action: Action {
            id,
            title,
            about,
            arguments: &[],
            result: Shape::Nothing,
            effect: Effect::Once,
            risk: Risk::L1,
            thread: Thread::Ui,
        },
        run,
    }
}

/// A command that only moves what is seen.
pub const fn look(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    run: Handler,
) -> Command {
    let mut command = key(id, title, about, run);
    command.action.risk = Risk::L0;
    command
}

/// The same command with arguments and an answer.
pub const fn taking(
    mut command: Command,
    arguments: &'static [Argument],
    result: Shape,
) -> Command {
    command.action.arguments = arguments;
    command.action.result = result;
    command
}

/// The same command with another risk and effect.
pub const fn risking(mut command: Command, risk: Risk, effect: Effect) -> Command {
    command.action.risk = risk;
    command.action.effect = effect;
    command
}

/// An argument that a call needs.
pub const fn needs(name: &'static str, shape: Shape, about: &'static str) -> Argument {
    Argument { name, shape, need: Need::Required, about }
}

/// An argument that a call may leave out.
pub const fn may(name: &'static str, shape: Shape, about: &'static str) -> Argument {
    Argument { name, shape, need: Need::Optional, about }
}
