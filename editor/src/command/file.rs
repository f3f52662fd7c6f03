//! Files: opened, saved, read again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::action::{Effect, Risk, Shape};
use serde_json::{Value, json};
use text::bytes::Encoding;
use text::{Line, Origin, Point};

use super::choice;
use super::describe::{key, look, may, needs, risking, taking};
use crate::buffer::BufferId;
use crate::cli::Opening;
use crate::files::load;
use crate::files::trouble::Trouble;
use crate::program::Program;
use crate::prompt::Question;
use crate::registry::{Arguments, Command, Fault};
use crate::shell::Reply;
use crate::workers::Urgency;

/// What opens and saves.
pub const COMMANDS: &[Command] = &[
    risking(
        taking(
            look(
                "file.open",
                "Open a file",
                "Opens a file or folder in the focused pane and answers its whole path. A name \
                 that does not exist begins a new file; without a path the person is asked.",
                open,
            ),
            &[
                may("path", Shape::Path, "what to open"),
                may("line", Shape::Integer, "where the caret goes, from 0"),
                may("column", Shape::Integer, "in UTF-8 bytes of the line, from 0"),
            ],
            Shape::Object,
        ),
        Risk::L0,
        Effect::Idempotent,
    ),
    risking(
        taking(
            look(
                "file.open_all",
                "Open files",
                "Opens what a command line named: paths, or texts. With wait it answers when all \
                 are closed again.",
                open_all,
            ),
            &[
                needs(
                    "items",
                    Shape::List,
                    "each {\"path\", \"line\"?, \"column\"?}, {\"text\"} or {\"diff\": [a, b]}",
                ),
                may("wait", Shape::Truth, "answer when they are closed again"),
                may("new", Shape::Truth, "in a new window"),
            ],
            Shape::Nothing,
        ),
        Risk::L0,
        Effect::Idempotent,
    ),
    risking(
        taking(
            key(
                "file.save",
                "Save",
                "Saves the focused text, or the open text of a path, and answers path and size. \
                 With a path that is not open, the focused text is saved there.",
                save,
            ),
            &[may("path", Shape::Path, "which open text, or where to")],
            Shape::Object,
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
    risking(
        taking(
            key(
                "file.save_as",
                "Save as",
                "Saves the focused text under another path, which it has from then on.",
                save_as,
            ),
            &[may("path", Shape::Path, "where to; without it the person is asked")],
            Shape::Object,
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
    risking(
        taking(
            key(
                "file.save_all",
                "Save all",
                "Saves every text that has a file and edits which the file lacks.",
                save_all,
            ),
            &[],
            Shape::Object,
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
    risking(
        taking(
            look(
                "file.diff",
                "Compare with another file",
                "Shows the focused text, or the file that is named as before, beside another \
                 file, line by line; both can be edited. Without a path the person is asked.",
                diff,
            ),
            &[
                may("path", Shape::Path, "the file on the right"),
                may("before", Shape::Path, "the file on the left; the focused text by itself"),
            ],
            Shape::Object,
        ),
        Risk::L0,
        Effect::Idempotent,
    ),
    look(
        "file.diff_saved",
        "Compare with what is saved",
        "Shows the focused text beside what its file held when that was last read or written.",
        |program, _| program.compare_with_saved().map(|()| Value::Null),
    ),
    key("file.new", "New text", "Opens an empty text without a file.", |program, _| {
        program.new_draft("");
        Ok(Value::Null)
    }),
    look("file.find", "Find a file by name", "In the open folder.", |program, _| {
        program.open_file_picker();
        Ok(Value::Null)
    }),
    key(
        "file.revert",
        "Read the file again",
        "Takes the text from the file; undo brings back what was here.",
        |program, _| read_again(program, None),
    ),
    taking(
        key(
            "file.encoding_set",
            "Save with another encoding",
            "The text stays what it is; saving writes it in this encoding.",
            encoding_set,
        ),
        &[may("encoding", Shape::Text, "such as utf-8, utf-16le, utf-32le, windows-1252")],
        Shape::Nothing,
    ),
    taking(
        key(
            "file.encoding_reopen",
            "Read the file in another encoding",
            "Takes the text from the file, decoded anew; undo brings back what was here.",
            encoding_reopen,
        ),
        &[may("encoding", Shape::Text, "such as utf-8, utf-16le, utf-32le, windows-1252")],
        Shape::Nothing,
    ),
];

fn open(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let line = arguments.maybe_count("line")?;
    let column = arguments.maybe_count("column")?.unwrap_or(0);
    let Some(path) = arguments.maybe_path("path")? else {
        let folder = program.start_folder();
        program.ask(Question::Open, folder);
        return Err(Fault::cancelled("Without a path, file.open asks the person."));
    };
    let at = line.map(|line| Point { line: Line(line), column });
    let reply = program.answer_later();
    program.open(path, at, reply);
    Ok(Value::Null)
}

fn open_all(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let given = |name: &str| arguments.value(name).cloned().unwrap_or_default();
    let opening = Opening::from_json(&json!({
        "items": given("items"), "wait": given("wait"), "new": given("new"),
    }))?;
    let reply = program.answer_later();
    program.open_items(opening, reply);
    Ok(Value::Null)
}

fn diff(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let before = arguments.maybe_path("before")?;
    let Some(path) = arguments.maybe_path("path")? else {
        program.need_active()?;
        let folder = program.start_folder();
        program.ask(Question::Compare, folder);
        return Err(Fault::cancelled("Without a path, file.diff asks the person."));
    };
    let reply = program.answer_later();
    program.compare_files(before, path, reply);
    Ok(Value::Null)
}

fn save(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let Some(path) = arguments.maybe_path("path")? else {
        let id = program.need_active()?.0.buffer;
        let has_path = program.buffers.get(&id).is_some_and(|buffer| buffer.path.is_some());
        return if has_path { program.save_active(None) } else { ask_where(program) };
    };
    let path = load::absolute(&path);
    match program.buffer_at(&path) {
        Some(id) => {
            let reply = program.answer_later();
            program.save(id, None, reply);
            Ok(Value::Null)
        }
        None => program.save_active(Some(path)),
    }
}

fn save_as(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let Some(path) = arguments.maybe_path("path")? else {
        return ask_where(program);
    };
    let path = load::absolute(&path);
    let id = program.need_active()?.0.buffer;
    program.check_free(id, &path)?;
    program.save_active(Some(path))
}

fn ask_where(program: &mut Program) -> Result<Value, Fault> {
    let id = program.need_active()?.0.buffer;
    let own: Option<PathBuf> = program.buffers.get(&id).and_then(|buffer| buffer.path.clone());
    let start = own.map_or_else(|| program.start_folder(), |path| path.display().to_string());
    program.ask(Question::SaveAs, start);
    Err(Fault::cancelled("This text has no path to save to yet; give it one."))
}

/// What became of several saves; the last of them answers.
struct Saves {
    left: usize,
    saved: usize,
    faults: Vec<Fault>,
    reply: Option<Reply>,
}

impl Saves {
    fn one(&mut self, result: Result<Value, Fault>) {
        self.left -= 1;
        match result {
            Ok(_) => self.saved += 1,
            Err(fault) => self.faults.push(fault),
        }
        if self.left == 0
            && let Some(reply) = self.reply.take()
        {
            let sentences: Vec<&str> =
                self.faults.iter().map(|fault| fault.sentence.as_str()).collect();
            reply(match self.faults.first() {
                None => Ok(json!({ "saved": self.saved })),
                Some(first) => Err(Fault::new(first.kind, sentences.join(" "))),
            });
        }
    }
}

fn save_all(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let unsaved = program.buffers.values().filter(|buffer| buffer.is_dirty());
    let (named, drafts): (Vec<_>, Vec<_>) = unsaved.partition(|buffer| buffer.path.is_some());
    let ids: Vec<BufferId> = named.iter().map(|buffer| buffer.id).collect();
    let drafts = drafts.len();
    if drafts > 0 {
        let texts = if drafts == 1 { "1 text has" } else { &format!("{drafts} texts have") };
        program.warn(format!("{texts} no file yet and stay unsaved; they are kept all the same."));
    }
    if ids.is_empty() {
        return Ok(json!({ "saved": 0 }));
    }
    let reply = Some(program.answer_later());
    let saves = Saves { left: ids.len(), saved: 0, faults: Vec::new(), reply };
    let saves = Arc::new(Mutex::new(saves));
    for id in ids {
        let saves = Arc::clone(&saves);
        let reply: Reply = Box::new(move |result| {
            // A panic in a reply leaves the counts as they were.
            saves.lock().unwrap_or_else(PoisonError::into_inner).one(result);
        });
        program.save(id, None, reply);
    }
    Ok(Value::Null)
}

/// Takes the text from the file again, decoded as `hint` or as it was read before.
fn read_again(program: &mut Program, hint: Option<Encoding>) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let id = view.buffer;
    let path =
        buffer.path.clone().ok_or_else(|| Fault::state("This text has no file to read again."))?;
    let (before, encoding) = (buffer.rope().clone(), hint.unwrap_or(buffer.encoding));
    let reply = program.answer_later();
    program.workers.run(
        format!("reading {} again", path.display()),
        Urgency::Awaited,
        move || {
            let contents = load::read(&path, Some(encoding))
                .map_err(|error| Fault::machine(Trouble::opening(&path, &error).to_string()))?;
            if hint.is_some_and(|hint| hint != contents.encoding) {
                return Err(Fault::state(format!(
                    "{} is not {encoding}: it would not be saved as it is.",
                    path.display()
                )));
            }
            let transaction = text::diff::transaction(&before, &contents.rope);
            Ok((before, contents, transaction))
        },
        move |program, read| {
            let result = read.and_then(|(before, contents, transaction)| {
                let buffer = program.buffers.get_mut(&id);
                let buffer = buffer.filter(|buffer| buffer.rope().is_instance(&before));
                let Some(buffer) = buffer else {
                    return Err(Fault::state("The text changed meanwhile; try again."));
                };
                buffer.document.seal_group();
                program.apply_to(id, transaction, Origin::COMMAND);
                if let Some(buffer) = program.buffers.get_mut(&id) {
                    let (rope, version) = (contents.rope, buffer.document.version());
                    buffer.encoding = contents.encoding;
                    buffer.document.seal_group();
                    buffer.mark_saved(rope, version, contents.stamp);
                    program.journal.saved(buffer);
                }
                program.redraw();
                Ok(Value::Null)
            });
            match result {
                Ok(value) => program.answer_durably(value, reply),
                Err(fault) => reply(Err(fault)),
            }
        },
    );
    Ok(Value::Null)
}

/// What the person is offered; any other can be named in the call.
const OFFERED: &[&str] = &[
    "UTF-8",
    "UTF-8 with BOM",
    "UTF-16 LE with BOM",
    "UTF-16 BE with BOM",
    "UTF-32 LE with BOM",
    "UTF-32 BE with BOM",
    "windows-1252",
    "windows-1251",
    "windows-1256",
    "ISO-8859-2",
    "Shift_JIS",
    "EUC-JP",
    "GB18030",
    "Big5",
    "EUC-KR",
    "KOI8-R",
];

fn encodings() -> impl Iterator<Item = (String, Value)> {
    OFFERED.iter().map(|name| ((*name).to_owned(), json!({ "encoding": name })))
}

fn encoding_of(arguments: &Arguments) -> Result<Option<Encoding>, Fault> {
    let name = arguments.maybe_text("encoding")?;
    name.map(|name| name.parse::<Encoding>().map_err(|error| Fault::usage(format!("{error}."))))
        .transpose()
}

fn encoding_set(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let Some(encoding) = encoding_of(arguments)? else {
        program.need_active()?;
        return choice::ask(program, "Save in which encoding?", "file.encoding_set", encodings());
    };
    program.need_active()?.1.encoding = encoding;
    program.redraw();
    Ok(Value::Null)
}

fn encoding_reopen(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    match encoding_of(arguments)? {
        Some(encoding) => read_again(program, Some(encoding)),
        None => {
            program.need_active()?;
            let command = "file.encoding_reopen";
            choice::ask(program, "Read in which encoding?", command, encodings())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::stage::Stage;

    fn read(stage: &Stage, name: &str) -> String {
        std::fs::read_to_string(stage.path(name)).unwrap()
    }

    #[test]
    fn a_text_is_saved_where_it_is_or_where_one_says() {
        let mut stage = Stage::with_file("a", "one|\n");
        stage.keys("x");
        let answer = stage.run("file.save", Value::Null).unwrap();
        assert_eq!(answer, json!({ "path": stage.path("a"), "bytes": 5 }));
        assert_eq!(read(&stage, "a"), "onex\n");
        let other = stage.path("b");
        stage.run("file.save", json!({ "path": other })).unwrap();
        assert_eq!(read(&stage, "b"), "onex\n");
        stage.run("file.open", json!({ "path": stage.path("a") })).unwrap();
        let path = json!({ "path": other });
        assert!(stage.run("file.save_as", path.clone()).unwrap_err().sentence.contains("open"));
        stage.keys("y");
        stage.run("file.save", path).unwrap();
        assert_eq!(read(&stage, "b"), "onex\n", "an open text is saved, not written over");
    }

    #[test]
    fn a_draft_is_asked_for_its_path_and_nothing_fails_for_it() {
        let mut stage = Stage::with("text|");
        stage.keys("ctrl-s");
        assert_eq!(stage.run("app.state", Value::Null).unwrap()["focus"], "prompt");
        assert!(stage.notices().is_empty());
        let path = stage.path("new").display().to_string();
        stage.keys("ctrl-a");
        stage.run("app.text", json!({ "text": path })).unwrap();
        stage.keys("enter");
        assert_eq!(read(&stage, "new"), "text\n");
    }

    #[test]
    fn a_place_is_lines_and_bytes_from_zero() {
        let mut stage = Stage::new();
        let path = stage.write("a", "ä\nöab\n");
        let arguments = json!({ "path": path, "line": 1, "column": 2 });
        assert_eq!(stage.run("file.open", arguments).unwrap(), json!({ "path": path }));
        assert_eq!(stage.marked(), "ä\nö|ab\n");
    }

    #[test]
    fn all_that_have_a_file_are_saved_and_what_fails_is_told() {
        let mut stage = Stage::with_file("a", "|");
        stage.keys("x ctrl-n d");
        let gone = stage.path("gone");
        std::fs::create_dir(&gone).unwrap();
        let path = gone.join("b");
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.keys("y");
        std::fs::remove_dir(&gone).unwrap();
        let fault = stage.run("file.save_all", Value::Null).unwrap_err();
        assert!(fault.sentence.contains("b"), "{fault}");
        assert_eq!(read(&stage, "a"), "x\n");
        assert!(stage.notices()[0].contains("1 text has no file"), "{:?}", stage.notices());
    }

    #[test]
    fn a_file_is_read_again_and_undo_brings_the_text_back() {
        let mut stage = Stage::with_file("a", "one|\n");
        stage.keys("x");
        stage.write("a", "two\n");
        stage.run("file.revert", Value::Null).unwrap();
        assert_eq!(stage.marked().replace('|', ""), "two\n");
        let state = stage.run("app.state", Value::Null).unwrap();
        assert_eq!(state["panes"][0]["items"][0]["dirty"], false);
        stage.keys("ctrl-z");
        assert_eq!(stage.marked().replace('|', ""), "onex\n");
    }

    #[test]
    fn an_encoding_is_set_or_read_anew() {
        let mut stage = Stage::new();
        let path = stage.path("a");
        std::fs::write(&path, b"caf\xe9\n").unwrap();
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.run("file.encoding_reopen", json!({ "encoding": "latin1" })).unwrap();
        assert_eq!(stage.marked().replace('|', ""), "café\n");
        stage.run("file.encoding_set", json!({ "encoding": "utf-8" })).unwrap();
        stage.run("file.save", Value::Null).unwrap();
        assert_eq!(read(&stage, "a"), "café\n");
        assert!(stage.run("file.encoding_set", json!({ "encoding": "x" })).is_err());
    }

    #[test]
    fn whoever_waits_hears_when_the_last_is_closed() {
        let mut stage = Stage::new();
        let (a, b) = (stage.write("a", "a"), stage.write("b", "b"));
        let items = json!([{ "path": a }, { "path": b, "line": 0 }, { "text": "in" }]);
        stage.run("file.open_all", json!({ "items": items })).unwrap();
        let titles: Vec<String> = stage
            .program
            .window
            .panes
            .focused()
            .items
            .iter()
            .map(|view| stage.program.buffers[&view.buffer].title())
            .collect();
        assert_eq!(titles, ["a", "b", "Untitled"]);
        let (send, answer) = std::sync::mpsc::channel();
        let items = json!({ "items": [{ "path": a }, { "path": b }], "wait": true });
        stage.program.call("file.open_all", items, Box::new(move |it| send.send(it).unwrap()));
        stage.settle();
        stage.keys("alt-1 ctrl-w");
        assert!(answer.recv_timeout(Duration::from_millis(20)).is_err());
        stage.keys("alt-1 ctrl-w");
        assert_eq!(answer.try_recv().unwrap(), Ok(Value::Null));
    }

    #[test]
    fn an_item_that_does_not_open_is_told_and_the_others_open() {
        let mut stage = Stage::new();
        let good = stage.write("good", "x");
        let bad = good.join("below a file");
        let items = json!({ "items": [{ "path": bad }, { "path": good }] });
        let fault = stage.run("file.open_all", items).unwrap_err();
        assert!(fault.sentence.contains("below a file"), "{fault}");
        assert_eq!(stage.marked(), "|x");
    }
}
