//! Unlocking the profile while the program runs: a person types the passphrase, a worker stretches
//! it and reads the log, and what waited for that comes back among what is open.

use kernel::disk::RealDisk;
use kernel::keys::{KeyError, Passphrase, Profile, Unlocked};
use serde_json::Value;
use text::{CharOffset, Positions, Selections};

use super::{Overlay, Program};
use crate::buffer::{Buffer, BufferId};
use crate::cli::Place;
use crate::directories::Directories;
use crate::journal::{self, Lock, Restored};
use crate::notice::Severity;
use crate::profile;
use crate::prompt::{Prompt, Question};
use crate::registry::Fault;
use crate::view::Follow;
use crate::workers::Urgency;

/// What a passphrase gave: the keys, and what the log held or why it cannot be read.
type Opened = (Unlocked, Result<Restored, String>);

impl Program {
    /// Asks for the passphrase, in the window.
    pub fn ask_to_unlock(&mut self) -> Result<Value, Fault> {
        if self.journal.is_opening() {
            return Err(Fault::state("The profile is being unlocked already."));
        }
        if self.keys.is_some() {
            return Err(Fault::state("The profile is unlocked already."));
        }
        self.open_overlay(Overlay::Prompt(Prompt::new(Question::Passphrase, "")));
        Ok(Value::Null)
    }

    /// Tries what was typed. The question stays until it is known whether it was right.
    pub(super) fn unlock_with(&mut self, mut prompt: Prompt) {
        if self.keys.is_some() {
            return;
        }
        let words = Passphrase::new(prompt.input.text().as_bytes());
        prompt.input.wipe();
        let trouble = match words {
            Ok(_) if self.journal.is_opening() => "It is being tried; wait a moment",
            Ok(words) => {
                self.try_passphrase(words);
                "Unlocking…"
            }
            Err(_) => "Type the passphrase",
        };
        prompt.trouble = Some(trouble.to_owned());
        self.window.overlay = Some(Overlay::Prompt(prompt));
    }

    fn try_passphrase(&mut self, words: Passphrase) {
        self.journal.set_lock(Lock::Opening, None);
        let (places, reader) = (self.places.clone(), self.journal.reader());
        let done = self.here(|program: &mut Program, opened: Result<Opened, Fault>| match opened {
            Ok(opened) => program.unlocked(opened),
            Err(fault) => program.not_unlocked(&fault),
        });
        self.workers.run(
            "unlocking the profile",
            Urgency::Awaited,
            move || {
                let keys = stretch(&places, &words)?;
                let opener = keys.opener(journal::PURPOSE);
                let restored = match reader {
                    Some(reader) => journal::restore(&reader, &opener).map_err(|e| e.to_string()),
                    None => Ok(Restored::default()),
                };
                Ok((keys, restored))
            },
            done,
        );
    }

    /// Says why where the passphrase was typed, or in the corner if that is no longer there.
    fn not_unlocked(&mut self, fault: &Fault) {
        self.journal.set_lock(Lock::Locked, None);
        match &mut self.window.overlay {
            Some(Overlay::Prompt(prompt)) if prompt.question == Question::Passphrase => {
                prompt.trouble = Some(fault.sentence.clone());
                self.redraw();
            }
            _ => self.fail(fault),
        }
    }

    fn unlocked(&mut self, (keys, restored): Opened) {
        if let Some(Overlay::Prompt(prompt)) = &self.window.overlay
            && prompt.question == Question::Passphrase
        {
            self.close_overlay();
        }
        self.take_keys(keys);
        match restored {
            Ok(restored) => self.welcome(restored),
            Err(reason) => self.say(
                Severity::Error,
                format!("What was open could not be restored: {}.", reason.trim_end_matches('.')),
            ),
        }
        self.keep_session();
        self.say(Severity::Information, "The profile is unlocked.");
        self.redraw_all();
    }

    /// Puts what the log held around what is open, which stays where the person is in it.
    fn welcome(&mut self, mut restored: Restored) {
        let (folder, find_focus) = (self.window.folder.clone(), self.window.find_focus);
        let overlay = self.window.overlay.take();
        let place = self.place_of_typing();
        if !self.comparisons.is_empty() {
            // The panes of before would be named like those that are compared now.
            restored.session = None;
        }
        if let Some(session) = &mut restored.session {
            session.window.size = (self.window.size.width, self.window.size.height);
        }
        let closed: Vec<_> = self.closed.iter().filter_map(|closed| closed.stream()).collect();
        let early = self.set_early_aside();
        restored.texts.retain(|text| !early.holds(text.stream) && !closed.contains(&text.stream));
        self.take_restored(restored);
        self.take_back(early, Place::Current);
        if folder.is_some() {
            self.window.folder = folder;
            self.follow_folders();
        }
        self.return_to(place);
        // Whatever the person went on to while the passphrase was tried stays open.
        (self.window.overlay, self.window.find_focus) = (overlay, find_focus);
    }

    /// Which text the person is in, and where in it.
    fn place_of_typing(&self) -> Option<Typing> {
        let view = self.view()?;
        let buffer = self.buffers.get(&view.buffer)?;
        Some(Typing {
            buffer: view.buffer,
            path: buffer.path.clone(),
            text: buffer.rope().clone(),
            selections: view.selections.clone(),
        })
    }

    /// Gives the keyboard back to the text that had it; where its file came back with unsaved
    /// edits, to that, with the carets where they stood in the words around them.
    fn return_to(&mut self, place: Option<Typing>) {
        let Some(place) = place else { return };
        let united = place.path.as_deref().and_then(|path| self.buffer_at(path));
        let is_kept = self.buffers.contains_key(&place.buffer);
        let Some(id) = is_kept.then_some(place.buffer).or(united) else { return };
        let focus = self.window.panes.focus();
        self.show(focus, id, None);
        if let (false, Some((view, buffer))) = (is_kept, self.active()) {
            view.select(place.moved_to(buffer), Follow::Caret);
        }
    }
}

/// Where a person was typing.
struct Typing {
    buffer: BufferId,
    path: Option<std::path::PathBuf>,
    text: text::Rope,
    selections: Selections,
}

impl Typing {
    /// The selections in a text that has other edits too.
    fn moved_to(&self, buffer: &Buffer) -> Selections {
        let edits = text::diff::transaction(&self.text, buffer.rope());
        let end = buffer.rope().end();
        let moved = self.selections.mapped(edits.edits(), text::edit::Bias::After);
        moved.map(|one| {
            let within = |at: CharOffset| text::grapheme::floor(buffer.rope(), at.min(end));
            text::Selection::new(within(one.anchor), within(one.head))
        })
    }
}

/// Opens the profile with a passphrase. Takes a good part of a second.
fn stretch(places: &Directories, words: &Passphrase) -> Result<Unlocked, Fault> {
    let told = |error: KeyError| match error {
        KeyError::WrongPassphrase => Fault::denied("That is not the passphrase: type it again."),
        KeyError::NoSlot => Fault::state(
            "No passphrase guards this profile: `hearth profile` at the terminal tells what does.",
        ),
        error => profile::told(&error),
    };
    let locked = Profile::open(&RealDisk, &places.profile()).map_err(told)?;
    locked.unlock(words).map_err(told)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::command::stage::Stage;
    use crate::input::Input;
    use crate::journal::Journal;
    use crate::ui::target::{StatusPart, Target};

    #[test]
    fn the_status_line_asks_and_nobody_else_hears_the_answer() {
        let mut stage = Stage::with("text|");
        stage.program.journal = Journal::missing("this is a test");
        stage.program.press_by_id(Target::Status(StatusPart::State));
        stage.program.input(Input::Text("geheim".into()));
        stage.program.prepare(Instant::now());
        let update = crate::accessibility::tree(&mut stage.program, 1.0);
        let told: Vec<&str> = update.nodes.iter().filter_map(|(_, node)| node.value()).collect();
        assert!(told.contains(&"••••••"), "{told:?}");
        let (_, field) = update.nodes.iter().find(|(id, _)| *id == update.focus).unwrap();
        assert_eq!(field.role(), accesskit::Role::PasswordInput);
        let all = format!("{update:?}");
        assert!(!all.contains("geheim"), "{all}");
    }
}
