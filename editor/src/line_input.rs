//! One line of text that a person types: palette, prompts, find and replace.

use std::ops::{Deref, DerefMut, Range};

use text::Rope;
use text::grapheme;
use text::{CharOffset, Positions};
use zeroize::Zeroize;

/// A line with a caret and a selection, both on grapheme boundaries.
#[derive(Clone, Default)]
pub struct LineInput {
    text: Typed,
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

/// What was typed.
#[derive(Clone, Default)]
struct Typed {
    text: String,
    secrecy: Secrecy,
}

/// Whether what is typed may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Secrecy {
    /// It may.
    #[default]
    Plain,
    /// Each character is a dot, nothing of it is copied, and it is wiped when it goes.
    Secret,
}

/// What a secret character is shown as.
const DOT: char = '•';

/// Bytes of a secret, all of them reserved: one that grew would leave copies behind.
const SECRET_MAX: usize = kernel::keys::Passphrase::BYTES_MAX;

impl Deref for Typed {
    type Target = String;

    fn deref(&self) -> &String {
        &self.text
    }
}

impl DerefMut for Typed {
    fn deref_mut(&mut self) -> &mut String {
        &mut self.text
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        if self.secrecy == Secrecy::Secret {
            self.text.zeroize();
        }
    }
}

impl From<String> for Typed {
    fn from(text: String) -> Self {
        Typed { text, secrecy: Secrecy::Plain }
    }
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
        LineInput { anchor: 0, head: text.len(), text: text.into(), ..LineInput::default() }
    }

    /// An empty line for a passphrase.
    pub fn secret() -> Self {
        let text = Typed { text: String::with_capacity(SECRET_MAX), secrecy: Secrecy::Secret };
        LineInput { text, ..LineInput::default() }
    }

    /// Whether it is for a passphrase.
    pub fn is_secret(&self) -> bool {
        self.text.secrecy == Secrecy::Secret
    }

    /// Forgets a secret, and leaves nothing of it in memory.
    pub fn wipe(&mut self) {
        self.text.zeroize();
        (self.anchor, self.head) = (0, 0);
    }

    /// The line as it may be seen: of a secret dots alone.
    pub fn veiled(&self) -> LineInput {
        if !self.is_secret() {
            return self.clone();
        }
        let dots = |bytes: usize| self.text[..bytes].chars().count() * DOT.len_utf8();
        let text: String = self.text.chars().map(|_| DOT).collect();
        LineInput {
            text: text.into(),
            anchor: dots(self.anchor),
            head: dots(self.head),
            ..LineInput::default()
        }
    }

    /// The byte that a byte of what may be seen stands for.
    fn unveiled(&self, byte: usize) -> usize {
        match self.text.secrecy {
            Secrecy::Plain => self.text.floor_char_boundary(byte),
            Secrecy::Secret => {
                let mut bytes = self.text.char_indices().map(|(byte, _)| byte);
                bytes.nth(byte / DOT.len_utf8()).unwrap_or(self.text.len())
            }
        }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is shown: the text with what an input method is composing, and the caret's byte in it.
    pub fn shown(&self) -> (String, usize) {
        if self.is_secret() {
            let veiled = self.veiled();
            return (veiled.text.text.clone(), veiled.head);
        }
        match &self.preedit {
            None => (self.text.text.clone(), self.head),
            Some(preedit) => {
                let mut shown = self.text.text.clone();
                shown.insert_str(self.head, &preedit.text);
                (shown, self.head + preedit.cursor)
            }
        }
    }

    /// The selected bytes.
    pub fn selection(&self) -> Range<usize> {
        self.anchor.min(self.head)..self.anchor.max(self.head)
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the selection; line ends become spaces.
    pub fn insert(&mut self, typed: &str) {
        if self.is_secret() {
            return self.insert_secret(typed);
        }
        let flat = typed.replace("\r\n", " ").replace(['\n', '\r'], " ");
        let range = self.selection();
        self.preedit = None;
        if range.is_empty() && flat.is_empty() {
            return;
        }
        let is_typing = range.is_empty() && !flat.contains(char::is_whitespace);
        if !(is_typing && self.is_typing) {
            self.undone.push((self.text.text.clone(), self.anchor, self.head));
            let excess = self.undone.len().saturating_sub(UNDO_MAX);
            self.undone.drain(..excess);
        }
        self.is_typing = is_typing;
        self.redone.clear();
        self.text.replace_range(range.clone(), &flat);
        self.head = range.start + flat.len();
        self.anchor = self.head;
    }

    /// A secret has no history, and is never longer than what was reserved for it.
    fn insert_secret(&mut self, typed: &str) {
        let range = self.selection();
        let typed = typed.trim_end_matches(['\n', '\r']);
        if self.text.len() - range.len() + typed.len() > SECRET_MAX {
            return;
        }
        self.text.drain(range.clone());
        self.text.insert_str(range.start, typed);
        self.head = range.start + typed.len();
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
        let text = std::mem::replace(&mut self.text.text, state.0);
        let now = (text, self.anchor, self.head);
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

    /// Shows what an input method is composing; an empty text ends it. Of a secret that is not
    /// shown either.
    pub fn compose(&mut self, text: &str, cursor: usize) {
        if self.is_secret() {
            return;
        }
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

    /// Puts the caret at a byte of what may be seen.
    pub fn place(&mut self, byte: usize) {
        self.is_typing = false;
        self.head = self.unveiled(byte);
        self.anchor = self.head;
    }

    /// Selects from one byte of what may be seen to another, where the caret is.
    pub fn select(&mut self, anchor: usize, head: usize) {
        self.is_typing = false;
        self.anchor = self.unveiled(anchor);
        self.head = self.unveiled(head);
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
        if self.is_secret() {
            return self.secret_target(step);
        }
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

impl LineInput {
    /// Where words begin in a secret is nobody's business.
    fn secret_target(&self, step: Step) -> usize {
        let before = self.text[..self.head].chars().next_back().map_or(0, char::len_utf8);
        let after = self.text[self.head..].chars().next().map_or(0, char::len_utf8);
        match step {
            Step::Left => self.head - before,
            Step::Right => self.head + after,
            Step::WordLeft | Step::Start => 0,
            Step::WordRight | Step::End => self.text.len(),
        }
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
    fn a_secret_is_edited_like_any_line_and_seen_as_dots() {
        let mut input = LineInput::secret();
        "pass wörd\n".chars().for_each(|letter| input.insert(letter.encode_utf8(&mut [0; 4])));
        assert_eq!((input.text(), input.shown().0.as_str()), ("pass wörd", "•••••••••"));
        input.compose("x", 1);
        input.step(Step::Left, Movement::Move);
        input.delete(Step::Left);
        assert_eq!(input.text(), "pass wöd");
        assert!(!input.undo(), "what was typed before is not kept");
        input.step(Step::WordLeft, Movement::Extend);
        assert_eq!(input.selection(), 0..8, "a word would tell where it ends");
        let seen = input.veiled();
        assert_eq!((seen.text(), seen.selection()), ("••••••••", 0..21));
        input.place(3 * 7);
        input.insert("!");
        assert_eq!(input.text(), "pass wö!d");
        input.insert(&"x".repeat(SECRET_MAX));
        assert_eq!(input.text.capacity(), SECRET_MAX, "it never moves");
        input.wipe();
        assert!(input.is_empty() && input.is_secret());
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
