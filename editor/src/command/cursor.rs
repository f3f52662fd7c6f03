//! Carets that move.

use text::selection::Movement::Move;

use super::describe::look;
use super::motion::{Go, go};
use crate::registry::Command;

/// What moves carets.
pub const COMMANDS: &[Command] = &[
    look("cursor.left", "Move left", "One character to the left, as it is seen.", |program, _| {
        go(program, Go::Left, Move)
    }),
    look(
        "cursor.right",
        "Move right",
        "One character to the right, as it is seen.",
        |program, _| go(program, Go::Right, Move),
    ),
    look("cursor.up", "Move up", "One row up.", |program, _| go(program, Go::Up, Move)),
    look("cursor.down", "Move down", "One row down.", |program, _| go(program, Go::Down, Move)),
    look("cursor.page_up", "Move a page up", "As many rows up as are seen.", |program, _| {
        go(program, Go::PageUp, Move)
    }),
    look("cursor.page_down", "Move a page down", "As many rows down as are seen.", |program, _| {
        go(program, Go::PageDown, Move)
    }),
    look(
        "cursor.line_start",
        "Move to the start of the line",
        "To the first letter of the row; from there to the start of the line.",
        |program, _| go(program, Go::LineStart, Move),
    ),
    look(
        "cursor.line_end",
        "Move to the end of the line",
        "To the end of the row; from there to the end of the line.",
        |program, _| go(program, Go::LineEnd, Move),
    ),
    look(
        "cursor.word_left",
        "Move a word to the left",
        "To the start of the word before.",
        |program, _| go(program, Go::WordLeft, Move),
    ),
    look(
        "cursor.word_right",
        "Move a word to the right",
        "To the end of the word after.",
        |program, _| go(program, Go::WordRight, Move),
    ),
    look(
        "cursor.subword_left",
        "Move a part of a word to the left",
        "To the start of the part before: camel|Case, snake_|case.",
        |program, _| go(program, Go::SubwordLeft, Move),
    ),
    look(
        "cursor.subword_right",
        "Move a part of a word to the right",
        "To the end of the part after: camel|Case, snake|_case.",
        |program, _| go(program, Go::SubwordRight, Move),
    ),
    look(
        "cursor.buffer_start",
        "Move to the start of the text",
        "To the first character.",
        |program, _| go(program, Go::BufferStart, Move),
    ),
    look(
        "cursor.buffer_end",
        "Move to the end of the text",
        "Behind the last character.",
        |program, _| go(program, Go::BufferEnd, Move),
    ),
    look(
        "cursor.paragraph_up",
        "Move a paragraph up",
        "To the blank line before.",
        |program, _| go(program, Go::ParagraphUp, Move),
    ),
    look(
        "cursor.paragraph_down",
        "Move a paragraph down",
        "To the blank line after.",
        |program, _| go(program, Go::ParagraphDown, Move),
    ),
    look(
        "cursor.bracket",
        "Move to the matching bracket",
        "To the bracket that belongs to the one at the caret; from elsewhere, to the end of those \
         around it.",
        |program, _| go(program, Go::Bracket, Move),
    ),
];
