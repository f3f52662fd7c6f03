//! Which command a key means where: the bundled keys, and the person's own on top.

mod binding;
mod key;

pub use key::{Key, KeyPress, Modifiers, Named, Platform};

use std::collections::{BTreeMap, HashMap};

use crate::registry::Registry;
use crate::source::{Problem, Source, by_line};
use binding::{Entry, Value};

/// The contexts that a keymap may name; `assets/keymap.toml` says how they nest.
pub const CONTEXTS: &[&str] =
    &["window", "editor", "input", "list", "palette", "picker", "find", "replace", "prompt"];

/// The keys that come with the program.
const DEFAULT_KEYS: &str = include_str!("../assets/keymap.toml");

/// A command with the arguments that its key gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The command's id.
    pub action: String,
    /// A JSON object, or `null` for none.
    pub arguments: serde_json::Value,
}

/// What a key press means.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// Run this, and forget the pending keys.
    Action(Bound),
    /// The first keys of a chord: keep them, and wait for the next.
    Pending,
    /// Nothing: forget the pending keys; a press without any may type.
    None,
}

/// Where a binding was made: later layers win, and within one the tables of this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    layer: usize,
    section: binding::Section,
}

/// A binding with its place, for precedence and for what is shown.
#[derive(Clone, Debug)]
struct Placed {
    bound: Bound,
    rank: Rank,
    order: usize,
}

/// Bindings of one context by their keys.
type Bindings = BTreeMap<Vec<KeyPress>, Placed>;

/// All bindings, ready to be asked at every key press.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    contexts: HashMap<&'static str, Bindings>,
    shown: HashMap<String, Vec<KeyPress>>,
}

impl Keymap {
    /// The bundled keys as a layer.
    pub fn bundled() -> Source {
        Source::new("<default keymap>", DEFAULT_KEYS)
    }

    /// Reads `layers` for this platform, the last winning. What is wrong with an entry costs that
    /// entry and is reported.
    pub fn load(layers: &[Source], registry: &Registry) -> (Self, Vec<Problem>) {
        Self::load_for(Platform::HERE, layers, registry)
    }

    /// [`Keymap::load`] for any platform.
    pub fn load_for(
        platform: Platform,
        layers: &[Source],
        registry: &Registry,
    ) -> (Self, Vec<Problem>) {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        let mut order = 0;
        for (layer, source) in layers.iter().enumerate() {
            let mut found = Vec::new();
            let mut entries = binding::read(source, platform, registry, &mut found);
            entries.sort_by_key(|entry| (entry.section, entry.span.start));
            for entry in entries {
                let rank = Rank { layer, section: entry.section };
                let span = entry.span.clone();
                if let Err(sentence) = keymap.add(entry, rank, order) {
                    found.push(source.problem(span, sentence));
                }
                order += 1;
            }
            problems.extend(by_line(found));
        }
        keymap.note_shown();
        (keymap, problems)
    }

    /// What `press` means after `pending` where `contexts` nest, the innermost last.
    pub fn resolve(&self, contexts: &[&str], pending: &[KeyPress], press: KeyPress) -> Resolution {
        let mut keys = pending.to_vec();
        keys.push(press);
        for context in contexts.iter().rev() {
            let Some(bindings) = self.contexts.get(context) else { continue };
            // Keys that begin with `keys` follow it in order; no two of them hide each other.
            let first = bindings.range(keys.clone()..).next();
            match first.filter(|(found, _)| found.starts_with(&keys)) {
                Some((found, placed)) if found.len() == keys.len() => {
                    return Resolution::Action(placed.bound.clone());
                }
                Some(_) => return Resolution::Pending,
                None => {}
            }
        }
        Resolution::None
    }

    /// [`Keymap::resolve`] for an event that can be read in several ways (see
    /// [`KeyPress::readings`]): the first reading that means something, and what it means.
    pub fn resolve_first(
        &self,
        contexts: &[&str],
        pending: &[KeyPress],
        readings: &[KeyPress],
    ) -> (Option<KeyPress>, Resolution) {
        for press in readings {
            match self.resolve(contexts, pending, *press) {
                Resolution::None => {}
                found => return (Some(*press), found),
            }
        }
        (readings.first().copied(), Resolution::None)
    }

    /// The keys that the interface shows for a command: the person's own before the bundled ones.
    pub fn keys_for(&self, action: &str) -> Option<&[KeyPress]> {
        self.shown.get(action).map(Vec::as_slice)
    }

    /// [`Keymap::keys_for`] as it is written in a keymap: `ctrl-k down`.
    pub fn text_for(&self, action: &str) -> Option<String> {
        let keys = self.keys_for(action)?;
        Some(keys.iter().map(KeyPress::to_string).collect::<Vec<_>>().join(" "))
    }

    /// Puts `entry` in place of what it hides; refuses it if that was made at the same rank.
    fn add(&mut self, entry: Entry, rank: Rank, order: usize) -> Result<(), String> {
        let bindings = self.contexts.entry(entry.context).or_default();
        let hides =
            |keys: &[KeyPress]| keys.starts_with(&entry.keys) || entry.keys.starts_with(keys);
        let bound = match entry.value {
            Value::Run(bound) => bound,
            Value::Unbind => {
                let unbound = bindings.get(&entry.keys).is_some_and(|placed| placed.rank < rank);
                return if unbound {
                    bindings.remove(&entry.keys);
                    Ok(())
                } else {
                    let keys = written(&entry.keys);
                    Err(format!(
                        "{keys} is not bound in [{}], so it cannot be unbound",
                        entry.context
                    ))
                };
            }
        };
        let hidden: Vec<_> = bindings.keys().filter(|keys| hides(keys)).cloned().collect();
        for keys in &hidden {
            let other = &bindings[keys];
            if other.rank == rank {
                return Err(format!(
                    "{} cannot be bound as well as {} ({}), which stays",
                    written(&entry.keys),
                    written(keys),
                    other.bound.action
                ));
            }
        }
        for keys in hidden {
            bindings.remove(&keys);
        }
        bindings.insert(entry.keys, Placed { bound, rank, order });
        Ok(())
    }

    /// Chooses what the interface shows for each command: of the last layer, the first binding.
    fn note_shown(&mut self) {
        let mut best: HashMap<&str, (&Vec<KeyPress>, &Placed)> = HashMap::new();
        let places = self.contexts.values().flatten();
        for (keys, placed) in places.filter(|(_, placed)| placed.bound.arguments.is_null()) {
            let rank = |placed: &Placed| (std::cmp::Reverse(placed.rank.layer), placed.order);
            let entry = best.entry(&placed.bound.action).or_insert((keys, placed));
            if rank(placed) < rank(entry.1) {
                *entry = (keys, placed);
            }
        }
        self.shown =
            best.into_iter().map(|(id, (keys, _))| (id.to_owned(), keys.clone())).collect();
    }
}

fn written(keys: &[KeyPress]) -> String {
    let keys: Vec<_> = keys.iter().map(KeyPress::to_string).collect();
    format!("\"{}\"", keys.join(" "))
}

#[cfg(test)]
mod tests;
