//! What `app.state` answers: windows, their panes, what is open in them, what has the keyboard.

use render::glyph::{Hinting, Smoothing};
use render::motion::Motion;
use serde_json::{Value, json};
use text::line_ending::{LineEnding, LineEndings};
use text::{CharOffset, Positions, Rope, TextHash, Version};

use crate::buffer::{Buffer, BufferId};
use crate::panes::Pane;
use crate::picker::Kind;
use crate::program::{Overlay, Program, Window};
use crate::registry::{Fault, path_to_json};
use crate::ui::target::Field;
use crate::view::EditorView;
use crate::workers::Urgency;

/// A text as it was when the state was asked for. What has to read all of it is left to a worker.
struct Seen {
    buffer: BufferId,
    rope: Rope,
    version: Version,
    ending: LineEnding,
}

/// Answers the state, with each text's hash, which a worker makes.
pub fn answer(program: &mut Program) -> Result<Value, Fault> {
    let mut state = describe(program);
    let seen: Vec<Seen> = program
        .buffers
        .values()
        .map(|buffer| Seen {
            buffer: buffer.id,
            rope: buffer.rope().clone(),
            version: buffer.document.version(),
            ending: buffer.line_ending,
        })
        .collect();
    let reply = program.answer_later();
    program.workers.run(
        "reading the state",
        Urgency::Awaited,
        move || {
            for one in &seen {
                one.complete(&mut state);
            }
            let focused =
                list_mut(&mut state["windows"]).find(|window| window["active"] == json!(true));
            let panes = focused.map(|window| window["panes"].clone());
            state["panes"] = json!(panes);
            state
        },
        move |_, state| reply(Ok(state)),
    );
    Ok(Value::Null)
}

impl Seen {
    /// Fills in what takes reading the text.
    fn complete(&self, state: &mut Value) {
        let windows = list_mut(&mut state["windows"]);
        let panes = windows.flat_map(|window| list_mut(&mut window["panes"]));
        let items = panes.flat_map(|pane| list_mut(&mut pane["items"]));
        let own = items.filter(|item| item["buffer"] == json!(self.buffer.0));
        let mut filled: Option<(String, &'static str)> = None;
        for item in own {
            let (hash, ending) = filled.get_or_insert_with(|| {
                (TextHash::of(&self.rope).to_string(), ending_name(&self.rope, self.ending))
            });
            item["text_hash"] = json!(hash);
            item["line_ending"] = json!(ending);
            item["version"] = json!(self.version.to_string());
        }
    }
}

/// The name of how lines end; `usual` where none does yet.
fn ending_name(rope: &Rope, usual: LineEnding) -> &'static str {
    let endings = LineEndings::of(rope);
    if endings.is_mixed() {
        return "mixed";
    }
    match endings.dominant().unwrap_or(usual) {
        LineEnding::Lf => "lf",
        LineEnding::CrLf => "crlf",
        LineEnding::Cr => "cr",
    }
}

fn list_mut(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

/// The state as far as no text has to be read for it; `panes` are those of the focused window and
/// are filled in last.
fn describe(program: &Program) -> Value {
    let windows: Vec<Value> = program.windows().map(|one| window(program, one)).collect();
    let notices: Vec<Value> = program
        .notices
        .shown()
        .iter()
        .map(|notice| json!({ "severity": notice.severity.word(), "sentence": notice.sentence }))
        .collect();
    let (renderer, adapter) = program.window.renderer();
    json!({
        "pid": std::process::id(),
        "renderer": renderer.name(),
        "adapter": adapter,
        "focus": focus_name(program),
        "folder": program.window.folder.as_deref().map(path_to_json),
        "theme": program.window.theme.name,
        "motion": match program.motion() {
            Motion::Full => "full",
            Motion::Reduced => "reduced",
        },
        "glyphs": {
            "hinting": program.rasterisation().hinting == Hinting::On,
            "smoothing": program.rasterisation().smoothing == Smoothing::On,
        },
        "double_click_ms": program.double_click().as_millis() as u64,
        "prompt": prompt(program),
        "states": program.states(),
        "windows": windows,
        "notices": notices,
    })
}

fn window(program: &Program, window: &Window) -> Value {
    let focus = window.panes.focus();
    let panes = window.panes.iter().map(|pane| {
        json!({
            "id": pane.id.0,
            "active": pane.id == focus,
            "items": items(program, pane),
        })
    });
    let (renderer, adapter) = window.renderer();
    let size = window.size();
    json!({
        "id": window.id.0,
        "active": window.id == program.focused_window(),
        "title": window.title(),
        "folder": window.folder.as_deref().map(path_to_json),
        "size": [size.width, size.height],
        "scale": window.scale(),
        "renderer": renderer.name(),
        "adapter": adapter,
        "panes": panes.collect::<Vec<Value>>(),
    })
}

/// What has the keyboard.
fn focus_name(program: &Program) -> &'static str {
    match (&program.window.overlay, program.window.find_focus) {
        (Some(Overlay::Picker(picker)), _) if picker.kind == Kind::Commands => "palette",
        (Some(Overlay::Picker(_)), _) => "picker",
        (Some(Overlay::Prompt(_)), _) => "prompt",
        (None, Some(Field::Replace)) => "replace",
        (None, Some(Field::Find | Field::Overlay)) => "find",
        (None, None) if program.view().is_some() => "editor",
        (None, None) => "window",
    }
}

/// What is asked and what is said of the answer; never what is typed.
fn prompt(program: &Program) -> Value {
    match &program.window.overlay {
        Some(Overlay::Prompt(prompt)) => json!({
            "question": prompt.question.placeholder(),
            "hint": prompt.trouble.as_deref().unwrap_or(prompt.question.hint()),
        }),
        _ => Value::Null,
    }
}

fn items(program: &Program, pane: &Pane<EditorView>) -> Vec<Value> {
    let views = pane.items.iter().enumerate();
    views
        .filter_map(|(index, view)| {
            let buffer = program.buffers.get(&view.buffer)?;
            Some(item(view, buffer, index == pane.active))
        })
        .collect()
}

fn item(view: &EditorView, buffer: &Buffer, is_active: bool) -> Value {
    let rope = buffer.rope();
    let place = |at: CharOffset| {
        let point = rope.point_of(at);
        json!([point.line.0, point.column])
    };
    let selections: Vec<Value> = view
        .selections
        .iter()
        .map(|one| json!({ "anchor": place(one.anchor), "head": place(one.head) }))
        .collect();
    json!({
        "kind": "editor",
        "active": is_active,
        "buffer": buffer.id.0,
        "title": buffer.title(),
        "path": buffer.path.as_deref().map(path_to_json),
        "language": buffer.syntax.language().map(syntax::Language::name),
        "encoding": buffer.encoding.to_string(),
        "indentation": buffer.indentation.to_string(),
        "dirty": buffer.is_dirty(),
        "line_count": rope.len_lines(),
        "selections": selections,
        "primary": view.selections.primary_index(),
        "scroll": { "row": view.scroll.row, "x": view.scroll.x },
        "folds": view.display.folds().folds().len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    #[test]
    fn the_state_says_what_the_interface_promises() {
        let mut stage = Stage::with_file("a.rs", "let ä = «1|»;\r\nb\n");
        let state = stage.run("app.state", Value::Null).unwrap();
        assert_eq!(state["pid"], std::process::id());
        assert_eq!(state["renderer"], "cpu");
        assert_eq!(state["focus"], "editor");
        assert_eq!(state["panes"][0]["active"], true);
        let item = &state["panes"][0]["items"][0];
        assert_eq!(item["kind"], "editor");
        assert_eq!(item["active"], true);
        assert_eq!(item["title"], "a.rs");
        assert_eq!(item["path"], json!(stage.path("a.rs")));
        assert_eq!(item["language"], "rust");
        assert_eq!(item["encoding"], "UTF-8");
        assert_eq!(item["line_ending"], "mixed");
        assert_eq!(item["dirty"], false);
        assert_eq!(item["line_count"], 3);
        assert_eq!(item["selections"], json!([{ "anchor": [0, 9], "head": [0, 10] }]));
        let text = "let ä = 1;\r\nb\n";
        assert_eq!(item["text_hash"], json!(blake3::hash(text.as_bytes()).to_hex().as_str()));
        let answer = stage.run("buffer.text", Value::Null).unwrap();
        assert_eq!(answer["text"], text);
        assert_eq!(answer["version"], item["version"]);
        assert_eq!(answer["text_hash"], item["text_hash"]);
    }

    #[test]
    fn focus_follows_what_has_the_keyboard() {
        let mut stage = Stage::with_file("a.txt", "a|");
        for (keys, focus) in [
            ("ctrl-shift-p", "palette"),
            ("escape ctrl-g", "prompt"),
            ("escape ctrl-f", "find"),
            ("escape ctrl-h tab", "replace"),
            ("escape ctrl-shift-o", "picker"),
            ("escape ctrl-w", "window"),
        ] {
            stage.keys(keys);
            let state = stage.run("app.state", Value::Null).unwrap();
            assert_eq!(state["focus"], focus, "after {keys}");
        }
    }
}
