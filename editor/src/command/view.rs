//! How the focused text is seen.

use serde_json::{Value, json};

use super::describe::look;
use crate::program::Program;
use crate::registry::{Command, Fault};
use crate::settings::Whitespace;
use crate::view::Wrap;

/// What changes the view.
pub const COMMANDS: &[Command] = &[
    look("view.zoom_in", "Zoom in", "Enlarges text, in this window.", |program, _| {
        let now = program.zoom();
        let larger = ZOOMS.iter().copied().find(|zoom| *zoom > now + ZOOM_SLACK);
        zoom(program, larger)
    }),
    look("view.zoom_out", "Zoom out", "Makes text smaller, in this window.", |program, _| {
        let now = program.zoom();
        let smaller = ZOOMS.iter().rev().copied().find(|zoom| *zoom < now - ZOOM_SLACK);
        zoom(program, smaller)
    }),
    look("view.zoom_reset", "Zoom as the settings say", "Takes zooming back.", |program, _| {
        program.window.zoom = None;
        program.redraw();
        Ok(Value::Null)
    }),
    look("view.wrap_toggle", "Wrap lines", "Or let them run on.", |program, _| {
        let (view, _) = program.need_active()?;
        view.wrap = match view.wrap {
            Wrap::Off => Wrap::On,
            Wrap::On => Wrap::Off,
        };
        program.redraw();
        Ok(Value::Null)
    }),
    look("view.scroll_up", "Scroll up", "One row; the cursors stay.", |program, _| {
        scroll(program, -1.0)
    }),
    look("view.scroll_down", "Scroll down", "One row; the cursors stay.", |program, _| {
        scroll(program, 1.0)
    }),
    look(
        "view.whitespace_toggle",
        "Show all spaces and tabs",
        "Or only those that are selected; until the program ends.",
        |program, _| {
            let wanted = match program.settings.editor().whitespace {
                Whitespace::All => Whitespace::Selection,
                Whitespace::None | Whitespace::Selection => Whitespace::All,
            };
            session(program, "editor.whitespace", json!(wanted.name()))
        },
    ),
    look(
        "view.control_characters_toggle",
        "Show control characters",
        "Those that are invisible, change direction or look like others; until the program ends.",
        |program, _| {
            let shown = program.settings.editor().control_characters;
            session(program, "editor.control_characters", json!(!shown))
        },
    ),
];

/// Steps of zooming, as browsers have them.
const ZOOMS: &[f32] =
    &[0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0];

/// A zoom that a settings file says, such as 1.1, is the step that it rounds to.
const ZOOM_SLACK: f32 = 0.01;

fn zoom(program: &mut Program, to: Option<f32>) -> Result<Value, Fault> {
    if let Some(to) = to {
        program.window.zoom = Some(to);
        program.redraw();
    }
    Ok(Value::Null)
}

fn session(program: &mut Program, key: &str, value: Value) -> Result<Value, Fault> {
    let changes = program.settings.set_session(key, value)?;
    program.settings_changed(&changes);
    Ok(Value::Null)
}

fn scroll(program: &mut Program, rows: f64) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    view.scroll_by(rows, 0.0);
    program.redraw();
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;
    use crate::view::Wrap;

    #[test]
    fn zooming_goes_in_steps_and_back() {
        let mut stage = Stage::with("|");
        let zoom = |stage: &Stage| stage.program.zoom();
        stage.keys("ctrl-=");
        assert_eq!(zoom(&stage), 1.1);
        stage.keys("ctrl-- ctrl--");
        assert_eq!(zoom(&stage), 0.9);
        stage.keys("ctrl-0");
        assert_eq!(zoom(&stage), 1.0);
        for _ in 0..30 {
            stage.keys("ctrl-=");
        }
        assert_eq!(zoom(&stage), 4.0);
    }

    #[test]
    fn lines_are_wrapped_and_let_go() {
        let mut stage = Stage::with_file("a.rs", "|");
        stage.keys("alt-z");
        assert_eq!(stage.program.view().unwrap().wrap, Wrap::On);
        stage.keys("alt-z");
        assert_eq!(stage.program.view().unwrap().wrap, Wrap::Off);
    }
}
