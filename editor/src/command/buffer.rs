//! The focused text as a whole: its words, its history, its language.

use kernel::action::{Effect, Risk, Shape};
use serde_json::{Value, json};
use syntax::{Language, Languages};
use text::TextHash;
use text::indentation::Indentation;

use super::choice;
use super::describe::{key, look, may, risking, taking};
use crate::buffer::BufferId;
use crate::files::load;
use crate::program::{Program, Travel};
use crate::registry::{Arguments, Command, Fault};
use crate::workers::Urgency;

/// What concerns a text as a whole.
pub const COMMANDS: &[Command] = &[
    risking(
        taking(
            look("buffer.text", "Read a text", "Answers a text, its version and its hash.", text),
            &[may("path", Shape::Path, "which open text; without it the focused one")],
            Shape::Object,
        ),
        Risk::L0,
        Effect::Pure,
    ),
    key("buffer.undo", "Undo", "Takes back the last group of edits.", |program, _| {
        travel(program, Travel::Undo)
    }),
    key("buffer.redo", "Redo", "Brings back what was undone last.", |program, _| {
        travel(program, Travel::Redo)
    }),
    taking(
        key(
            "buffer.language_set",
            "Set the language",
            "Colours, indents and comments the text as this language from now on.",
            language_set,
        ),
        &[may("language", Shape::Text, "its name; \"plain\" for none")],
        Shape::Nothing,
    ),
    taking(
        key(
            "buffer.indentation_set",
            "Set the indentation",
            "What one step of indentation is from now on; the text stays as it is.",
            indentation_set,
        ),
        &[may("indentation", Shape::Text, "\"tab\", or a number of spaces from 1 to 16")],
        Shape::Nothing,
    ),
];

fn text(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let id: BufferId = match arguments.maybe_path("path")? {
        None => program.need_active()?.0.buffer,
        Some(path) => program
            .buffer_at(&load::absolute(&path))
            .ok_or_else(|| Fault::unknown(format!("{} is not open.", path.display())))?,
    };
    let buffer = program.buffers.get(&id).ok_or_else(|| Fault::state("No text is open."))?;
    let (rope, version) = (buffer.rope().clone(), buffer.document.version());
    let reply = program.answer_later();
    program.workers.run(
        "reading a text",
        Urgency::Awaited,
        move || {
            let hash = TextHash::of(&rope).to_string();
            json!({
                "text": rope.to_string(), "version": version.to_string(), "text_hash": hash,
            })
        },
        move |_, answer| reply(Ok(answer)),
    );
    Ok(Value::Null)
}

/// A line that is typed into keeps its own history; the text behind it is left alone.
fn travel(program: &mut Program, travel: Travel) -> Result<Value, Fault> {
    if let Some(input) = program.line_input() {
        let moved = match travel {
            Travel::Undo => input.undo(),
            Travel::Redo => input.redo(),
        };
        if moved {
            program.input_changed();
        }
        return Ok(Value::Null);
    }
    program.need_active()?;
    program.travel(travel);
    Ok(Value::Null)
}

fn language_set(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let id = program.need_active()?.0.buffer;
    let Some(name) = arguments.maybe_text("language")? else {
        let mut known: Vec<(String, Value)> = Languages::builtin()
            .all()
            .iter()
            .filter(|language| !language.spec().extensions.is_empty())
            .map(|language| (language.title().to_owned(), json!({ "language": language.name() })))
            .collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        known.insert(0, ("Plain text".to_owned(), json!({ "language": "plain" })));
        return choice::ask(program, "Which language is it?", "buffer.language_set", known);
    };
    let language: Option<Language> = match name {
        "plain" => None,
        name => Some(
            Languages::builtin()
                .named(name)
                .ok_or_else(|| Fault::unknown(format!("There is no language \"{name}\" here.")))?,
        ),
    };
    if let Some(buffer) = program.buffers.get_mut(&id) {
        buffer.set_language(language);
    }
    program.recolor(id);
    program.schedule_parse(id);
    Ok(Value::Null)
}

fn indentation_set(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    program.need_active()?;
    let Some(wanted) = arguments.maybe_text("indentation")? else {
        let spaces =
            |count: u8| (format!("{count} spaces"), json!({ "indentation": count.to_string() }));
        let tabs = [("Tabs".to_owned(), json!({ "indentation": "tab" }))];
        let known = tabs.into_iter().chain([2, 3, 4, 8].map(spaces));
        return choice::ask(program, "Indent with what?", "buffer.indentation_set", known);
    };
    let indentation = match (wanted, wanted.parse::<u8>()) {
        ("tab", _) => Indentation::Tab,
        (_, Ok(count @ 1..=16)) => Indentation::Spaces(count),
        _ => {
            let sentence = "\"indentation\" takes \"tab\" or a number of spaces from 1 to 16.";
            return Err(Fault::usage(sentence));
        }
    };
    program.need_active()?.1.indentation = indentation;
    program.redraw();
    Ok(Value::Null)
}
