//! Every action of the program in one place: palette, keys, control socket and command line all
//! look a command up here, and nowhere else.

mod arguments;
mod fault;
mod path;
mod reference;

pub use arguments::Arguments;
pub use fault::{Fault, Kind as FaultKind};
pub use path::{path_from_json, path_to_json};
pub use reference::{as_json, as_lines, as_markdown};

use std::collections::BTreeMap;

use kernel::action::Action;

use crate::program::Program;

/// Runs a command on the UI thread. It must not block: long work is started, not done, here.
pub type Handler = fn(&mut Program, &Arguments) -> Result<serde_json::Value, Fault>;

/// An action and the function that does it.
#[derive(Clone, Copy)]
pub struct Command {
    /// What callers see of it.
    pub action: Action,
    /// What it does. The arguments were checked against `action` before it is called.
    pub run: Handler,
}

/// All commands by id.
pub struct Registry {
    by_id: BTreeMap<&'static str, Command>,
}

impl Registry {
    /// Gathers `groups`. Of two commands with one id the first stays; a test of all groups refuses
    /// that.
    pub fn gather(groups: &[&[Command]]) -> Self {
        let mut by_id = BTreeMap::new();
        for command in groups.iter().flat_map(|group| group.iter()) {
            by_id.entry(command.action.id).or_insert(*command);
        }
        Self { by_id }
    }

    /// The command called `id`.
    pub fn get(&self, id: &str) -> Option<&Command> {
        self.by_id.get(id)
    }

    /// The command called `id`, or a fault that names the nearest id that exists.
    pub fn find(&self, id: &str) -> Result<&Command, Fault> {
        self.get(id).ok_or_else(|| match self.nearest(id) {
            Some(near) => Fault::unknown(format!(
                "There is no command \"{id}\"; the nearest is \"{near}\" (see `hearth commands`)."
            )),
            None => Fault::unknown(format!(
                "There is no command \"{id}\"; `hearth commands` lists those that exist."
            )),
        })
    }

    /// All commands, sorted by id.
    pub fn all(&self) -> impl Iterator<Item = &Command> {
        self.by_id.values()
    }

    /// The id that differs least from `id`, if one is close enough to be a slip of the fingers.
    fn nearest(&self, id: &str) -> Option<&'static str> {
        let id = &id[..id.floor_char_boundary(64)];
        let limit = (id.len() / 3).max(2);
        self.by_id
            .keys()
            .map(|known| (edit_distance(id, known), *known))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, known)| known)
    }
}

/// Levenshtein's distance in bytes (Wagner and Fischer, 1974), one row kept.
fn edit_distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Effect, Risk, Shape, Thread};

    fn command(id: &'static str) -> Command {
        let action = Action {
            id,
            title: "A title",
            about: "",
            arguments: &[],
            result: Shape::Nothing,
            effect: Effect::Pure,
            risk: Risk::L0,
            thread: Thread::Ui,
        };
        Command { action, run: |_, _| Ok(serde_json::Value::Null) }
    }

    #[test]
    fn commands_are_found_by_id_and_listed_in_order() {
        let first = [command("file.save"), command("app.quit")];
        let registry = Registry::gather(&[&first, &[command("buffer.undo")]]);
        let ids: Vec<_> = registry.all().map(|command| command.action.id).collect();
        assert_eq!(ids, ["app.quit", "buffer.undo", "file.save"]);
        assert!(registry.get("file.save").is_some());
        assert!(registry.get("file").is_none());
    }

    #[test]
    fn a_slip_of_the_fingers_is_told_the_nearest_command() {
        let registry = Registry::gather(&[&[command("file.save"), command("app.quit")]]);
        let fault = registry.find("file.svae").err().unwrap();
        assert!(fault.sentence.contains("\"file.save\""), "{fault}");
        let fault = registry.find("completely.else").err().unwrap();
        assert!(!fault.sentence.contains("nearest"), "{fault}");
    }

    #[test]
    fn the_programs_own_commands_are_well_formed() {
        let registry = Registry::gather(crate::command::GROUPS);
        let mut ids: Vec<_> =
            crate::command::GROUPS.iter().flat_map(|group| group.iter()).collect();
        ids.sort_by_key(|command| command.action.id);
        for pair in ids.windows(2) {
            assert_ne!(pair[0].action.id, pair[1].action.id, "declared twice");
        }
        for Command { action, .. } in registry.all() {
            let (noun, verb) = action.id.split_once('.').expect("an id is noun.verb");
            let word = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            };
            assert!(word(noun) && word(verb), "{} is not noun.verb", action.id);
            assert!(!action.title.is_empty() && !action.title.ends_with('.'), "{}", action.id);
            let mut names: Vec<_> = action.arguments.iter().map(|argument| argument.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), action.arguments.len(), "{} names one twice", action.id);
        }
    }
}
