//! The palette of all commands.

use serde_json::Value;

use super::describe::look;
use crate::registry::Command;

/// What opens it.
pub const COMMANDS: &[Command] = &[look(
    "palette.open",
    "All commands",
    "Opens the palette: every command by name, with its keys.",
    |program, _| {
        program.open_palette();
        Ok(Value::Null)
    },
)];

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;
    use crate::picker::Target;
    use crate::program::Overlay;

    #[test]
    fn it_offers_what_can_be_done_without_more() {
        let mut stage = Stage::with("a|");
        stage.keys("ctrl-shift-p");
        let Some(Overlay::Picker(picker)) = &stage.program.window.overlay else {
            panic!("it is open")
        };
        let entries = picker.entries.as_ref().unwrap();
        let offers = |id: &str| {
            entries.all.iter().any(|entry| matches!(entry.target, Target::Command(it) if it == id))
        };
        for id in ["file.open", "edit.join_lines", "line.ending_set", "app.quit", "theme.toggle"] {
            assert!(offers(id), "{id}");
        }
        for id in ["app.keys", "buffer.text", "tab.finish", "list.next", "pane.focus"] {
            assert!(!offers(id), "{id}");
        }
    }

    #[test]
    fn what_is_chosen_is_done() {
        let mut stage = Stage::with("a|\nb");
        stage.keys("ctrl-shift-p j o i n enter");
        assert_eq!(stage.marked(), "a| b");
    }
}
