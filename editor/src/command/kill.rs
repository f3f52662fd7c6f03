//! The kill switch.

use kernel::action::{Effect, Risk, Shape};
use kernel::gate::KillSwitch;
use serde_json::{Value, json};

use super::describe::{key, look, may, risking, taking};
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};

/// What throws it.
pub const COMMANDS: &[Command] = &[
    taking(
        risking(
            key(
                "kill.on",
                "Stop everything that acts on its own",
                "Throws the kill switch: runs, agents and training stop within a second, and stay \
                 stopped over a restart.",
                |program, arguments| program.throw_kill_switch(KillSwitch::On, arguments),
            ),
            Risk::L2,
            Effect::Idempotent,
        ),
        &[],
        Shape::Object,
    ),
    taking(
        risking(
            key(
                "kill.off",
                "Let things act on their own again",
                "Turns the kill switch off, once you are sure.",
                off,
            ),
            Risk::L3,
            Effect::Idempotent,
        ),
        &[may("sure", Shape::Truth, "without it you are asked first")],
        Shape::Object,
    ),
    taking(
        risking(
            look(
                "kill.state",
                "Read the kill switch",
                "Answers whether it is on.",
                |program, _| Ok(json!({ "on": program.is_stopped() })),
            ),
            Risk::L0,
            Effect::Pure,
        ),
        &[],
        Shape::Object,
    ),
];

fn off(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    if !program.is_stopped() {
        return Err(Fault::state("The kill switch is off already."));
    }
    if arguments.truth("sure")? {
        return program.throw_kill_switch(KillSwitch::Off, &Arguments::default());
    }
    program.ask_kill_switch();
    Err(Fault::cancelled("kill.off asks the person, since it was called without `sure`."))
}
