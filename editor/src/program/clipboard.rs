//! Copying, cutting and pasting in the text that has the keyboard.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::Duration;

use text::edit::Bias;
use text::transform::{Transformed, delete, lines, typing};
use text::{CharOffset, Edit, Origin, Positions, Selection, Transaction};

use super::Program;
use crate::buffer::Buffer;
use crate::clipboard::Board;
use crate::view::EditorView;
use crate::workers::Urgency;

/// Another program may own the clipboard and not answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

impl Program {
    /// Copies what is selected, or the lines of carets whole.
    pub fn copy(&mut self) {
        let is_lines = self.line_input().is_none() && self.has_carets_alone();
        let Some(text) = self.copied() else { return };
        self.memory.lines = is_lines.then(|| text.clone());
        self.clipboard.set(Board::Clipboard, text);
    }

    /// Copies and takes away what [`Program::copy`] copies.
    pub fn cut(&mut self) {
        let is_lines = self.has_carets_alone();
        self.copy();
        if let Some(input) = self.line_input() {
            // What cannot be copied is not taken away either.
            if !input.is_secret() && !input.selection().is_empty() {
                input.insert("");
                self.input_changed();
            }
            return;
        }
        self.transform(Origin::COMMAND, |view, buffer| match is_lines {
            true => lines::delete(buffer.rope(), &view.selections),
            false => delete::selected(buffer.rope(), &view.selections),
        });
    }

    /// What copying takes from the text that has the keyboard; `None` where nothing is chosen.
    pub fn copied(&mut self) -> Option<String> {
        if let Some(input) = self.line_input() {
            let chosen = input.selection();
            let may_be_seen = !input.is_secret();
            return (may_be_seen && !chosen.is_empty()).then(|| input.text()[chosen].to_owned());
        }
        let (view, buffer) = self.active()?;
        (buffer.rope().end().0 > 0)
            .then(|| typing::copied(buffer.rope(), &view.selections, buffer.line_ending))
    }

    fn has_carets_alone(&self) -> bool {
        self.view().is_some_and(|view| view.selections.iter().all(Selection::is_caret))
    }

    /// Pastes what a board holds, when its owner has answered. Keys of a script wait for it.
    pub fn paste_from(&mut self, board: Board) {
        let (send, receive) = channel();
        self.clipboard.get(board, move |text| {
            // Whoever asked may have given up.
            let _ = send.send(text);
        });
        let done = self.here(|program: &mut Program, text: Option<String>| match text {
            Some(text) if !text.is_empty() => program.paste(&text),
            _ => {}
        });
        let work = move || receive.recv_timeout(ANSWER_TIME_MAX).ok().flatten();
        self.workers.run("reading the clipboard", Urgency::Awaited, work, done);
    }

    /// Pastes a text: into the line that has the keyboard, or at every caret. What was copied as
    /// whole lines goes above the lines of carets.
    pub fn paste(&mut self, text: &str) {
        if let Some(input) = self.line_input() {
            input.insert(text);
            self.input_changed();
            return;
        }
        let is_lines = self.memory.lines.as_deref() == Some(text) && self.has_carets_alone();
        if let Some((_, buffer)) = self.active() {
            buffer.document.seal_group();
        }
        self.transform(Origin::PASTE, |view, buffer| match is_lines {
            true => above_lines(view, buffer, text),
            false => typing::paste(buffer.rope(), &view.selections, text, buffer.line_ending),
        });
        self.redraw();
    }
}

/// Puts lines above those of the carets: as many lines as carets are dealt out, else each caret
/// gets all. The carets stay on their lines.
fn above_lines(view: &EditorView, buffer: &Buffer, text: &str) -> Transformed {
    let (rope, ending) = (buffer.rope(), buffer.line_ending.as_str());
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let copied: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    let deals = view.selections.len() > 1 && copied.len() == view.selections.len();
    let all: String = copied.iter().flat_map(|line| [*line, ending]).collect();
    let mut pasted: BTreeMap<CharOffset, String> = BTreeMap::new();
    for (index, one) in view.selections.iter().enumerate() {
        let start = rope.line_start(rope.line_of(one.head));
        match deals {
            true => pasted.entry(start).or_default().extend([copied[index], ending]),
            false => {
                pasted.entry(start).or_insert_with(|| all.clone());
            }
        }
    }
    let edits = pasted.into_iter().map(|(start, text)| Edit::insert(start, text)).collect();
    let transaction = Transaction::new(edits).expect("each line is pasted above once");
    let selections = view.selections.mapped(transaction.edits(), Bias::After);
    Transformed { transaction, selections }
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
    fn what_was_selected_replaces_what_is() {
        assert_eq!(after("«ab|» c", "ctrl-c end shift-left ctrl-v"), "ab ab|");
        assert_eq!(after("«ab|» c", "ctrl-x end ctrl-v"), " cab|");
    }

    #[test]
    fn whole_lines_go_above_the_line_of_the_caret() {
        assert_eq!(after("a\nb|c\nd", "ctrl-c ctrl-v"), "a\nbc\nb|c\nd");
        assert_eq!(after("a|\nb\nc", "ctrl-x down right ctrl-v"), "b\na\nc|");
        assert_eq!(after("a|b\ncd|", "ctrl-c ctrl-v"), "ab\na|b\ncd\ncd|");
    }

    #[test]
    fn lines_replace_a_selection_as_they_are() {
        assert_eq!(after("ab|\nx", "ctrl-c down shift-home ctrl-v"), "ab\nab\n|");
    }

    #[test]
    fn a_key_behind_a_paste_waits_for_it() {
        assert_eq!(after("«ab|»", "ctrl-c right ctrl-v x ctrl-v"), "ababxab|");
    }

    #[test]
    fn one_line_for_each_cursor_is_dealt_out() {
        assert_eq!(after("«a|» «b|»\n\n", "ctrl-c ctrl-v"), "a| b|\n\n");
    }
}
