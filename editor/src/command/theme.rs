//! How everything looks.

use render::theme::Appearance;
use serde_json::{Value, json};

use super::describe::look;
use crate::program::Program;
use crate::registry::{Arguments, Command, Fault};

/// What changes the theme.
pub const COMMANDS: &[Command] = &[look(
    "theme.toggle",
    "Switch light and dark",
    "Until the program ends; the setting appearance.theme stays.",
    toggle,
)];

fn toggle(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let wanted = match program.theme.appearance {
        Appearance::Light => "dark",
        Appearance::Dark => "light",
    };
    let changes = program.settings.set_session("appearance.theme", json!(wanted))?;
    program.settings_changed(&changes);
    Ok(Value::Null)
}
