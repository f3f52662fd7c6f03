//! The one way in which text changes, and who hears of it.

use text::edit::Bias;
use text::transform::{Style, Transformed, pairs, typing};
use text::{
    Change, CharOffset, CharRange, Grouping, Origin, Positions, Selections, Transaction, Whose,
};

use super::Program;
use crate::buffer::{Buffer, BufferId};
use crate::notice::Severity;
use crate::view::{EditorView, Follow};

/// Characters typed at once that go through auto-closing one by one; more is a paste in disguise.
const TYPED_ONE_BY_ONE_MAX: usize = 8;

impl Program {
    /// Applies what a command worked out for the focused view.
    pub fn transform(
        &mut self,
        origin: Origin,
        work: impl FnOnce(&EditorView, &Buffer) -> Transformed,
    ) {
        let Some((view, buffer)) = self.active() else { return };
        let Transformed { transaction, selections } = work(view, buffer);
        self.apply(transaction, origin, selections);
    }

    /// Changes the focused buffer; its focused view gets `selections`.
    pub fn apply(&mut self, transaction: Transaction, origin: Origin, selections: Selections) {
        let Some((view, buffer)) = self.active() else { return };
        if transaction.is_empty() {
            view.select(selections, Follow::Caret);
            self.redraw();
            return;
        }
        let (id, before) = (view.buffer, view.selections.clone());
        match buffer.document.apply_from(transaction, origin, &before) {
            Ok(change) => self.changed(id, &change, Some(selections)),
            Err(error) => self.say(Severity::Error, format!("The edit was not made: {error}.")),
        }
    }

    /// Changes a buffer that need not be focused; carets move along.
    pub fn apply_to(&mut self, id: BufferId, transaction: Transaction, origin: Origin) {
        let focused = self.view().filter(|view| view.buffer == id);
        let before = focused.map(|view| view.selections.clone());
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if transaction.is_empty() {
            return;
        }
        // Where a view of it has the keyboard, undo brings its carets back too.
        let applied = match before {
            Some(before) => buffer.document.apply_from(transaction, origin, &before),
            None => buffer.document.apply(transaction, origin),
        };
        match applied {
            Ok(change) => self.changed(id, &change, None),
            Err(error) => self.say(Severity::Error, format!("The edit was not made: {error}.")),
        }
    }

    /// Tells everybody of a change: the journal first, then what is seen.
    pub fn changed(&mut self, id: BufferId, change: &Change, selections: Option<Selections>) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        self.journal.record(buffer, change);
        buffer.changed(change);
        self.share_change(id, change);
        let here = self.window.id;
        let mut selections = selections;
        for window in self.windows_mut() {
            let focus = (window.id == here).then(|| window.panes.focus());
            for pane in window.panes.iter_mut() {
                let (is_focused, active) = (focus == Some(pane.id), pane.active);
                let views = pane.items.iter_mut().enumerate();
                for (index, view) in views.filter(|(_, view)| view.buffer == id) {
                    let own = if is_focused && index == active { selections.take() } else { None };
                    let follows = own.is_some();
                    view.changed(change, own);
                    if follows {
                        view.follow = Follow::Caret;
                    }
                }
            }
        }
        self.schedule_parse(id);
        self.compare_changed(id);
        self.refresh_search();
        self.redraw_showing(id);
    }

    /// Text from the keyboard or an input method, at every caret.
    pub(super) fn type_text(&mut self, text: &str) {
        if let Some((view, _)) = self.active() {
            view.compose("");
        }
        let one_by_one = text.chars().count() <= TYPED_ONE_BY_ONE_MAX
            && self.editor_settings().auto_close
            && !text.chars().any(char::is_control);
        if one_by_one {
            text.chars().for_each(|letter| self.type_letter(letter));
        } else {
            self.transform(Origin::TYPING, |view, buffer| {
                typing::insert(buffer.rope(), &view.selections, text)
            });
        }
    }

    fn type_letter(&mut self, letter: char) {
        let surrounds = self.editor_settings().auto_surround;
        let Some((view, buffer)) = self.active() else { return };
        let rope = buffer.rope();
        let pairs = pairs_of(buffer);
        let is_prose = |at: CharOffset| buffer.region(at) != syntax::Region::Code;
        // In a string or a comment an apostrophe is an apostrophe.
        let may_close = |at: CharOffset| !is_prose(at) || !matches!(letter, '"' | '\'' | '`');
        let context = pairs::Context { pairs: &pairs, may_close: &may_close, ..Default::default() };
        let has_selection = view.selections.iter().any(|one| !one.is_caret());
        let done = match has_selection && !surrounds {
            true => typing::insert(rope, &view.selections, letter.encode_utf8(&mut [0; 4])),
            false => pairs::type_char(rope, &view.selections, letter, &context),
        };
        self.apply(done.transaction, Origin::TYPING, done.selections);
        if letter.is_alphanumeric() || matches!(letter, '}' | ')' | ']' | '#') {
            self.outdent_closer();
        }
    }

    /// Moves a line to the left when what was just typed closes a block.
    fn outdent_closer(&mut self) {
        if !self.editor_settings().auto_indent {
            return;
        }
        let tab = self.editor_settings().tab_width;
        let Some((view, buffer)) = self.active() else { return };
        if view.selections.len() > 1 {
            return;
        }
        let head = view.selections.primary().head;
        let rope = buffer.rope();
        let Some(indent) = buffer.syntax.outdent_for_closer(rope, head, buffer.indent_style(tab))
        else {
            return;
        };
        let start = rope.line_start(rope.line_of(head));
        let blanks = rope
            .slice_of(CharRange { start, end: head })
            .chars()
            .take_while(|letter| matches!(letter, ' ' | '\t'))
            .count();
        let range = CharRange { start, end: start + blanks };
        if rope.slice_of(range) == indent.as_str() {
            return;
        }
        let edit = text::Edit::replace(range, indent);
        let transaction = Transaction::single(edit);
        let selections = view.selections.mapped(transaction.edits(), Bias::After);
        let origin = Origin { group: Grouping::WithPrevious, ..Origin::TYPING };
        self.apply(transaction, origin, selections);
    }

    /// Takes back or brings back one group.
    pub fn travel(&mut self, travel: Travel) {
        let Some((view, buffer)) = self.active() else { return };
        let id = view.buffer;
        let outcome = match travel {
            Travel::Undo => buffer.document.undo(),
            Travel::Redo => buffer.document.redo(),
        };
        let Some(outcome) = outcome else {
            let sentence = match travel {
                Travel::Undo if buffer.document.has_forgotten_undo() => {
                    "Earlier edits can no longer be undone: too much was changed since."
                }
                Travel::Undo => "There is nothing to undo.",
                Travel::Redo => "There is nothing to redo.",
            };
            self.say(Severity::Information, sentence);
            return;
        };
        self.changed(id, &outcome.change, Some(outcome.selections));
        if outcome.whose == Whose::Elsewhere {
            self.say(Severity::Information, "This undo took back an edit made on another device.");
        }
    }

    /// How the person wants the focused text edited, where its file lies.
    pub fn editor_settings(&self) -> &crate::settings::Editor {
        let shown = self.view().and_then(|view| self.buffers.get(&view.buffer));
        self.settings.editor_for(shown.and_then(|buffer| buffer.path.as_deref()))
    }

    /// What new lines of a buffer are made of.
    pub fn style(&self, buffer: &Buffer) -> Style {
        let editor = self.settings.editor_for(buffer.path.as_deref());
        Style {
            ending: buffer.line_ending,
            indentation: buffer.indentation,
            tab: text::width::TabWidth::new(buffer.tab_width(editor.tab_width)),
        }
    }
}

/// A way through the undo history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Back.
    Undo,
    /// Forth.
    Redo,
}

/// The pairs that a buffer's language closes.
pub fn pairs_of(buffer: &Buffer) -> Vec<pairs::Pair> {
    match buffer.syntax.language() {
        Some(language) => language
            .spec()
            .auto_close
            .iter()
            .filter_map(|(open, close)| {
                let one = |text: &str| {
                    let mut letters = text.chars();
                    letters.next().filter(|_| letters.next().is_none())
                };
                Some((one(open)?, one(close)?))
            })
            .collect(),
        None => pairs::DEFAULT[..4].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;
    use serde_json::{Value, json};

    #[test]
    fn typing_in_one_pane_moves_the_caret_of_the_other_with_its_text() {
        let mut stage = Stage::with("one |two");
        stage.run("pane.split_right", Value::Null).unwrap();
        stage.keys("ctrl-home x y");
        assert_eq!(stage.marked(), "xy|one two");
        stage.run("pane.focus_left", Value::Null).unwrap();
        assert_eq!(stage.marked(), "xyone |two");
        stage.keys("ctrl-z");
        assert_eq!(
            stage.marked().replace('|', ""),
            "one two",
            "undo is the text's, not the pane's"
        );
    }

    #[test]
    fn undo_of_nothing_is_said() {
        let mut stage = Stage::with("a|");
        stage.program.travel(Travel::Undo);
        stage.program.travel(Travel::Redo);
        assert_eq!(stage.notices(), ["There is nothing to undo.", "There is nothing to redo."]);
    }

    #[test]
    fn brackets_close_as_the_settings_say() {
        let mut stage = Stage::with_file("a.rs", "|");
        stage.program.type_text("(");
        assert_eq!(stage.marked(), "(|)");
        stage.program.type_text("x)");
        assert_eq!(stage.marked(), "(x)|", "a bracket that is there is typed over");
        let off = json!({ "key": "editor.auto_close", "value": false, "layer": "session" });
        stage.run("settings.set", off).unwrap();
        stage.program.type_text("(");
        assert_eq!(stage.marked(), "(x)(|");
    }

    #[test]
    fn an_apostrophe_in_a_comment_stands_alone() {
        let mut stage = Stage::with_file("a.rs", "// it|\nfn f() {}\n");
        stage.program.type_text("'");
        assert_eq!(stage.marked(), "// it'|\nfn f() {}\n");
    }

    #[test]
    fn a_closing_brace_goes_back_to_its_block() {
        let mut stage = Stage::with_file("a.rs", "fn f() {\n    g();\n    |\n");
        stage.program.type_text("}");
        assert_eq!(stage.marked(), "fn f() {\n    g();\n}|\n");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "fn f() {\n    g();\n    |\n", "undo takes both back at once");
    }
}
