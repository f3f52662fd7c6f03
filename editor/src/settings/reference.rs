//! What can be set, for tools, readers and a person's first settings file.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::schema::{Kind, LIST_MAX, SCHEMA, TEXT_BYTES_MAX};

/// A JSON schema (2020-12) of a settings file.
pub fn json_schema() -> Value {
    let mut tables = Map::new();
    for setting in SCHEMA {
        let (table, name) = setting.key.split_once('.').expect("each key is table.name");
        let mut shape = match setting.kind {
            Kind::Truth => json!({ "type": "boolean" }),
            Kind::Integer(low, high) => {
                json!({ "type": "integer", "minimum": low, "maximum": high })
            }
            Kind::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
            Kind::Choice(names) => json!({ "enum": names }),
            Kind::Text => text(),
            Kind::List => json!({ "type": "array", "maxItems": LIST_MAX, "items": text() }),
        };
        shape["default"] = setting.preset.value();
        shape["description"] = Value::from(setting.about);
        let table = tables.entry(table).or_insert_with(
            || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
        );
        table["properties"][name] = shape;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hearth settings",
        "type": "object",
        "additionalProperties": false,
        "properties": tables,
    })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": TEXT_BYTES_MAX })
}

/// A table of all settings for the reference.
pub fn markdown() -> String {
    let mut text =
        String::from("| setting | takes | by itself | what it does |\n|---|---|---|---|\n");
    for setting in SCHEMA {
        let (key, takes, about) = (setting.key, setting.kind.words(), setting.about);
        writeln!(text, "| `{key}` | {takes} | `{}` | {about} |", setting.preset.value())
            .expect("writing to a string cannot fail");
    }
    text
}

/// A person's first settings file: everything there is, commented out.
pub fn template() -> String {
    let mut text = String::from(
        "# Your settings. Take the `#` off a line, or write your own; it counts once saved.\n\
         # Keys are in keymap.toml beside it. `hearth settings --markdown` is the reference.\n",
    );
    let mut open = "";
    for setting in SCHEMA {
        let (table, name) = setting.key.split_once('.').expect("each key is table.name");
        if table != open {
            write!(text, "\n[{table}]\n").expect("writing to a string cannot fail");
            open = table;
        }
        let about = setting.about.trim_end_matches('.');
        let takes = setting.kind.words();
        writeln!(text, "# {about}: {takes}.\n# {name} = {}", setting.preset.value())
            .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layer, Settings};
    use crate::source::Source;

    /// What `settings.open` shows to a person who has no file yet.
    const BUNDLED: &str = include_str!("../../assets/settings.toml");

    #[test]
    fn the_bundled_file_is_what_the_schema_says() {
        if std::env::var_os("HEARTH_UPDATE").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/settings.toml");
            std::fs::write(path, template()).unwrap();
        }
        assert_eq!(BUNDLED, template(), "run this test again with HEARTH_UPDATE=1 set");
    }

    #[test]
    fn the_template_means_the_same_with_every_line_uncommented() {
        let lines = template();
        let set = lines.lines().map(|line| match line.strip_prefix("# ") {
            Some(line) if line.contains(" = ") => line,
            _ => line,
        });
        let text = set.collect::<Vec<_>>().join("\n");
        let mut settings = Settings::default();
        let changes = settings.reload(Layer::User, Some(&Source::new("t", text)));
        assert_eq!(changes, Default::default());
        let from = settings.origin("records.level").unwrap();
        assert_eq!(from.layer, Layer::User);
    }

    #[test]
    fn the_json_schema_has_every_setting() {
        let schema = json_schema();
        assert_eq!(schema["properties"]["editor"]["properties"]["tab_width"]["maximum"], 16);
        let tables = schema["properties"].as_object().unwrap().values();
        let count: usize = tables.map(|table| table["properties"].as_object().unwrap().len()).sum();
        assert_eq!(count, SCHEMA.len());
    }
}
