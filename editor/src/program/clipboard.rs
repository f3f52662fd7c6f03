//! Copying and pasting in the text that has the keyboard.

use text::transform::typing;
use text::{Origin, Positions};

use super::Program;
use crate::clipboard::Board;

impl Program {
    /// Pastes what a board holds, when its owner has answered.
    pub fn paste_from(&mut self, board: Board) {
        let post = self.workers.post();
        self.clipboard.get(board, move |text| {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                post(Box::new(move |program: &mut Program| program.paste(&text)));
            }
        });
    }

    /// Pastes a text: into the line that has the keyboard, or at every caret.
    pub fn paste(&mut self, text: &str) {
        if let Some(input) = self.line_input() {
            input.insert(text);
            self.input_changed();
            return;
        }
        if let Some((_, buffer)) = self.active() {
            buffer.document.seal_group();
        }
        self.transform(Origin::PASTE, |view, buffer| {
            typing::paste(buffer.rope(), &view.selections, text, buffer.line_ending)
        });
        self.redraw();
    }

    /// What copying takes from the text that has the keyboard; `None` where nothing is chosen.
    pub fn copied(&mut self) -> Option<String> {
        if let Some(input) = self.line_input() {
            let chosen = input.selection();
            return (!chosen.is_empty()).then(|| input.text()[chosen].to_owned());
        }
        let (view, buffer) = self.active()?;
        (buffer.rope().end().0 > 0)
            .then(|| typing::copied(buffer.rope(), &view.selections, buffer.line_ending))
    }
}
