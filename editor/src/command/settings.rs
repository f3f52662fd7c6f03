//! The person's own files: settings and keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use kernel::action::{Effect, Risk};
use serde_json::Value;

use super::describe::{key, risking};
use crate::directories::make_private;
use crate::program::Program;
use crate::registry::{Command, Fault};
use crate::settings;
use crate::workers::Urgency;

/// What opens them.
pub const COMMANDS: &[Command] = &[
    risking(
        key(
            "settings.open",
            "Open your settings",
            "The file is made with everything that can be set if it is missing.",
            |program, _| open(program, program.places.settings(), settings::template()),
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
    risking(
        key(
            "keymap.open",
            "Open your keys",
            "The file is made with a short guide if it is missing.",
            |program, _| open(program, program.places.keymap(), KEYMAP.to_owned()),
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
];

/// A person's first keymap.
const KEYMAP: &str = "\
# Your keys. A table is a context: window, editor, input, list, palette, picker, find, replace,
# prompt. What stands here wins over the keys that come with Hearth; it counts once saved.
# `hearth commands` lists what can be bound.
#
# [editor]
# \"alt-j\" = \"edit.join_lines\"
# \"ctrl-k x\" = \"edit.delete_line\"
# \"ctrl-d\" = false
#
# [window]
# \"alt-1\" = { action = \"tab.focus\", index = 1 }
";

fn open(program: &mut Program, path: PathBuf, template: String) -> Result<Value, Fault> {
    let reply = program.answer_later();
    program.workers.run(
        "opening your own file",
        Urgency::Awaited,
        move || make(&path, &template).map(|()| path),
        move |program, made| match made {
            Ok(path) => program.open(path, None, reply),
            Err(fault) => reply(Err(fault)),
        },
    );
    Ok(Value::Null)
}

/// Makes the file, unless there is one.
fn make(path: &Path, template: &str) -> Result<(), Fault> {
    let fault = |error| Fault::file("Making", path, &error);
    if let Some(folder) = path.parent() {
        make_private(folder).map_err(fault)?;
    }
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(template.as_bytes()).map_err(fault),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(fault(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config").join("keymap.toml");
        make(&path, KEYMAP).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), KEYMAP);
        std::fs::write(&path, "mine").unwrap();
        make(&path, KEYMAP).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
