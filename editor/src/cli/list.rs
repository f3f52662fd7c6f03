//! `hearth commands` and `hearth settings`: what there is.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::invocation::Form;
use super::line;
use crate::directories::Directories;
use crate::keymap::Keymap;
use crate::registry::{Fault, Registry, as_json, as_lines, as_markdown, path_to_json};
use crate::settings::{Layer, SCHEMA, Settings, json_schema, markdown};
use crate::source::{Problem, Source};

/// The commands with the person's keys; with the bundled ones where no folder is known.
pub(super) fn commands(directories: &Result<Directories, Fault>, form: Form) -> String {
    let registry = Registry::gather(crate::command::GROUPS);
    let keymap = match directories {
        Ok(directories) => keymap(directories, &registry).0,
        Err(_) => Keymap::load(&[Keymap::bundled()], &registry).0,
    };
    let keys_of = |id: &str| keymap.text_for(id);
    match form {
        Form::Json => line(&as_json(&registry, &keys_of)),
        Form::Markdown => as_markdown(&registry, &keys_of),
        Form::Text | Form::Schema => as_lines(&registry, &keys_of),
    }
}

/// The settings that are in force, their schema, or their reference.
pub(super) fn settings(directories: &Directories, form: Form) -> String {
    let (settings, _) = load_settings(directories);
    match form {
        Form::Schema => line(&json_schema()),
        Form::Markdown => markdown(),
        Form::Json => line(&settings_json(&settings)),
        Form::Text => {
            let mut text = String::new();
            for setting in SCHEMA {
                let value = settings.get(setting.key).unwrap_or(&Value::Null);
                let layer = settings.origin(setting.key).map_or("", |origin| origin.layer.name());
                writeln!(text, "{:<34} {:<16} {layer}", setting.key, value.to_string())
                    .expect("writing to a string cannot fail");
            }
            text
        }
    }
}

fn settings_json(settings: &Settings) -> Value {
    let row = |key: &str| {
        let mut row = json!({ "value": settings.get(key) });
        if let Some(origin) = settings.origin(key) {
            row["layer"] = json!(origin.layer.name());
            if let Some((path, line)) = origin.place {
                row["path"] = path_to_json(&path);
                row["line"] = json!(line);
            }
        }
        row
    };
    let rows: Map<String, Value> =
        SCHEMA.iter().map(|setting| (setting.key.to_owned(), row(setting.key))).collect();
    Value::Object(rows)
}

/// The bundled keys and the person's, and what is wrong with them.
pub(super) fn keymap(directories: &Directories, registry: &Registry) -> (Keymap, Vec<Problem>) {
    let mut problems = Vec::new();
    let own = read(&directories.keymap(), &mut problems);
    let layers: Vec<Source> = [Keymap::bundled()].into_iter().chain(own).collect();
    let (keymap, found) = Keymap::load(&layers, registry);
    problems.extend(found);
    (keymap, problems)
}

/// The device's and the person's settings, and what is wrong with them.
pub(super) fn load_settings(directories: &Directories) -> (Settings, Vec<Problem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    for (layer, path) in
        [(Layer::Device, directories.device_settings()), (Layer::User, directories.settings())]
    {
        let source = read(&path, &mut problems);
        problems.extend(settings.reload(layer, source.as_ref()).problems);
    }
    (settings, problems)
}

fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<Source> {
    Source::read(path).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_tell_where_each_value_comes_from() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::under(dir.path(), dir.path().into());
        directories.make().unwrap();
        std::fs::write(directories.settings(), "[editor]\ntab_width = 2\n").unwrap();
        let listed = settings(&directories, Form::Json);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let row = &listed["editor.tab_width"];
        assert_eq!((&row["value"], &row["line"]), (&json!(2), &json!(2)));
        assert_eq!(row["layer"], "user");
        assert_eq!(listed["editor.ligatures"]["layer"], "built-in");
    }
}
