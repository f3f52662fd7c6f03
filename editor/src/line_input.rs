//! One line of text that a person types: palette, prompts, find and replace.

use text::Rope;
use text::grapheme;
use text::{CharOffset, Positions};

/// A line with a caret and a selection, both on grapheme boundaries.
#[derive(Clone, Debug, Default)]
pub struct LineInput {
    text: String,
    /// Byte offsets into `text`.
    anchor: usize,
    head: usize,
    preedit: Option<Preedit>,
    /// What it was before each edit that can be taken back, newest last.
    undone: Vec<Before>,
    redone: Vec<Before>,
    /// Whether the last edit was typing, which the next letter goes on with.
    is_typing: bool,
}

/// A line as it was: text, anchor, head.
type Before = (String, usize, usize);

/// Edits of a line that can be taken back.
const UNDO_MAX: usize = 200;

/// What an input method shows before it commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preedit {
    /// The text.
    pub text: String,
    /// Where its caret stands, in bytes of `text`.
    pub cursor: usize,
}

/// A movement or a deletion by the same steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One grapheme back.
    Left,
    /// One grapheme on.
    Right,
    /// To the start of a word.
    WordLeft,
    /// To the end of a word.
    WordRight,
    /// To the start of the line.
    Start,
    /// To its end.
    End,
}

impl LineInput {
    /// A line with its text selected, so that typing replaces it.
    pub fn selected(text: impl Into<String>) -> Self {
        let text = text.into();
        LineInput { anchor: 0, head: text.len(), text, ..LineInput::default() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is shown: the text with what an input method is composing, and the caret's byte in it.
    pub fn shown(&self) -> (String, usize) {
        match &self.preedit {
            None => (self.text.clone(), self.head),
            Some(preedit) => {
                let mut shown = self.text.clone();
                shown.insert_str(self.head, &preedit.text);
                (shown, self.head + preedit.cursor)
            }
        }
    }

    /// The selected bytes.
    pub fn selection(&self) -> std::ops::Range<usize> {
        self.anchor.min(self.head)..self.anchor.max(self.head)
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the selection; line ends become spaces.
    pub fn insert(&mut self, typed: &str) {
        let flat = typed.replace("\r\n", " ").replace(['\n', '\r'], " ");
        let range = self.selection();
        self.preedit = None;
        if range.is_empty() && flat.is_empty() {
            return;
        }
        let is_typing = range.is_empty() && !flat.contains(char::is_whitespace);
        if !(is_typing && self.is_typing) {
            self.undone.push((self.text.clone(), self.anchor, self.head));
            let excess = self.undone.len().saturating_sub(UNDO_MAX);
            self.undone.drain(..excess);
        }
        self.is_typing = is_typing;
        self.redone.clear();
        self.text.replace_range(range.clone(), &flat);
        self.head = range.start + flat.len();
        self.anchor = self.head;
    }

    /// Takes the last edit back; answers whether there was one.
    pub fn undo(&mut self) -> bool {
        let before = self.undone.pop();
        before.is_some_and(|before| {
            let after = self.take(before);
            self.redone.push(after);
            true
        })
    }

    /// Brings back what was taken back last; answers whether there was anything.
    pub fn redo(&mut self) -> bool {
        let after = self.redone.pop();
        after.is_some_and(|after| {
            let before = self.take(after);
            self.undone.push(before);
            true
        })
    }

    fn take(&mut self, state: Before) -> Before {
        let now = (std::mem::replace(&mut self.text, state.0), self.anchor, self.head);
        (self.anchor, self.head) = (state.1, state.2);
        self.preedit = None;
        self.is_typing = false;
        now
    }

    /// Replaces everything.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = LineInput::selected(text);
        self.anchor = self.head;
    }

    /// Shows what an input method is composing; an empty text ends it.
    pub fn compose(&mut self, text: &str, cursor: usize) {
        let cursor =
            (0..=cursor.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.preedit = (!text.is_empty()).then(|| Preedit { text: text.to_owned(), cursor });
    }

    /// Moves the caret.
    pub fn step(&mut self, step: Step, movement: text::selection::Movement) {
        self.is_typing = false;
        let selection = self.selection();
        let collapses = movement == text::selection::Movement::Move && !selection.is_empty();
        self.head = match step {
            Step::Left if collapses => selection.start,
            Step::Right if collapses => selection.end,
            _ => self.target(step),
        };
        if movement == text::selection::Movement::Move {
            self.anchor = self.head;
        }
    }

    /// Puts the caret at a byte.
    pub fn place(&mut self, byte: usize) {
        self.is_typing = false;
        self.head = self.text.floor_char_boundary(byte);
        self.anchor = self.head;
    }

    /// Selects from one byte to another, where the caret is.
    pub fn select(&mut self, anchor: usize, head: usize) {
        self.is_typing = false;
        self.anchor = self.text.floor_char_boundary(anchor);
        self.head = self.text.floor_char_boundary(head);
    }

    /// Where the selection started, and where the caret is, in bytes.
    pub fn ends(&self) -> (usize, usize) {
        (self.anchor, self.head)
    }

    /// Whether an input method is composing.
    pub fn is_composing(&self) -> bool {
        self.preedit.is_some()
    }

    /// Deletes the selection, or what a step passes over.
    pub fn delete(&mut self, step: Step) {
        if self.selection().is_empty() {
            self.head = self.target(step);
        }
        self.insert("");
    }

    /// Selects everything.
    pub fn select_all(&mut self) {
        self.anchor = 0;
        self.head = self.text.len();
    }

    fn target(&self, step: Step) -> usize {
        let rope = Rope::from_str(&self.text);
        let at = rope.char_of_byte(text::ByteOffset(self.head));
        let to = match step {
            Step::Left => grapheme::previous(&rope, at),
            Step::Right => grapheme::next(&rope, at),
            Step::WordLeft => text::word::previous_start(&rope, at),
            Step::WordRight => text::word::next_end(&rope, at),
            Step::Start => CharOffset(0),
            Step::End => rope.end(),
        };
        rope.byte_of(to).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use text::selection::Movement;

    #[test]
    fn typing_replaces_the_selection_and_never_breaks_the_line() {
        let mut input = LineInput::selected("old");
        input.insert("a\nb");
        assert_eq!(input.text(), "a b");
        input.step(Step::Left, Movement::Extend);
        input.insert("c");
        assert_eq!(input.text(), "a c");
    }

    #[test]
    fn a_word_is_taken_back_at_once_and_comes_back() {
        let mut input = LineInput::selected("old");
        for typed in ["a", "b", " ", "c"] {
            input.insert(typed);
        }
        let mut seen = Vec::new();
        while input.undo() {
            seen.push(input.text().to_owned());
        }
        assert_eq!(seen, ["ab ", "ab", "a", "old"]);
        while input.redo() {}
        assert_eq!(input.text(), "ab c");
        input.delete(Step::Left);
        assert!(!input.redo(), "an edit ends what could be brought back");
    }

    #[test]
    fn a_family_of_emoji_is_one_step() {
        let mut input = LineInput::default();
        input.insert("a👨‍👩‍👧");
        input.delete(Step::Left);
        assert_eq!(input.text(), "a");
    }

    #[test]
    fn what_is_composed_is_shown_but_not_part_of_the_text() {
        let mut input = LineInput::default();
        input.insert("ab");
        input.compose("に", 99);
        assert_eq!(input.shown(), ("abに".to_owned(), 5));
        assert_eq!(input.text(), "ab");
        input.insert("日");
        assert_eq!(input.shown(), ("ab日".to_owned(), 5));
    }
}
