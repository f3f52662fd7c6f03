//! The person's own files: settings and keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use kernel::action::{Effect, Risk, Shape};
use serde_json::Value;

use super::describe::{key, may, needs, risking, taking};
use crate::directories::make_private;
use crate::files::save::{self, Expect};
use crate::files::stamp::Stamp;
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};
use crate::settings::{self, Layer};
use crate::source::Source;
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
    risking(
        key(
            "policy.open",
            "Open your policy",
            "The file is made with a short guide if it is missing.",
            |program, _| open(program, program.places.policy(), POLICY.to_owned()),
        ),
        Risk::L2,
        Effect::Idempotent,
    ),
    taking(
        risking(
            key(
                "settings.set",
                "Change a setting",
                "Writes it to your settings, or to this machine's; what else stands there stays. \
                 Without a value the setting is taken out.",
                set,
            ),
            Risk::L2,
            Effect::Idempotent,
        ),
        &[
            needs("key", Shape::Text, "as in the file: \"editor.tab_width\""),
            may("value", Shape::Any, "what it is from now on"),
            may("layer", Shape::Text, "\"user\", \"device\" or \"session\"; user by itself"),
        ],
        Shape::Nothing,
    ),
];

/// A file that somebody else keeps writing at the same moment is given up after so many tries.
const TRIES_MAX: usize = 4;

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

/// A person's first policy.
const POLICY: &str = "\
# Your policy: who may do what, beside what comes with Hearth. Rules have no order: a forbid wins
# over an ask, an ask over a permit, and what no rule permits is denied. It counts once saved;
# `hearth policy test` runs the tests that stand here, `hearth policy explain` says why.
#
# [[rule]]
# id = \"no-network\"
# effect = \"forbid\"                  # or \"permit\", or \"ask\" with a reason
# principal = [\"agent\", \"pack\"]     # owner, client, trainer, device, hub, agent:NAME, role:NAME
# action = [\"*\"]                     # noun.verb, noun.* or *
# resource = [\"domain:*\"]            # nothing, path:GLOB, domain:NAME, name:GLOB
#
# [[test]]
# principal = \"agent:any\"
# action = \"web.read\"
# risk = \"L3\"
# resource = \"domain:example.com\"
# when = [\"trusted\"]
# expect = \"deny\"
";

fn open(program: &mut Program, path: PathBuf, template: String) -> Result<Value, Fault> {
    let reply = program.answer_later();
    let done = program.here(move |program: &mut Program, made| match made {
        Ok(path) => program.open(path, None, reply),
        Err(fault) => reply(Err(fault)),
    });
    let work = move || make(&path, &template).map(|()| path);
    program.workers.run("opening your own file", Urgency::Awaited, work, done);
    Ok(Value::Null)
}

fn set(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let key = arguments.text("key")?.to_owned();
    let value = arguments.value("value").cloned().unwrap_or(Value::Null);
    let (layer, path) = match arguments.maybe_text("layer")? {
        None | Some("user") => (Layer::User, program.places.settings()),
        Some("device") => (Layer::Device, program.places.device_settings()),
        Some("session") => {
            let changes = program.settings.set_session(&key, value)?;
            program.settings_changed(&changes);
            return Ok(Value::Null);
        }
        Some(_) => {
            return Err(Fault::usage("\"layer\" takes \"user\", \"device\" or \"session\"."));
        }
    };
    let safety = program.places.state.join("saving");
    let reply = program.answer_later();
    program.workers.run(
        "writing settings",
        Urgency::Awaited,
        move || rewrite(&path, &key, &value, &safety).map(|text| Source::new(path, text)),
        move |program, written| match written {
            Ok(source) => {
                let changes = program.settings.reload(layer, Some(&source));
                program.settings_changed(&changes);
                program.files_changed(std::slice::from_ref(&source.path));
                program.answer_durably(Value::Null, reply);
            }
            Err(fault) => reply(Err(fault)),
        },
    );
    Ok(Value::Null)
}

/// Writes one setting to a file and answers all that stands there now. What another program wrote
/// meanwhile is kept: the setting is written into that.
fn rewrite(path: &Path, key: &str, value: &Value, safety: &Path) -> Result<String, Fault> {
    let fault = |error| Fault::file("Reading", path, &error);
    if let Some(folder) = path.parent() {
        make_private(folder).map_err(|error| Fault::file("Making", folder, &error))?;
    }
    let mut tries = 1;
    loop {
        let seen = Stamp::of(path).map_err(fault)?;
        let before = match &seen {
            Some(_) => std::fs::read_to_string(path).map_err(fault)?,
            None => String::new(),
        };
        let after = settings::rewrite(&before, key, value)?;
        if after == before {
            return Ok(after);
        }
        let expect = seen.as_ref().map_or(Expect::Missing, Expect::Unchanged);
        match save::save(path, &[after.as_bytes()], expect, safety) {
            Ok(_) => return Ok(after),
            Err(trouble) if trouble.is_changed_outside() && tries < TRIES_MAX => tries += 1,
            Err(trouble) => return Err(Fault::machine(trouble.to_string())),
        }
    }
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
    use crate::command::stage::Stage;
    use serde_json::json;

    #[test]
    fn a_setting_is_written_among_what_its_owner_wrote_and_counts_at_once() {
        let mut stage = Stage::new();
        let path = stage.program.places.settings();
        make(&path, "# mine\n[editor]\nligatures = false # ugly\n").unwrap();
        stage.run("settings.set", json!({ "key": "editor.tab_width", "value": 3 })).unwrap();
        assert_eq!(stage.program.settings.editor().tab_width, 3);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "# mine\n[editor]\nligatures = false # ugly\ntab_width = 3\n"
        );
        stage.run("settings.set", json!({ "key": "editor.tab_width" })).unwrap();
        assert_eq!(stage.program.settings.editor().tab_width, 4);
    }

    #[test]
    fn a_machine_and_a_run_have_settings_of_their_own() {
        let mut stage = Stage::new();
        let zoom = "appearance.zoom";
        let set = |layer: &str, value: f32| json!({ "key": zoom, "value": value, "layer": layer });
        stage.run("settings.set", set("device", 1.5)).unwrap();
        assert_eq!(stage.program.settings.appearance().zoom, 1.5);
        assert!(stage.program.places.device_settings().exists());
        assert!(!stage.program.places.settings().exists());
        stage.run("settings.set", set("session", 2.0)).unwrap();
        assert_eq!(stage.program.settings.appearance().zoom, 2.0);
        assert!(stage.run("settings.set", set("workspace", 2.0)).is_err());
        assert!(stage.run("settings.set", set("user", 200.0)).is_err());
    }

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
