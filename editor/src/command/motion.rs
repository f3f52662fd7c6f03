//! Moving carets: what `cursor.*` and `select.*` share.

use std::time::{Duration, Instant};

use serde_json::Value;
use syntax::Region;
use text::bidi::Base;
use text::movement::columns::Columns;
use text::movement::vertical::{Vertical, move_all_rows};
use text::movement::{self, Motion};
use text::selection::Movement;
use text::{CharOffset, CharRange, Place, Positions, Rope, Selection};

use crate::buffer::Buffer;
use crate::line_input::Step;
use crate::program::Program;
use crate::registry::Fault;
use crate::view::{EditorView, Follow};

/// Ways for a caret to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// One step to the left, as it is seen.
    Left,
    /// One step to the right, as it is seen.
    Right,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first letter of the row, or from there to its start.
    LineStart,
    /// To the end of the row, or from there to the end of its line.
    LineEnd,
    /// To the start of a word.
    WordLeft,
    /// To the end of a word.
    WordRight,
    /// To the start of a part of a word.
    SubwordLeft,
    /// To the end of a part of a word.
    SubwordRight,
    /// To the start of the text.
    BufferStart,
    /// To the end of the text.
    BufferEnd,
    /// To the blank line before.
    ParagraphUp,
    /// To the blank line after.
    ParagraphDown,
    /// To the bracket that belongs to the one at the caret.
    Bracket,
}

impl Go {
    /// The same in a line that is typed into; `None` where a line has no such way.
    fn in_line(self) -> Option<Step> {
        Some(match self {
            Go::Left => Step::Left,
            Go::Right => Step::Right,
            Go::LineStart | Go::BufferStart => Step::Start,
            Go::LineEnd | Go::BufferEnd => Step::End,
            Go::WordLeft | Go::SubwordLeft => Step::WordLeft,
            Go::WordRight | Go::SubwordRight => Step::WordRight,
            _ => return None,
        })
    }

    /// The motion of the text alone; `None` where it depends on what is shown.
    fn motion(self, base: Base) -> Option<Motion> {
        Some(match self {
            Go::Left => Motion::VisualLeft(base),
            Go::Right => Motion::VisualRight(base),
            Go::WordLeft => Motion::WordStartLeft,
            Go::WordRight => Motion::WordEndRight,
            Go::SubwordLeft => Motion::PartLeft,
            Go::SubwordRight => Motion::PartRight,
            Go::BufferStart => Motion::DocumentStart,
            Go::BufferEnd => Motion::DocumentEnd,
            Go::ParagraphUp => Motion::ParagraphUp,
            Go::ParagraphDown => Motion::ParagraphDown,
            Go::Up | Go::Down | Go::PageUp | Go::PageDown => return None,
            Go::LineStart | Go::LineEnd | Go::Bracket => return None,
        })
    }
}

/// Moves the carets of whatever text has the keyboard.
pub fn go(program: &mut Program, go: Go, movement: Movement) -> Result<Value, Fault> {
    if program.line_input().is_some() {
        if let Some(step) = go.in_line() {
            program.step_input(step, movement);
        }
        return Ok(Value::Null);
    }
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    match go {
        Go::Up => rows(view, Vertical::Up, 1, movement),
        Go::Down => rows(view, Vertical::Down, 1, movement),
        Go::PageUp => page(view, Vertical::Up, movement),
        Go::PageDown => page(view, Vertical::Down, movement),
        Go::LineStart => heads(view, movement, row_start),
        Go::LineEnd => heads(view, movement, row_end),
        Go::Bracket => heads(view, movement, |_, head| bracket(buffer, head.at).into()),
        other => {
            if let Some(motion) = other.motion(buffer.base()) {
                along_text(view, buffer.rope(), motion, movement);
            }
        }
    }
    program.redraw();
    Ok(Value::Null)
}

fn along_text(view: &mut EditorView, rope: &Rope, motion: Motion, movement: Movement) {
    let jumps = matches!(
        motion,
        Motion::DocumentStart | Motion::DocumentEnd | Motion::ParagraphUp | Motion::ParagraphDown
    );
    let folds = view.display.folds().folds();
    let selections = view.selections.map(|one| {
        let moved = movement::move_selection(rope, one, motion, movement);
        match jumps {
            true => moved,
            false => past_folds(folds, one, moved, movement),
        }
    });
    view.select(selections, Follow::Caret);
}

/// A step that ends in folded text goes on to its other edge.
fn past_folds(
    folds: &[CharRange],
    before: Selection,
    moved: Selection,
    movement: Movement,
) -> Selection {
    let hides = |fold: &&CharRange| fold.start < moved.head && moved.head < fold.end;
    match folds.iter().find(hides) {
        None => moved,
        Some(fold) if moved.head >= before.head => before.moved(fold.end, movement),
        Some(fold) => before.moved(fold.start, movement),
    }
}

fn rows(view: &mut EditorView, direction: Vertical, rows: usize, movement: Movement) {
    let columns: &EditorView = view;
    let selections = move_all_rows(columns, &view.selections, direction, rows, movement);
    view.select(selections, Follow::Caret);
}

/// What is seen goes along, so that the caret stays where it is on the screen.
fn page(view: &mut EditorView, direction: Vertical, movement: Movement) {
    let count = view.page();
    let by = match direction {
        Vertical::Up => -(count as f64),
        Vertical::Down => count as f64,
    };
    view.scroll_by(by, 0.0);
    rows(view, direction, count, movement);
}

/// Moves each head to where `target` says.
fn heads(view: &mut EditorView, movement: Movement, target: impl Fn(&EditorView, Place) -> Place) {
    let shown: &EditorView = view;
    let selections = view.selections.map(|one| one.moved(target(shown, one.place()), movement));
    view.select(selections, Follow::Caret);
}

fn row_start(view: &EditorView, head: Place) -> Place {
    let rope = view.display.rope();
    let start = view.place(view.row(head), 0.0);
    let line = rope.line_of(start.at);
    if start.at != rope.line_start(line) && head != start {
        // The row goes on with a line that began above.
        return start;
    }
    let place = match movement::first_non_blank(rope, line) {
        text if text == head.at => rope.line_start(line),
        text => text,
    };
    place.into()
}

fn row_end(view: &EditorView, head: Place) -> Place {
    let rope = view.display.rope();
    let line_end = || rope.line_end(rope.line_of(head.at)).into();
    if view.display.wrap_width().is_none() && view.display.folds().folds().is_empty() {
        return line_end();
    }
    match view.place(view.row(head), f32::INFINITY) {
        end if end.at == head.at => line_end(),
        end => end,
    }
}

/// The bracket that belongs to the one at a caret; from elsewhere, the end of those around it.
fn bracket(buffer: &Buffer, at: CharOffset) -> CharOffset {
    let rope = buffer.rope();
    if let Some(pair) = buffer.syntax.matching_bracket(rope, at) {
        let is_at_open = pair.open.start <= at && at <= pair.open.end;
        return match is_at_open && at != pair.close.start {
            true => pair.close.start,
            false => pair.open.start,
        };
    }
    let is_code = code_of(buffer);
    match text::bracket::enclosing(rope, CharRange::at(at), &is_code) {
        Some(pair) => pair.close,
        None => at,
    }
}

/// How long strings and comments are told from code before all of it counts as code.
const LOOK_TIME_MAX: Duration = Duration::from_millis(4);

/// Whether a character is code, neither string nor comment, as far as that is known in time.
pub fn code_of(buffer: &Buffer) -> impl Fn(CharOffset) -> bool + '_ {
    let until = Instant::now() + LOOK_TIME_MAX;
    move |at| Instant::now() >= until || buffer.region(at) == Region::Code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;
    use text::edit::Bias;

    fn after(marked: &str, keys: &str) -> String {
        let mut stage = Stage::with(marked);
        stage.keys(keys);
        stage.marked()
    }

    #[test]
    fn carets_move_by_characters_words_and_lines() {
        assert_eq!(after("a|b", "right"), "ab|");
        assert_eq!(after("«foo|» bar", "left"), "|foo bar");
        assert_eq!(after("|foo bar", "ctrl-right ctrl-right"), "foo bar|");
        assert_eq!(after("foo bar|", "ctrl-left shift-home"), "«|foo »bar");
        assert_eq!(after("fooBar|", "ctrl-alt-left"), "foo|Bar");
        assert_eq!(after("  a|b", "home"), "  |ab");
        assert_eq!(after("  a|b", "home home"), "|  ab");
        assert_eq!(after("a|b\ncd", "ctrl-end"), "ab\ncd|");
        assert_eq!(after("long line\nx\nlong| line", "up up"), "long| line\nx\nlong line");
    }

    #[test]
    fn the_left_arrow_goes_forward_in_an_arabic_line() {
        assert_eq!(after("|كل", "left"), "ك|ل");
    }

    #[test]
    fn home_and_end_stop_at_the_edge_of_a_wrapped_row() {
        let mut stage = Stage::with("aaaa bbbb cc|cc dddd");
        let (view, _) = stage.program.active().unwrap();
        view.display.set_wrap(Some(10));
        view.display.measure(usize::MAX);
        stage.keys("home");
        assert_eq!(stage.marked(), "aaaa bbbb |cccc dddd");
        stage.keys("home");
        assert_eq!(stage.marked(), "|aaaa bbbb cccc dddd");
        stage.keys("end end");
        assert_eq!(stage.marked(), "aaaa bbbb cccc dddd|");
    }

    #[test]
    fn the_end_of_a_row_and_the_start_of_the_next_are_one_offset_and_two_places() {
        let mut stage = Stage::with("|aaaa bbbb cccc dddd eeee");
        let (view, _) = stage.program.active().unwrap();
        view.display.set_wrap(Some(10));
        view.display.measure(usize::MAX);
        let shown = |stage: &mut Stage| {
            let (view, _) = stage.program.active().unwrap();
            let point = view.display.to_display(view.selections.primary().place(), Bias::Before);
            (point.row.0, point.column)
        };
        stage.keys("end");
        assert_eq!(
            (stage.marked().as_str(), shown(&mut stage)),
            ("aaaa bbbb |cccc dddd eeee", (0, 10))
        );
        stage.keys("home");
        assert_eq!(stage.marked(), "|aaaa bbbb cccc dddd eeee", "of its own row");
        stage.keys("end down");
        assert_eq!(
            (stage.marked().as_str(), shown(&mut stage)),
            ("aaaa bbbb cccc dddd |eeee", (1, 10))
        );
        stage.keys("down");
        assert_eq!(shown(&mut stage), (2, 4));
        stage.keys("up up");
        assert_eq!(shown(&mut stage), (0, 10), "the column is kept");
        stage.keys("end");
        assert_eq!(stage.marked(), "aaaa bbbb cccc dddd eeee|", "again goes to the line's end");
        stage.keys("home");
        assert_eq!(
            (stage.marked().as_str(), shown(&mut stage)),
            ("aaaa bbbb cccc dddd |eeee", (2, 0))
        );
        stage.keys("up end shift-down");
        assert_eq!(stage.marked(), "aaaa bbbb cccc dddd «eeee|»");
        stage.keys("left end x");
        assert_eq!(stage.marked(), "aaaa bbbb cccc dddd eeeex|");
    }

    #[test]
    fn an_arrow_passes_over_what_is_folded() {
        let mut stage = Stage::with("a|\n  b\n  c\nd");
        stage.keys("ctrl-shift-[ right");
        assert_eq!(stage.marked(), "a\n  b\n  c|\nd");
        assert_eq!(stage.program.view().unwrap().display.folds().folds().len(), 1);
        stage.keys("left");
        assert_eq!(stage.marked(), "a|\n  b\n  c\nd");
    }

    #[test]
    fn the_caret_jumps_between_brackets_and_not_into_strings() {
        let mut stage = Stage::with_file("a.rs", "fn f() |{ let s = \"}\"; }\n");
        stage.keys("ctrl-shift-\\");
        assert_eq!(stage.marked(), "fn f() { let s = \"}\"; |}\n");
        stage.keys("ctrl-shift-\\");
        assert_eq!(stage.marked(), "fn f() |{ let s = \"}\"; }\n");
    }

    #[test]
    fn a_page_keeps_the_caret_where_it_is_on_the_screen() {
        let text: String = (0..200).map(|line| format!("{line}\n")).collect();
        let mut stage = Stage::with(&format!("|{text}"));
        let page = stage.program.view().unwrap().page();
        stage.keys("down down pagedown");
        let (view, buffer) = stage.program.active().unwrap();
        assert_eq!(buffer.rope().line_of(view.selections.primary().head).0, page + 2);
        assert_eq!(view.scroll.row, page as f64);
        stage.keys("pageup");
        assert_eq!(stage.program.view().unwrap().scroll.row, 0.0);
    }
}
