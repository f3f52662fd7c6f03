//! Lines: going to one, and how they end.

use kernel::action::Shape;
use serde_json::{Value, json};
use text::line_ending::{self, LineEnding};
use text::{Origin, Point, Positions};

use super::choice;
use super::describe::{key, look, may, taking};
use crate::program::Program;
use crate::prompt::Question;
use crate::registry::{Arguments, Command, Fault};
use crate::view::Follow;
use crate::workers::Urgency;

/// What concerns lines.
pub const COMMANDS: &[Command] = &[
    taking(
        look(
            "line.go_to",
            "Go to a line",
            "Asks for a line, and a column after a colon; or goes where the call says.",
            go_to,
        ),
        &[
            may("line", Shape::Integer, "from 0"),
            may("column", Shape::Integer, "in UTF-8 bytes of the line, from 0"),
        ],
        Shape::Nothing,
    ),
    taking(
        key(
            "line.ending_set",
            "Set the line ending",
            "Ends every line of the text in this way, and those that come.",
            ending_set,
        ),
        &[may("ending", Shape::Text, "\"lf\", \"crlf\" or \"cr\"")],
        Shape::Nothing,
    ),
];

fn go_to(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let column = arguments.maybe_count("column")?.unwrap_or(0);
    let rope = program.need_active()?.1.rope().clone();
    match arguments.maybe_count("line")? {
        Some(line) => {
            let at = rope.char_of_point(Point { line: text::Line(line), column });
            program.go_to(text::grapheme::floor(&rope, at), Follow::Center);
        }
        None => program.ask(Question::Line, ""),
    }
    Ok(Value::Null)
}

fn ending_set(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let (id, rope) = (view.buffer, buffer.rope().clone());
    let ending = match arguments.maybe_text("ending")? {
        Some("lf") => LineEnding::Lf,
        Some("crlf") => LineEnding::CrLf,
        Some("cr") => LineEnding::Cr,
        Some(_) => return Err(Fault::usage("\"ending\" takes \"lf\", \"crlf\" or \"cr\".")),
        None => {
            let known = [("LF (Linux, macOS)", "lf"), ("CRLF (Windows)", "crlf"), ("CR", "cr")];
            let known = known.map(|(label, name)| (label.to_owned(), json!({ "ending": name })));
            return choice::ask(program, "End lines with what?", "line.ending_set", known);
        }
    };
    let reply = program.answer_later();
    program.workers.run(
        "converting line endings",
        Urgency::Awaited,
        move || (line_ending::convert(&rope, ending), rope),
        move |program, (transaction, rope)| {
            let buffer = program.buffers.get_mut(&id);
            let Some(buffer) = buffer.filter(|buffer| buffer.rope().is_instance(&rope)) else {
                return reply(Err(Fault::state("The text changed meanwhile; try again.")));
            };
            buffer.line_ending = ending;
            buffer.has_mixed_endings = false;
            buffer.document.seal_group();
            program.apply_to(id, transaction, Origin::COMMAND);
            program.redraw();
            program.answer_durably(Value::Null, reply);
        },
    );
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    #[test]
    fn a_line_is_asked_for_shown_and_gone_to() {
        let mut stage = Stage::with("|a\nb\ncd");
        stage.keys("ctrl-g 3 : 2");
        assert_eq!(stage.marked(), "a\nb\nc|d", "it is shown while it is typed");
        stage.keys("escape");
        assert_eq!(stage.marked(), "|a\nb\ncd");
        stage.keys("ctrl-g 2 enter");
        assert_eq!(stage.marked(), "a\n|b\ncd");
        stage.run("line.go_to", json!({ "line": 99 })).unwrap();
        assert_eq!(stage.marked(), "a\nb\ncd|");
    }

    #[test]
    fn every_line_ends_as_one_says_and_undo_takes_it_back() {
        let mut stage = Stage::with("a|\nb\r\nc");
        stage.run("line.ending_set", json!({ "ending": "crlf" })).unwrap();
        assert_eq!(stage.marked(), "a|\r\nb\r\nc");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "a|\nb\r\nc");
        stage.keys("escape");
        let fault = stage.run("line.ending_set", Value::Null).unwrap_err();
        assert_eq!(fault.kind, crate::registry::FaultKind::Cancelled);
        stage.keys("enter");
        assert_eq!(stage.marked(), "a|\nb\nc", "the first choice is LF");
    }
}
