//! `hearth commands`: the registry as text, JSON and Markdown.

use std::fmt::Write;

use serde_json::{Value, json};

use super::arguments::shape_name;
use super::{Command, Registry};
use kernel::action::Need;

/// The keys that are bound to a command, as people read them.
pub type KeysOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every command with its keys, as one JSON list.
pub fn as_json(registry: &Registry, keys_of: KeysOf<'_>) -> Value {
    let describe = |Command { action, .. }: &Command| {
        let mut fields = json!(action);
        fields["keys"] = json!(keys_of(action.id));
        fields
    };
    registry.all().map(describe).collect()
}

/// One line for each command: id, keys, title.
pub fn as_lines(registry: &Registry, keys_of: KeysOf<'_>) -> String {
    let mut text = String::new();
    for Command { action, .. } in registry.all() {
        let keys = keys_of(action.id).unwrap_or_default();
        writeln!(text, "{:<28} {:<20} {}", action.id, keys, action.title)
            .expect("writing to a string cannot fail");
    }
    text
}

/// The generated reference: a table, then what each command takes.
pub fn as_markdown(registry: &Registry, keys_of: KeysOf<'_>) -> String {
    let mut text = String::from("| command | keys | what it does |\n|---|---|---|\n");
    for Command { action, .. } in registry.all() {
        let keys = keys_of(action.id).map(|keys| format!("`{}`", cell(&keys))).unwrap_or_default();
        let mut about = cell(if action.about.is_empty() { action.title } else { action.about });
        for argument in action.arguments {
            let need = match argument.need {
                Need::Required => "",
                Need::Optional => ", optional",
            };
            write!(
                about,
                "<br>`{}`: {}{need}; {}",
                argument.name,
                shape_name(argument.shape),
                cell(argument.about)
            )
            .expect("writing to a string cannot fail");
        }
        writeln!(text, "| `{}` | {keys} | {about} |", action.id)
            .expect("writing to a string cannot fail");
    }
    text
}

/// `text` where a Markdown table's cell ends at a bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Action, Argument, Effect, Risk, Shape, Thread};

    fn registry() -> Registry {
        let action = Action {
            id: "line.go_to",
            title: "Go to a line",
            about: "Moves the cursor; 1 | 2.",
            arguments: &[Argument {
                name: "line",
                shape: Shape::Integer,
                need: Need::Optional,
                about: "asked for if left out",
            }],
            result: Shape::Nothing,
            effect: Effect::Idempotent,
            risk: Risk::L0,
            thread: Thread::Ui,
        };
        Registry::gather(&[&[Command { action, run: |_, _| Ok(Value::Null) }]])
    }

    #[test]
    fn json_holds_the_descriptor_and_the_keys() {
        let listed = as_json(&registry(), &|_| Some("ctrl-g".to_owned()));
        assert_eq!(listed[0]["id"], "line.go_to");
        assert_eq!(listed[0]["keys"], "ctrl-g");
        assert_eq!(listed[0]["arguments"][0]["shape"], "integer");
    }

    #[test]
    fn markdown_escapes_what_would_break_its_table() {
        let text = as_markdown(&registry(), &|_| None);
        assert!(
            text.contains("| `line.go_to` |  | Moves the cursor; 1 \\| 2.<br>`line`:"),
            "{text}"
        );
    }
}
