//! From a key to a command, or to text.

use text::selection::Movement;

use super::{Overlay, Program};
use crate::keymap::{KeyPress, Resolution};
use crate::line_input::{LineInput, Step};
use crate::picker::Kind;
use crate::ui::target::{Field, Target};

impl Program {
    /// Handles a key: `presses` are the ways to read it, `text` is what it types.
    pub(super) fn key(&mut self, presses: &[KeyPress], text: Option<&str>) {
        self.handle_key(presses, text);
        self.offer_selected();
    }

    fn handle_key(&mut self, presses: &[KeyPress], text: Option<&str>) {
        let contexts = self.contexts();
        let (press, resolution) =
            self.keymap.resolve_first(&contexts, &self.window.pending, presses);
        match resolution {
            Resolution::Action(bound) => {
                self.window.pending.clear();
                self.perform(&bound.action, bound.arguments);
            }
            Resolution::Pending => self.window.pending.extend(press),
            Resolution::None if !self.window.pending.is_empty() => self.window.pending.clear(),
            Resolution::None => {
                if let Some(text) = text {
                    self.typed(text);
                }
                return;
            }
        }
        self.redraw();
    }

    /// The first keys of a chord, shown while the rest is awaited.
    pub(super) fn pending_keys(&self) -> Option<String> {
        (!self.window.pending.is_empty()).then(|| {
            let keys: Vec<String> = self.window.pending.iter().map(KeyPress::to_string).collect();
            format!("{} …", keys.join(" "))
        })
    }

    /// The contexts of the keymap, the innermost last.
    fn contexts(&self) -> Vec<&'static str> {
        match (&self.window.overlay, self.window.find_focus) {
            (Some(Overlay::Picker(picker)), _) => {
                let inner = if picker.kind == Kind::Commands { "palette" } else { "picker" };
                vec!["window", "input", "list", inner]
            }
            (Some(Overlay::Prompt(_)), _) => vec!["window", "input", "prompt"],
            (None, Some(Field::Replace)) => vec!["window", "input", "find", "replace"],
            (None, Some(_)) => vec!["window", "input", "find"],
            (None, None) if self.view().is_some() => vec!["window", "editor"],
            (None, None) => vec!["window"],
        }
    }

    /// What has the keyboard, for assistive technology.
    pub fn keyboard_target(&self) -> Option<Target> {
        match (&self.window.overlay, self.window.find_focus) {
            (Some(_), _) => Some(Target::Field(Field::Overlay)),
            (None, Some(field)) => Some(Target::Field(field)),
            (None, None) => self.view().map(|_| Target::View(self.window.panes.focus())),
        }
    }

    /// The line that has the keyboard, if a line has.
    pub fn line_input(&mut self) -> Option<&mut LineInput> {
        match &mut self.window.overlay {
            Some(Overlay::Picker(picker)) => return Some(&mut picker.input),
            Some(Overlay::Prompt(prompt)) => return Some(&mut prompt.input),
            None => {}
        }
        let field = self.window.find_focus?;
        let find = self.window.panes.focused_mut().item_mut()?.find.as_mut()?;
        Some(match field {
            Field::Replace => &mut find.replacement,
            Field::Find | Field::Overlay => &mut find.input,
        })
    }

    /// Text from a key or an input method.
    pub(super) fn typed(&mut self, text: &str) {
        self.window.pending.clear();
        if let Some(input) = self.line_input() {
            input.insert(text);
            self.input_changed();
        } else if self.view().is_some() {
            "typing".clone_into(&mut self.last_command);
            self.type_text(text);
        }
        self.redraw();
    }

    /// What an input method composes.
    pub(super) fn compose(&mut self, text: &str, cursor: usize) {
        match self.line_input() {
            Some(input) => input.compose(text, cursor),
            None => {
                if let Some((view, _)) = self.active() {
                    view.compose(text);
                }
            }
        }
        self.redraw();
    }

    /// Moves the caret of the line that has the keyboard; answers whether one has.
    pub fn step_input(&mut self, step: Step, movement: Movement) -> bool {
        let Some(input) = self.line_input() else { return false };
        input.step(step, movement);
        self.redraw();
        true
    }

    /// Deletes in the line that has the keyboard; answers whether one has.
    pub fn delete_in_input(&mut self, step: Step) -> bool {
        let Some(input) = self.line_input() else { return false };
        input.delete(step);
        self.input_changed();
        true
    }

    /// Follows an edit of the line that has the keyboard.
    pub fn input_changed(&mut self) {
        match &mut self.window.overlay {
            Some(Overlay::Picker(_)) => self.rank_picker(),
            Some(Overlay::Prompt(prompt)) => {
                prompt.trouble = None;
                self.preview_prompt();
            }
            None if self.window.find_focus == Some(Field::Find) => self.search(),
            None => {}
        }
        self.redraw();
    }
}
