//! Changing a settings file without touching what else its owner wrote there.

use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::check;
use crate::registry::Fault;

/// `text` with `key` set to `value`, or without it if that is `null`. Comments, order and spacing
/// of the rest stay.
///
/// # Errors
/// An unknown key, a value that it does not take, or text that is not TOML: a file that cannot be
/// read whole is not rewritten.
pub fn rewrite(text: &str, key: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::Null => unset(text, key),
        value => set(text, key, value),
    }
}

fn set(text: &str, key: &str, value: &Value) -> Result<String, Fault> {
    let setting = check(key, value)?;
    let value = match value {
        Value::Bool(truth) => toml_edit::Value::from(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => toml_edit::Value::from(integer),
            None => toml_edit::Value::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => toml_edit::Value::from(text.as_str()),
        Value::Array(list) => {
            let words = list.iter().filter_map(Value::as_str);
            toml_edit::Value::from(words.collect::<toml_edit::Array>())
        }
        Value::Null | Value::Object(_) => {
            return Err(Fault::usage(format!("{key} takes {}.", setting.kind.words())));
        }
    };
    let mut document = parse(text)?;
    let (table, name) = key.split_once('.').expect("each key is table.name");
    let table = table_of(&mut document, table)?;
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
    Ok(document.to_string())
}

fn unset(text: &str, key: &str) -> Result<String, Fault> {
    check(key, &Value::Null)?;
    let mut document = parse(text)?;
    let (table, name) = key.split_once('.').expect("each key is table.name");
    if document.contains_key(table) {
        table_of(&mut document, table)?.remove(name);
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, Fault> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let offset = error.span().map_or(0, |span| span.start).min(text.len());
        let line = 1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
        let said = error.message().lines().next().unwrap_or("it is not TOML").to_owned();
        Fault::state(format!("Correct line {line} of the settings file first: {said}."))
    })
}

fn table_of<'a>(document: &'a mut DocumentMut, name: &str) -> Result<&'a mut dyn TableLike, Fault> {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().ok_or_else(|| {
        Fault::state(format!("Correct the settings file first: \"{name}\" is a table of settings."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "# mine\n\n[editor]   # code\ntab_width = 4 # as at work\n\n\n[files]\n";

    #[test]
    fn a_value_is_replaced_and_every_comment_stays() {
        let text = set(FILE, "editor.tab_width", &json!(2)).unwrap();
        assert_eq!(text, FILE.replace("= 4", "= 2"));
    }

    #[test]
    fn a_new_value_joins_its_table_or_makes_it() {
        let text = set(FILE, "editor.ligatures", &json!(false)).unwrap();
        assert!(text.contains("tab_width = 4 # as at work\nligatures = false\n"), "{text}");
        let text = set("", "appearance.theme", &json!("dark")).unwrap();
        assert_eq!(text, "[appearance]\ntheme = \"dark\"\n");
        let text = set("editor = { tab_width = 2 }\n", "editor.tab_width", &json!(8)).unwrap();
        assert_eq!(text, "editor = { tab_width = 8 }\n");
    }

    #[test]
    fn a_value_is_taken_out() {
        let text = rewrite(FILE, "editor.tab_width", &Value::Null).unwrap();
        assert!(!text.contains("tab_width") && text.contains("# mine"), "{text}");
        assert_eq!(rewrite("", "editor.tab_width", &Value::Null).unwrap(), "");
        assert!(rewrite(FILE, "editor.tab_widht", &Value::Null).is_err());
    }

    #[test]
    fn what_cannot_be_right_is_not_written() {
        assert!(set(FILE, "editor.tab_width", &json!("wide")).is_err());
        assert!(set(FILE, "editor.tab_widht", &json!(2)).is_err());
        let fault = set("a = 1\nb = = 2\n", "editor.tab_width", &json!(2)).unwrap_err();
        assert!(fault.sentence.contains("line 2"), "{fault}");
        assert!(set("editor = 3", "editor.tab_width", &json!(2)).is_err());
    }
}
