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
    let wanted = match program.window.theme.appearance {
        Appearance::Light => "dark",
        Appearance::Dark => "light",
    };
    let changes = program.settings.set_session("appearance.theme", json!(wanted))?;
    program.settings_changed(&changes);
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use render::theme::Appearance;

    use crate::command::stage::Stage;

    #[test]
    fn light_and_dark_take_turns() {
        let mut stage = Stage::new();
        assert_eq!(stage.program.window.theme.appearance, Appearance::Light);
        stage.keys("ctrl-k ctrl-t");
        assert_eq!(stage.program.window.theme.appearance, Appearance::Dark);
        stage.keys("ctrl-k ctrl-t");
        assert_eq!(stage.program.window.theme.appearance, Appearance::Light);
    }
}
