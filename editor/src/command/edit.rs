//! Edits of the text that has the keyboard.

use serde_json::Value;
use syntax::Comments;
use text::movement::Motion;
use text::movement::vertical::Vertical;
use text::transform::comment::{self, Tokens};
use text::transform::{Style, Transformed, case, delete, indent, lines, typing};
use text::{Origin, Positions, Selections};

use super::describe::{key, look};
use super::newline::{self, Indent};
use crate::buffer::Buffer;
use crate::clipboard::Board;
use crate::line_input::Step;
use crate::program::{Program, pairs_of};
use crate::registry::{Arguments, Command, Fault};
use crate::view::EditorView;

/// What changes text.
pub const COMMANDS: &[Command] = &[
    key(
        "edit.delete_left",
        "Delete to the left",
        "The selection; else an empty pair, a step of indentation or one character.",
        delete_left,
    ),
    key(
        "edit.delete_right",
        "Delete to the right",
        "The selection, else one character.",
        |program, _| remove(program, Step::Right, Motion::Right),
    ),
    key(
        "edit.delete_word_left",
        "Delete a word to the left",
        "To its start; from the start of a line, the line break.",
        |program, _| remove(program, Step::WordLeft, Motion::WordStartLeft),
    ),
    key(
        "edit.delete_word_right",
        "Delete a word to the right",
        "To its end; from the end of a line, the line break.",
        |program, _| remove(program, Step::WordRight, Motion::WordEndRight),
    ),
    key(
        "edit.delete_subword_left",
        "Delete a part of a word to the left",
        "To the start of the part: camel|Case, snake_|case.",
        |program, _| remove(program, Step::WordLeft, Motion::PartLeft),
    ),
    key(
        "edit.delete_subword_right",
        "Delete a part of a word to the right",
        "To the end of the part: camel|Case, snake|_case.",
        |program, _| remove(program, Step::WordRight, Motion::PartRight),
    ),
    key(
        "edit.delete_to_line_start",
        "Delete to the start of the line",
        "To its first letter; from there to its start; from there the line break.",
        |program, _| remove(program, Step::Start, Motion::LineStart),
    ),
    key(
        "edit.delete_to_line_end",
        "Delete to the end of the line",
        "From there the line break.",
        |program, _| remove(program, Step::End, Motion::LineEnd),
    ),
    key(
        "edit.delete_line",
        "Delete the line",
        "The lines of all cursors, with their endings.",
        |program, _| change(program, |rope, all, _| lines::delete(rope, all)),
    ),
    key("edit.newline", "Break the line", "Indents the new line as its code asks.", newline_here),
    key(
        "edit.newline_below",
        "New line below",
        "Opens a line below, wherever the caret is in its line.",
        newline_below,
    ),
    key(
        "edit.newline_above",
        "New line above",
        "Opens a line above, wherever the caret is in its line.",
        |program, _| {
            change(program, |rope, all, style| typing::open_line(rope, all, Vertical::Up, style))
        },
    ),
    key(
        "edit.tab",
        "Tab",
        "Indents lines that are selected; elsewhere goes to the next tab stop.",
        tab,
    ),
    key("edit.indent", "Indent", "One step to the right.", |program, _| {
        change(program, indent::indent)
    }),
    key("edit.outdent", "Outdent", "One step to the left.", |program, _| {
        change(program, indent::outdent)
    }),
    key(
        "edit.comment_toggle",
        "Toggle comments",
        "Makes the lines comments, or takes the signs away where all are.",
        |program, _| comment_with(program, comment::toggle),
    ),
    key(
        "edit.comment_block_toggle",
        "Toggle a block comment",
        "Around each selection, or around the line of a caret.",
        |program, _| comment_with(program, comment::toggle_block),
    ),
    key("edit.move_line_up", "Move the line up", "Past the line above.", |program, _| {
        change(program, |rope, all, _| lines::shift(rope, all, Vertical::Up))
    }),
    key("edit.move_line_down", "Move the line down", "Past the line below.", |program, _| {
        change(program, |rope, all, _| lines::shift(rope, all, Vertical::Down))
    }),
    key(
        "edit.duplicate_line",
        "Duplicate the line",
        "Below; the cursors go along.",
        |program, _| {
            change(program, |rope, all, style| {
                lines::duplicate(rope, all, Vertical::Down, style.ending)
            })
        },
    ),
    key(
        "edit.duplicate_line_up",
        "Duplicate the line above",
        "Above; the cursors go along.",
        |program, _| {
            change(program, |rope, all, style| {
                lines::duplicate(rope, all, Vertical::Up, style.ending)
            })
        },
    ),
    key(
        "edit.join_lines",
        "Join lines",
        "Those of the selection, or the line of a caret with the next.",
        |program, _| change(program, |rope, all, _| lines::join(rope, all)),
    ),
    key("edit.upper_case", "Make capitals", "Of selections, or the word.", |program, _| {
        change(program, |rope, all, _| case::change(rope, all, case::Case::Upper))
    }),
    key("edit.lower_case", "Make small letters", "Of selections, or the word.", |program, _| {
        change(program, |rope, all, _| case::change(rope, all, case::Case::Lower))
    }),
    key("edit.title_case", "Make title case", "Of selections, or the word.", |program, _| {
        change(program, |rope, all, _| case::change(rope, all, case::Case::Title))
    }),
    key("edit.cut", "Cut", "What is selected, or the lines of carets whole.", |program, _| {
        program.cut();
        Ok(Value::Null)
    }),
    look("edit.copy", "Copy", "What is selected, or the lines of carets whole.", |program, _| {
        program.copy();
        Ok(Value::Null)
    }),
    key(
        "edit.paste",
        "Paste",
        "At every cursor; as many lines as cursors are dealt out, whole lines go above.",
        |program, _| {
            program.paste_from(Board::Clipboard);
            Ok(Value::Null)
        },
    ),
];

/// Changes the focused text as one group of undo.
fn change(
    program: &mut Program,
    work: impl FnOnce(&text::Rope, &Selections, Style) -> Transformed,
) -> Result<Value, Fault> {
    with_style(program, Origin::COMMAND, |view, buffer, style| {
        work(buffer.rope(), &view.selections, style)
    })
}

fn with_style(
    program: &mut Program,
    origin: Origin,
    work: impl FnOnce(&EditorView, &Buffer, Style) -> Transformed,
) -> Result<Value, Fault> {
    let id = program.need_active()?.0.buffer;
    let style = program.buffers.get(&id).map(|buffer| program.style(buffer)).unwrap_or_default();
    program.transform(origin, |view, buffer| work(view, buffer, style));
    Ok(Value::Null)
}

fn remove(program: &mut Program, step: Step, motion: Motion) -> Result<Value, Fault> {
    if program.delete_in_input(step) {
        return Ok(Value::Null);
    }
    with_style(program, Origin::DELETING, |view, buffer, _| {
        delete::by(buffer.rope(), &view.selections, motion)
    })
}

fn delete_left(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    if program.delete_in_input(Step::Left) {
        return Ok(Value::Null);
    }
    let closes = program.editor_settings().auto_close;
    with_style(program, Origin::DELETING, |view, buffer, style| {
        let pairs = if closes { pairs_of(buffer) } else { Vec::new() };
        typing::backspace(buffer.rope(), &view.selections, &pairs, style)
    })
}

fn indenting(program: &Program) -> Indent {
    let editor = program.editor_settings();
    match editor.auto_indent {
        true => Indent::AsCode { tab: editor.tab_width },
        false => Indent::Never,
    }
}

fn newline_here(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let indent = indenting(program);
    with_style(program, Origin::TYPING, |view, buffer, style| {
        newline::at(buffer, &view.selections, style, indent)
    })
}

fn newline_below(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let indent = indenting(program);
    with_style(program, Origin::COMMAND, |view, buffer, style| {
        let rope = buffer.rope();
        let end = |one: text::Selection| rope.line_end(rope.line_of(one.head));
        let ends = view.selections.map(|one| text::Selection::caret(end(one)));
        newline::at(buffer, &ends, style, indent)
    })
}

fn tab(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    with_style(program, Origin::TYPING, |view, buffer, style| {
        indent::tab(buffer.rope(), &view.selections, style)
    })
}

/// Comments in the way of the language at the primary caret: a script inside a page has its own.
fn comment_with(
    program: &mut Program,
    toggle: impl FnOnce(&text::Rope, &Selections, Tokens<'_>) -> Transformed,
) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let Comments { line, block } = comments_at(view, buffer);
    if line.is_none() && block.is_none() {
        return Err(Fault::state("This text's language has no comments."));
    }
    let tokens = Tokens { line, block };
    change(program, |rope, all, _| toggle(rope, all, tokens))
}

fn comments_at(view: &EditorView, buffer: &Buffer) -> Comments {
    let rope = buffer.rope();
    let line = rope.line_of(view.selections.primary().head);
    let at = rope.byte_of(text::movement::first_non_blank(rope, line));
    let inner = buffer.syntax.tree().map(|tree| tree.language_at(at));
    let language = inner.as_ref().or(buffer.syntax.language());
    language.map(|language| language.spec().comments).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;

    fn after(marked: &str, keys: &str) -> String {
        let mut stage = Stage::with(marked);
        stage.keys(keys);
        stage.marked()
    }

    #[test]
    fn deletions_take_what_their_keys_say() {
        assert_eq!(after("f(|)", "backspace"), "f|");
        assert_eq!(after("    b\n        |a", "backspace"), "    b\n    |a");
        assert_eq!(after("a|bc", "delete"), "a|c");
        assert_eq!(after("foo bar|", "ctrl-backspace"), "foo |");
        assert_eq!(after("fooBar|", "ctrl-alt-backspace"), "foo|");
        assert_eq!(after("a\nb|\nc", "ctrl-shift-k"), "a\n|c");
    }

    #[test]
    fn lines_move_double_join_and_indent() {
        assert_eq!(after("a\nb|\nc", "alt-up"), "b|\na\nc");
        assert_eq!(after("a|\nb\nc", "alt-down"), "b\na|\nc");
        assert_eq!(after("a|\nb", "ctrl-shift-d"), "a\na|\nb");
        assert_eq!(after("a|\n  b", "ctrl-shift-j"), "a| b");
        assert_eq!(after("a|", "ctrl-]"), "    a|");
        assert_eq!(after("    a|", "shift-tab"), "a|");
        assert_eq!(after("a|", "tab"), "a   |");
    }

    #[test]
    fn comments_are_those_of_the_language_at_the_caret() {
        let mut stage = Stage::with_file("a.rs", "fn f() {\n    g|();\n}\n");
        stage.keys("ctrl-/");
        assert_eq!(stage.marked(), "fn f() {\n    // g|();\n}\n");
        stage.keys("ctrl-/");
        assert_eq!(stage.marked(), "fn f() {\n    g|();\n}\n");
        let mut plain = Stage::with("a|");
        plain.keys("ctrl-/");
        assert_eq!(plain.notices(), ["This text's language has no comments."]);
    }

    #[test]
    fn undo_takes_back_a_word_a_line_break_and_a_command() {
        let mut stage = Stage::with("|");
        stage.keys("o n e enter t w o");
        stage.keys("ctrl-shift-d");
        assert_eq!(stage.marked(), "one\ntwo\ntwo|");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "one\ntwo|");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "one\n|");
        stage.keys("ctrl-shift-z ctrl-y");
        assert_eq!(stage.marked().replace('|', ""), "one\ntwo\ntwo");
    }

    #[test]
    fn keys_of_a_line_that_is_typed_into_leave_the_text_alone() {
        let mut stage = Stage::with("text|");
        stage.keys("ctrl-g 1 2 backspace ctrl-z ctrl-a ctrl-c right 3");
        let typed = stage.program.line_input().unwrap().text().to_owned();
        assert_eq!(typed, "123");
        stage.keys("escape");
        assert_eq!(stage.marked(), "text|");
    }
}
