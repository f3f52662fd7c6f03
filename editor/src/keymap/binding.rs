//! One entry of a keymap's file: keys, a context, and what they do there.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{KeyPress, Platform};
use super::{Bound, CONTEXTS};
use crate::registry::{Arguments, Registry};
use crate::source::{Problem, Source, to_json};

/// Keys of one chord; more cannot be remembered.
const CHORD_KEYS_MAX: usize = 4;

/// Which tables an entry came from; those of a platform win over the plain ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// `[editor]`
    Plain,
    /// `[other.editor]`
    Other,
    /// `[macos.editor]`
    Platform,
}

/// What an entry's keys do.
pub(super) enum Value {
    /// Run a command.
    Run(Bound),
    /// Nothing any more: `false`.
    Unbind,
}

/// An entry that was understood.
pub(super) struct Entry {
    pub context: &'static str,
    pub section: Section,
    pub keys: Vec<KeyPress>,
    pub value: Value,
    pub span: Range<usize>,
}

/// Reads the entries of `source` that count on `platform`; what is wrong goes to `problems`.
/// Tables of other platforms are checked too.
pub(super) fn read(
    source: &Source,
    platform: Platform,
    registry: &Registry,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let (table, found) = source.parse();
    problems.extend(found);
    let mut reader = Reader { source, registry, problems, entries: Vec::new() };
    for (name, value) in table.get_ref() {
        match group(name.get_ref()) {
            None => reader.context(name, value, platform, Section::Plain),
            Some((section, of)) => {
                let counted = match of {
                    Of::Only(only) => only == platform,
                    Of::AllButMacos => platform != Platform::Macos,
                };
                let Some(contexts) = value.get_ref().as_table() else {
                    reader.refuse(name.span(), "a platform holds tables of contexts");
                    continue;
                };
                let as_platform = match of {
                    Of::Only(only) => only,
                    Of::AllButMacos if counted => platform,
                    Of::AllButMacos => Platform::Linux,
                };
                let kept = reader.entries.len();
                for (name, value) in contexts {
                    reader.context(name, value, as_platform, section);
                }
                if !counted {
                    reader.entries.truncate(kept);
                }
            }
        }
    }
    reader.entries
}

/// Which platforms a group of tables is for.
#[derive(Clone, Copy)]
enum Of {
    Only(Platform),
    AllButMacos,
}

fn group(name: &str) -> Option<(Section, Of)> {
    Some(match name {
        "macos" => (Section::Platform, Of::Only(Platform::Macos)),
        "linux" => (Section::Platform, Of::Only(Platform::Linux)),
        "windows" => (Section::Platform, Of::Only(Platform::Windows)),
        "other" => (Section::Other, Of::AllButMacos),
        _ => return None,
    })
}

struct Reader<'a> {
    source: &'a Source,
    registry: &'a Registry,
    problems: &'a mut Vec<Problem>,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn refuse(&mut self, span: Range<usize>, sentence: impl Into<String>) {
        self.problems.push(self.source.problem(span, sentence));
    }

    fn context(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        platform: Platform,
        section: Section,
    ) {
        let Some(context) = CONTEXTS.iter().find(|known| *known == name.get_ref()) else {
            let known = CONTEXTS.join(", ");
            let name_text = name.get_ref();
            let sentence = format!("\"{name_text}\" is not a context; there are {known}");
            return self.refuse(name.span(), sentence);
        };
        let Some(bindings) = value.get_ref().as_table() else {
            return self.refuse(name.span(), format!("[{context}] is a table of keys"));
        };
        for (keys, value) in bindings {
            let span = keys.span();
            let read = read_keys(keys.get_ref(), platform)
                .and_then(|keys| Ok((keys, read_value(value.get_ref(), self.registry)?)));
            match read {
                Ok((keys, value)) => {
                    self.entries.push(Entry { context, section, keys, value, span });
                }
                Err(sentence) => self.refuse(span, sentence),
            }
        }
    }
}

fn read_keys(text: &str, platform: Platform) -> Result<Vec<KeyPress>, String> {
    let keys = KeyPress::parse_all(text, platform)?;
    if keys.len() > CHORD_KEYS_MAX {
        return Err(format!("a chord has at most {CHORD_KEYS_MAX} keys"));
    }
    match keys.first().and_then(|first| first.typed()) {
        Some(typed) => Err(format!("\"{typed}\" types; hold ctrl, alt or cmd with it")),
        None => Ok(keys),
    }
}

fn read_value(value: &DeValue<'_>, registry: &Registry) -> Result<Value, String> {
    let takes = "keys take a command's name, false to unbind, or { action = \"...\", ... }";
    let bound = match value {
        DeValue::Boolean(false) => return Ok(Value::Unbind),
        DeValue::String(action) => {
            Bound { action: action.to_string(), arguments: serde_json::Value::Null }
        }
        DeValue::Table(table) => bound_with_arguments(table).ok_or(takes)?,
        _ => return Err(takes.to_owned()),
    };
    let full_stop = |fault: crate::registry::Fault| fault.sentence.trim_end_matches('.').to_owned();
    let command = registry.find(&bound.action).map_err(full_stop)?;
    // A prompt asks for what a key leaves out, so only what it gives is checked.
    if !bound.arguments.is_null() {
        Arguments::check(&command.action, bound.arguments.clone()).map_err(full_stop)?;
    }
    Ok(Value::Run(bound))
}

fn bound_with_arguments(table: &DeTable<'_>) -> Option<Bound> {
    let mut action = None;
    let mut arguments = serde_json::Map::new();
    for (name, value) in table {
        if name.get_ref() == "action" {
            action = Some(value.get_ref().as_str()?.to_owned());
        } else {
            arguments.insert(name.get_ref().to_string(), to_json(value.get_ref())?);
        }
    }
    let arguments = if arguments.is_empty() { serde_json::Value::Null } else { arguments.into() };
    Some(Bound { action: action?, arguments })
}
