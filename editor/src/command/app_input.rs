//! What a script does in place of a person: typing, composing, clicking, scrolling.

use std::time::Instant;

use render::geometry::Point;
use serde_json::Value;

use crate::input::{Button, Input, Scroll};
use crate::keymap::Modifiers;
use crate::program::Program;
use crate::registry::{Arguments, Fault};

/// Types a text.
pub fn text(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let text = Input::Text(arguments.text("text")?.to_owned());
    let reply = program.answer_later();
    program.drive(vec![text], reply);
    Ok(Value::Null)
}

/// Composes a text, and commits it.
pub fn ime(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let cursor = arguments.maybe_count("cursor")?;
    let (preedit, commit) = (arguments.maybe_text("preedit")?, arguments.maybe_text("commit")?);
    if preedit.is_none() && commit.is_none() {
        return Err(Fault::usage("app.ime needs \"preedit\" or \"commit\"."));
    }
    if let Some(preedit) = preedit {
        let cursor = cursor.unwrap_or(preedit.len());
        program.input(Input::Preedit { text: preedit.to_owned(), cursor });
    }
    if let Some(commit) = commit {
        // As an input method does: what was composed goes before its result comes.
        program.input(Input::Preedit { text: String::new(), cursor: 0 });
        program.input(Input::Text(commit.to_owned()));
    }
    Ok(Value::Null)
}

/// Presses a button as often as is asked, as a person does who clicks twice.
pub fn click(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let at = place(arguments)?;
    let modifiers = modifiers(arguments)?;
    let button = match arguments.maybe_text("button")? {
        None | Some("left") => Button::Left,
        Some("middle") => Button::Middle,
        Some("right") => Button::Right,
        Some(_) => {
            return Err(Fault::usage("\"button\" takes \"left\", \"middle\" or \"right\"."));
        }
    };
    let count = match arguments.maybe_count("count")? {
        None => 1,
        Some(count @ 1..=3) => count as u8,
        Some(_) => return Err(Fault::usage("\"count\" takes 1, 2 or 3.")),
    };
    lay_out(program);
    program.input(Input::Move { at, modifiers });
    for count in 1..=count {
        program.input(Input::Press { at, button, count, modifiers });
        program.input(Input::Release { at, button });
    }
    Ok(Value::Null)
}

/// Drags the left button from one place to another.
pub fn drag(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let (from, to) = (point(arguments, "from")?, point(arguments, "to")?);
    let modifiers = modifiers(arguments)?;
    let button = Button::Left;
    lay_out(program);
    program.input(Input::Move { at: from, modifiers });
    program.input(Input::Press { at: from, button, count: 1, modifiers });
    let middle = Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
    for at in [middle, to] {
        program.input(Input::Move { at, modifiers });
    }
    program.input(Input::Release { at: to, button });
    Ok(Value::Null)
}

/// Turns the wheel, or moves two fingers.
pub fn scroll(program: &mut Program, arguments: &Arguments) -> Result<Value, Fault> {
    let (at, modifiers) = (place(arguments)?, modifiers(arguments)?);
    let lines = arguments.maybe_number("lines")?;
    let pixels = arguments.maybe_number("pixels")?;
    let by = match (lines, pixels) {
        (Some(lines), None) => Scroll::Lines(0.0, lines as f32),
        (None, Some(pixels)) => Scroll::Pixels(0.0, pixels as f32),
        _ => return Err(Fault::usage("app.scroll needs \"lines\" or \"pixels\".")),
    };
    lay_out(program);
    program.input(Input::Scroll { at, by, modifiers });
    Ok(Value::Null)
}

/// What is under a point is known from the last layout: it has to be that of the state now.
fn lay_out(program: &mut Program) {
    program.prepare(Instant::now());
}

fn place(arguments: &Arguments) -> Result<Point, Fault> {
    let side = |name: &str| Ok(arguments.maybe_number(name)?.unwrap_or(0.0) as f32);
    Ok(Point { x: side("x")?, y: side("y")? })
}

fn point(arguments: &Arguments, name: &str) -> Result<Point, Fault> {
    let read = || {
        let [x, y] = arguments.value(name)?.as_array()?.as_slice() else { return None };
        Some(Point { x: x.as_f64()? as f32, y: y.as_f64()? as f32 })
    };
    read().ok_or_else(|| Fault::usage(format!("\"{name}\" takes [x, y] in logical pixels.")))
}

fn modifiers(arguments: &Arguments) -> Result<Modifiers, Fault> {
    let wrong = || {
        Fault::usage("\"modifiers\" takes names of ctrl, alt, shift and cmd, joined by hyphens.")
    };
    let names: Vec<&str> = match arguments.value("modifiers") {
        None => Vec::new(),
        Some(Value::String(names)) => names.split('-').filter(|name| !name.is_empty()).collect(),
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
    };
    let mut held = Modifiers::NONE;
    for name in names {
        match name {
            "ctrl" => held.control = true,
            "alt" => held.alt = true,
            "shift" => held.shift = true,
            "cmd" => held.command = true,
            "secondary" if cfg!(target_os = "macos") => held.command = true,
            "secondary" => held.control = true,
            _ => return Err(wrong()),
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::command::stage::Stage;

    /// The middle of a cell of the text, in the window.
    fn cell(stage: &mut Stage, row: f32, column: f32) -> (f32, f32) {
        stage.program.prepare(std::time::Instant::now());
        let view = stage.program.view().unwrap();
        let (area, scale) = (view.area, view.scale);
        (area.x + (column + 0.1) * scale.cell, area.y + (row + 0.5) * scale.row)
    }

    #[test]
    fn a_click_puts_the_caret_and_two_select_a_word() {
        let mut stage = Stage::with("|one two\nthree");
        let (x, y) = cell(&mut stage, 0.0, 5.0);
        stage.run("app.click", json!({ "x": x, "y": y })).unwrap();
        assert_eq!(stage.marked(), "one t|wo\nthree");
        stage.run("app.click", json!({ "x": x, "y": y, "count": 2 })).unwrap();
        assert_eq!(stage.marked(), "one «two|»\nthree");
        let (x, y) = cell(&mut stage, 1.0, 2.0);
        let held = json!({ "x": x, "y": y, "modifiers": ["alt"] });
        stage.run("app.click", held).unwrap();
        assert_eq!(stage.marked(), "one «two|»\nth|ree");
    }

    #[test]
    fn a_drag_selects_from_where_it_began() {
        let mut stage = Stage::with("|one two\nthree");
        let (from, to) = (cell(&mut stage, 0.0, 4.0), cell(&mut stage, 1.0, 2.0));
        let drag = json!({ "from": [from.0, from.1], "to": [to.0, to.1] });
        stage.run("app.drag", drag).unwrap();
        assert_eq!(stage.marked(), "one «two\nth|»ree");
    }

    #[test]
    fn what_is_composed_becomes_text_when_it_is_committed() {
        let mut stage = Stage::with("a|b");
        stage.run("app.ime", json!({ "preedit": "に", "cursor": 3 })).unwrap();
        assert_eq!(stage.marked(), "a|b");
        assert!(stage.program.view().unwrap().is_composing());
        stage.run("app.ime", json!({ "commit": "日" })).unwrap();
        assert_eq!(stage.marked(), "a日|b");
        assert!(!stage.program.view().unwrap().is_composing());
        assert!(stage.run("app.ime", Value::Null).is_err());
    }

    #[test]
    fn wrong_input_is_refused_in_a_sentence() {
        let mut stage = Stage::with("|");
        for (id, arguments) in [
            ("app.keys", json!({ "keys": "hyper-x" })),
            ("app.click", json!({ "x": 1, "y": 1, "button": "fourth" })),
            ("app.click", json!({ "x": 1, "y": 1, "modifiers": "hyper" })),
            ("app.drag", json!({ "from": [1], "to": [1, 2] })),
            ("app.resize", json!({ "width": -1, "height": 2 })),
            ("app.scroll", json!({ "x": 1, "y": 1 })),
        ] {
            let fault = stage.run(id, arguments.clone()).unwrap_err();
            assert!(fault.sentence.ends_with('.'), "{id} {arguments}: {fault}");
        }
    }
}
