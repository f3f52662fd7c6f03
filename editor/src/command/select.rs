//! Selections that grow, shrink and multiply.

use serde_json::Value;
use text::display::{DisplayPoint, Row};
use text::edit::Bias;
use text::movement::expand::{self, Part};
use text::movement::vertical::Vertical;
use text::movement::{is_blank, multiply};
use text::selection::Movement::Extend;
use text::{CharRange, Positions, Rope, Selection, Selections};

use super::describe::look;
use super::motion::{Go, code_of, go};
use super::occurrence::{self, More};
use crate::buffer::Buffer;
use crate::program::Program;
use crate::registry::{Command, Fault};
use crate::view::{EditorView, Follow};

/// What selects.
pub const COMMANDS: &[Command] = &[
    look("select.left", "Extend to the left", "One character to the left.", |program, _| {
        go(program, Go::Left, Extend)
    }),
    look("select.right", "Extend to the right", "One character to the right.", |program, _| {
        go(program, Go::Right, Extend)
    }),
    look("select.up", "Extend up", "One row up.", |program, _| go(program, Go::Up, Extend)),
    look("select.down", "Extend down", "One row down.", |program, _| go(program, Go::Down, Extend)),
    look("select.page_up", "Extend a page up", "As many rows as are seen.", |program, _| {
        go(program, Go::PageUp, Extend)
    }),
    look("select.page_down", "Extend a page down", "As many rows as are seen.", |program, _| {
        go(program, Go::PageDown, Extend)
    }),
    look(
        "select.line_start",
        "Extend to the start of the line",
        "To the first letter of the row; from there to the start of the line.",
        |program, _| go(program, Go::LineStart, Extend),
    ),
    look(
        "select.line_end",
        "Extend to the end of the line",
        "To the end of the row; from there to the end of the line.",
        |program, _| go(program, Go::LineEnd, Extend),
    ),
    look("select.word_left", "Extend a word to the left", "To its start.", |program, _| {
        go(program, Go::WordLeft, Extend)
    }),
    look("select.word_right", "Extend a word to the right", "To its end.", |program, _| {
        go(program, Go::WordRight, Extend)
    }),
    look(
        "select.subword_left",
        "Extend a part of a word to the left",
        "To the start of the part before: camel|Case, snake_|case.",
        |program, _| go(program, Go::SubwordLeft, Extend),
    ),
    look(
        "select.subword_right",
        "Extend a part of a word to the right",
        "To the end of the part after: camel|Case, snake|_case.",
        |program, _| go(program, Go::SubwordRight, Extend),
    ),
    look(
        "select.buffer_start",
        "Extend to the start of the text",
        "To the first character.",
        |program, _| go(program, Go::BufferStart, Extend),
    ),
    look(
        "select.buffer_end",
        "Extend to the end of the text",
        "Behind the last character.",
        |program, _| go(program, Go::BufferEnd, Extend),
    ),
    look(
        "select.paragraph_up",
        "Extend a paragraph up",
        "To the blank line before.",
        |program, _| go(program, Go::ParagraphUp, Extend),
    ),
    look(
        "select.paragraph_down",
        "Extend a paragraph down",
        "To the blank line after.",
        |program, _| go(program, Go::ParagraphDown, Extend),
    ),
    look("select.all", "Select all", "The whole text that has the keyboard.", all),
    look("select.line", "Select the line", "Whole lines; again takes one more.", |program, _| {
        each(program, |rope, _, one| expand::lines(rope, one))
    }),
    look("select.word", "Select the word", "The word at each caret.", |program, _| {
        each(program, |rope, _, one| expand::word(rope, one))
    }),
    look(
        "select.paragraph",
        "Select the paragraph",
        "The lines around each caret up to the next blank ones.",
        |program, _| each(program, |rope, _, one| paragraph(rope, one)),
    ),
    look(
        "select.bracket",
        "Select to the brackets",
        "The innermost brackets around each caret, with what they hold; again takes the next ones.",
        |program, _| {
            each(program, |rope, buffer, one| {
                let is_code = code_of(buffer);
                expand::brackets(rope, one, Part::Around, &is_code).unwrap_or(one)
            })
        },
    ),
    look(
        "select.expand",
        "Expand the selection",
        "To the word, then to each larger piece of code around it.",
        |program, _| grow(program),
    ),
    look(
        "select.shrink",
        "Shrink the selection",
        "Takes the last expansion back.",
        |program, _| shrink(program),
    ),
    look(
        "select.next_match",
        "Select the next match too",
        "Of the selection, or of the word at the caret, which is selected first.",
        |program, _| occurrence::select(program, More::Next).map(|()| Value::Null),
    ),
    look(
        "select.skip_match",
        "Select the next match instead",
        "The newest selection is given up for the match after it.",
        |program, _| occurrence::select(program, More::Instead).map(|()| Value::Null),
    ),
    look(
        "select.all_matches",
        "Select all matches",
        "Of the find bar where it has the keyboard, else of the selection or the word.",
        all_matches,
    ),
    look(
        "select.add_above",
        "Add a cursor above",
        "In the row above the first one, at the same column.",
        |program, _| add(program, Vertical::Up),
    ),
    look(
        "select.add_below",
        "Add a cursor below",
        "In the row below the last one, at the same column.",
        |program, _| add(program, Vertical::Down),
    ),
    look(
        "select.split_lines",
        "Split the selection into lines",
        "One selection for each line that is covered.",
        |program, _| {
            let (view, buffer) = program.need_active()?;
            let split = multiply::split_into_lines(buffer.rope(), &view.selections);
            set(program, split)
        },
    ),
    look("select.column_left", "Extend the column to the left", "One column.", |program, _| {
        column(program, 0, -1)
    }),
    look("select.column_right", "Extend the column to the right", "One column.", |program, _| {
        column(program, 0, 1)
    }),
    look("select.column_up", "Extend the column up", "One row.", |program, _| {
        column(program, -1, 0)
    }),
    look("select.column_down", "Extend the column down", "One row.", |program, _| {
        column(program, 1, 0)
    }),
    look(
        "select.single",
        "Give up what is extra",
        "All cursors but one; else the notifications; else the find bar; else the selection.",
        single,
    ),
];

type Arguments = crate::registry::Arguments;

/// Shows selections that a command worked out.
fn set(program: &mut Program, selections: Selections) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    view.select(selections, Follow::Caret);
    program.redraw();
    Ok(Value::Null)
}

fn each(
    program: &mut Program,
    change: impl Fn(&Rope, &Buffer, Selection) -> Selection,
) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let changed = view.selections.map(|one| change(buffer.rope(), buffer, one));
    set(program, changed)
}

fn all(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    if let Some(input) = program.line_input() {
        input.select_all();
        program.redraw();
        return Ok(Value::Null);
    }
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    // What is seen stays: nobody wants to be taken to the end for it.
    view.select(expand::all(buffer.rope()), Follow::Nothing);
    program.redraw();
    Ok(Value::Null)
}

fn paragraph(rope: &Rope, one: Selection) -> Selection {
    let line = rope.line_of(one.head);
    let is_like = |other: text::Line| is_blank(rope, other) == is_blank(rope, line);
    let (mut first, mut last) = (line, line);
    while first.0 > 0 && is_like(first - 1) {
        first = first - 1;
    }
    while last < rope.last_line() && is_like(last + 1) {
        last = last + 1;
    }
    Selection::new(rope.line_start(first), rope.line_start(last + 1))
}

fn grow(program: &mut Program) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let before = view.selections.clone();
    let grown = before.map(|one| grown(buffer, one));
    if grown == before {
        return Ok(Value::Null);
    }
    buffer.document.seal_group();
    let mut expanded = std::mem::take(&mut view.expanded);
    expanded.push(before);
    view.select(grown, Follow::Nothing);
    view.expanded = expanded;
    program.redraw();
    Ok(Value::Null)
}

/// One step larger: from a caret the word, then node after node of the tree.
fn grown(buffer: &Buffer, one: Selection) -> Selection {
    let (rope, range) = (buffer.rope(), one.range());
    let node = buffer.syntax.tree().and_then(|tree| tree.expand(rope, range));
    let Some(node) = node else {
        let is_code = code_of(buffer);
        return expand::grow(rope, one, &is_code);
    };
    let word = text::word::word_at(rope, one.head)
        .filter(|word| one.is_caret() && node.start <= word.start && word.end <= node.end);
    let larger: CharRange = word.unwrap_or(node);
    match one.head < one.anchor {
        true => Selection::new(larger.end, larger.start),
        false => Selection::new(larger.start, larger.end),
    }
}

fn shrink(program: &mut Program) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    let mut expanded = std::mem::take(&mut view.expanded);
    if let Some(before) = expanded.pop() {
        view.select(before, Follow::Nothing);
        view.expanded = expanded;
        program.redraw();
        return Ok(Value::Null);
    }
    let (rope, tree) = (buffer.rope(), buffer.syntax.tree());
    let shrunk = view.selections.map(|one| {
        let inner = tree.and_then(|tree| tree.shrink(rope, one.range(), one.range().start));
        inner.map_or(Selection::caret(one.head), |inner| Selection::new(inner.start, inner.end))
    });
    view.select(shrunk, Follow::Nothing);
    program.redraw();
    Ok(Value::Null)
}

fn all_matches(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    if program.window.find_focus.is_some() {
        program.select_matches();
        return Ok(Value::Null);
    }
    occurrence::select(program, More::All).map(|()| Value::Null)
}

fn add(program: &mut Program, to: Vertical) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    let columns: &EditorView = view;
    let added = multiply::add_caret(columns, &view.selections, to);
    set(program, added)
}

/// Moves the free corner of a rectangle of columns; the first step begins one at the caret.
fn column(program: &mut Program, rows: isize, columns: isize) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    let (anchor, head) = view.column_block.unwrap_or_else(|| {
        let primary = view.selections.primary();
        let place = |at: text::Place| view.display.to_display(at, Bias::Before);
        (place(primary.anchor.into()), place(primary.place()))
    });
    let last = view.display.last_row().0;
    let head = DisplayPoint {
        row: Row(head.row.0.saturating_add_signed(rows).min(last)),
        column: head.column.saturating_add_signed(columns),
    };
    let corner = |point: DisplayPoint| (point.row.0, point.column as f32);
    let shown: &EditorView = view;
    let block = multiply::block(shown, corner(anchor), corner(head));
    view.select(block, Follow::Caret);
    view.column_block = Some((anchor, head));
    program.redraw();
    Ok(Value::Null)
}

fn single(program: &mut Program, _: &Arguments) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    if view.selections.len() > 1 {
        let one = view.selections.only_primary();
        return set(program, one);
    }
    if program.notices.dismiss_all() {
        program.redraw();
        return Ok(Value::Null);
    }
    let (view, _) = program.need_active()?;
    if view.find.is_some() {
        program.close_find();
        return Ok(Value::Null);
    }
    let head = view.selections.primary().head;
    set(program, Selections::single(Selection::caret(head)))
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
    fn lines_and_everything_are_selected() {
        assert_eq!(after("a\nb|c\nd", "ctrl-l"), "a\n«bc\n|»d");
        assert_eq!(after("a\nb|c\nd", "ctrl-a"), "«a\nbc\nd|»");
    }

    #[test]
    fn a_selection_grows_along_the_tree_and_shrinks_back() {
        let mut stage = Stage::with_file("a.rs", "fn f() { g(on|e, two); }\n");
        stage.keys("alt-shift-right");
        assert_eq!(stage.marked(), "fn f() { g(«one|», two); }\n");
        stage.keys("alt-shift-right");
        assert_eq!(stage.marked(), "fn f() { g«(one, two)|»; }\n");
        stage.keys("alt-shift-left alt-shift-left");
        assert_eq!(stage.marked(), "fn f() { g(on|e, two); }\n");
    }

    #[test]
    fn columns_grow_by_keys_over_short_lines() {
        let keys = "ctrl-alt-shift-down ctrl-alt-shift-down ctrl-alt-shift-right";
        assert_eq!(after("a|bc\nd\nefg", keys), "a«b|»c\nd\ne«f|»g");
    }

    #[test]
    fn cursors_are_added_and_given_up() {
        let mut stage = Stage::with("a|b\ncd\nef");
        stage.keys("alt-shift-down alt-shift-down");
        assert_eq!(stage.marked(), "a|b\nc|d\ne|f");
        stage.keys("escape");
        assert_eq!(stage.marked().matches('|').count(), 1);
    }

    #[test]
    fn escape_dismisses_what_was_said_before_it_unselects() {
        let mut stage = Stage::with("«ab|»");
        stage.program.warn("Something.");
        stage.keys("escape");
        assert_eq!(stage.marked(), "«ab|»");
        assert!(stage.notices().is_empty());
        stage.keys("escape");
        assert_eq!(stage.marked(), "ab|");
    }

    #[test]
    fn paragraphs_are_selected_with_their_last_line_break() {
        let mut stage = Stage::with("a\n\nb|\nc\n\nd");
        stage.run("select.paragraph", serde_json::Value::Null).unwrap();
        assert_eq!(stage.marked(), "a\n\n«b\nc\n|»\nd");
    }
}
