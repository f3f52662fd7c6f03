//! The profile's keys.

use kernel::action::{Effect, Risk, Shape};
use kernel::disk::RealDisk;
use serde_json::{Value, json};

use super::describe::{key, risking, taking};
use crate::journal;
use crate::notice::Severity;
use crate::profile;
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};
use crate::workers::Urgency;

/// What changes them while the program runs.
pub const COMMANDS: &[Command] = &[UNLOCK, ROTATE];

const UNLOCK: Command = risking(
    key(
        "profile.unlock",
        "Unlock the profile",
        "Asks for the passphrase; then what was unsaved comes back, and the log is read and \
         written with its own key.",
        |program, _| program.ask_to_unlock(),
    ),
    Risk::L2,
    Effect::Once,
);

const ROTATE: Command = taking(
    risking(
        key(
            "profile.rotate_key",
            "Seal with a new key",
            "A new data key seals from now on; what the old ones sealed is sealed anew, and then \
             they are forgotten.",
            rotate,
        ),
        Risk::L3,
        Effect::Once,
    ),
    &[],
    Shape::Object,
);

fn rotate(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let locked = || Fault::state("The profile is locked: unlock it first.");
    let keys = program.keys.clone().ok_or_else(locked)?;
    let writer = program.journal.writer().ok_or_else(locked)?;
    // What they keep is sealed under the old key too.
    let stores = program.need_stores()?;
    let places = program.places.clone();
    let answer = program.answer_later();
    program.workers.run(
        "sealing everything with a new key",
        Urgency::Awaited,
        move || {
            let told = |error| profile::told(&error);
            let generation = keys.rotate(&RealDisk, &places.profile()).map_err(told)?;
            journal::seal_anew(&writer, &keys).map_err(Fault::state)?;
            stores.seal_anew(&places, &keys)?;
            keys.forget_old(&RealDisk, &places.profile()).map_err(told)?;
            Ok(generation.0)
        },
        move |program, done: Result<u16, Fault>| {
            if done.is_ok() {
                program.say(
                    Severity::Information,
                    "A new key seals from now on, and the old ones are forgotten.".to_owned(),
                );
            }
            answer(done.map(|generation| json!({ "generation": generation })));
        },
    );
    Ok(Value::Null)
}
