//! The program itself: ending it, and driving it from scripts.
//!
//! All but `app.quit` exist only in an instance that was started with `--headless` or `--drive`.

use std::time::Duration;

use kernel::action::{Effect, Risk, Shape};
use serde_json::Value;
use smallvec::SmallVec;

use super::app_input;
use super::app_state;
use super::describe::{key, look, may, needs, risking, taking};
use crate::files::load;
use crate::input::Input;
use crate::keymap::{KeyPress, Platform};
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};
use crate::shell::Request;

/// What drives the program.
pub const COMMANDS: &[Command] = &[
    key(
        "app.quit",
        "Quit",
        "Ends the program with all its windows once everything is durable. Unsaved texts come \
         back at the next start.",
        |program, _| {
            let reply = program.answer_later();
            program.quit_then(reply);
            Ok(Value::Null)
        },
    ),
    risking(
        taking(
            look(
                "app.state",
                "Read the state",
                "Answers panes and what is open in them, with versions and hashes.",
                |program, _| app_state::answer(program),
            ),
            &[],
            Shape::Object,
        ),
        Risk::L0,
        Effect::Pure,
    ),
    taking(
        key(
            "app.keys",
            "Press keys",
            "Presses keys one after the other, each when what the one before started is done; \
             answers when all are done and durable.",
            keys,
        ),
        &[needs("keys", Shape::Text, "as in a keymap, separated by spaces: \"ctrl-p m a enter\"")],
        Shape::Nothing,
    ),
    taking(
        key("app.text", "Type a text", "As if an input method typed it.", app_input::text),
        &[needs("text", Shape::Text, "what is typed")],
        Shape::Nothing,
    ),
    taking(
        key("app.ime", "Compose a text", "As an input method does.", app_input::ime),
        &[
            may("preedit", Shape::Text, "what is being composed; empty when it ends"),
            may("cursor", Shape::Integer, "where its caret stands, in UTF-8 bytes"),
            may("commit", Shape::Text, "what is typed in its place"),
        ],
        Shape::Nothing,
    ),
    taking(
        key("app.click", "Click", "Presses a button of the pointer and lets it go.", click),
        &[
            needs("x", Shape::Number, "logical pixels from the left"),
            needs("y", Shape::Number, "logical pixels from the top"),
            may("button", Shape::Text, "\"left\", \"middle\" or \"right\"; left by itself"),
            may("count", Shape::Integer, "how many times, 1 by itself"),
            may("modifiers", Shape::Any, "what is held: \"ctrl-shift\" or [\"ctrl\", \"shift\"]"),
        ],
        Shape::Nothing,
    ),
    taking(
        key("app.drag", "Drag", "Presses the left button, moves and lets go.", app_input::drag),
        &[
            needs("from", Shape::List, "[x, y] in logical pixels"),
            needs("to", Shape::List, "[x, y] in logical pixels"),
            may("modifiers", Shape::Any, "what is held: \"alt-shift\" or [\"alt\", \"shift\"]"),
        ],
        Shape::Nothing,
    ),
    taking(
        key("app.scroll", "Turn the wheel", "At a place of the window.", app_input::scroll),
        &[
            needs("x", Shape::Number, "logical pixels from the left"),
            needs("y", Shape::Number, "logical pixels from the top"),
            may("lines", Shape::Number, "notches, positive towards the end"),
            may("pixels", Shape::Number, "a touchpad's distance, positive towards the end"),
            may("modifiers", Shape::Any, "what is held: \"ctrl\" or [\"ctrl\"]"),
        ],
        Shape::Nothing,
    ),
    taking(
        look("app.resize", "Resize the window", "Or change its scale without a window.", resize),
        &[
            needs("width", Shape::Number, "logical pixels"),
            needs("height", Shape::Number, "logical pixels"),
            may("scale", Shape::Number, "physical pixels for a logical one"),
        ],
        Shape::Nothing,
    ),
    taking(
        look("app.screenshot", "Take a picture", "Writes the focused window as a PNG.", screenshot),
        &[needs("path", Shape::Path, "where to")],
        Shape::Object,
    ),
    taking(
        look("app.wait_idle", "Wait", "Answers when no work is pending.", wait_idle),
        &[may("timeout_ms", Shape::Integer, "after which it fails; 10000 by itself")],
        Shape::Nothing,
    ),
    taking(
        look("app.frames", "Measure frames", "What frames cost since the last reset.", frames),
        &[may("reset", Shape::Truth, "count anew from here")],
        Shape::Object,
    ),
    look("app.lose_device", "Lose the GPU", "Its device comes back.", |program, _| {
        let reply = program.answer_later();
        program.request(Request::LoseDevice(reply));
        Ok(Value::Null)
    }),
];

fn keys(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let keys = KeyPress::parse_all(arguments.text("keys")?, Platform::HERE)
        .map_err(|error| Fault::usage(format!("\"keys\": {error}.")))?;
    let reply = program.answer_later();
    let input =
        |press: KeyPress| Input::Key { presses: SmallVec::from_iter([press]), text: press.typed() };
    program.drive(keys.into_iter().map(input).collect(), reply);
    Ok(Value::Null)
}

fn click(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    app_input::click(program, arguments)
}

fn resize(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    const SIDE_MAX: f64 = 16_384.0;
    let side = |name: &str| {
        let side = arguments.maybe_number(name)?.unwrap_or(0.0);
        match (0.0..=SIDE_MAX).contains(&side) {
            true => Ok(side as f32),
            false => Err(Fault::usage(format!("\"{name}\" takes a number from 0 to {SIDE_MAX}."))),
        }
    };
    let (width, height) = (side("width")?, side("height")?);
    let scale = arguments.maybe_number("scale")?.map(|scale| scale as f32);
    if scale.is_some_and(|scale| !(0.25..=8.0).contains(&scale)) {
        return Err(Fault::usage("\"scale\" takes a number from 0.25 to 8."));
    }
    program.request(Request::Resize { width, height, scale });
    Ok(Value::Null)
}

fn screenshot(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let path = load::absolute(&arguments.path("path")?);
    let reply = program.answer_later();
    program.request(Request::Screenshot { path, reply });
    Ok(Value::Null)
}

fn wait_idle(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    const TIMEOUT_MS: usize = 10_000;
    let timeout = arguments.maybe_count("timeout_ms")?.unwrap_or(TIMEOUT_MS);
    let reply = program.answer_later();
    program.wait_idle(Duration::from_millis(timeout as u64), reply);
    Ok(Value::Null)
}

fn frames(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let reset = arguments.truth("reset")?;
    let reply = program.answer_later();
    program.request(Request::Frames { reset, reply });
    Ok(Value::Null)
}
