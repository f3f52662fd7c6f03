//! Settings: one schema, five layers, live.
//!
//! A value comes from the last layer that sets it, and can say which. A bad value is named with
//! its file and line, and what that layer said before stays. Every open folder has a layer of its
//! own: [`Settings::look_from`] says which one counts, and [`Settings::editor_for`] and the like
//! look from the folder that a file lies in.

mod choice;
mod reference;
mod schema;
mod typed;
mod write;

pub use choice::{
    Level, LineEnding, LineNumbers, ReduceMotion, Renderer, SoftWrap, ThemeMode, Whitespace,
};
pub use reference::{json_schema, markdown, template};
pub use schema::{SCHEMA, Setting};
use typed::Tables;
pub use typed::{Appearance, Editor, Files, Picker, Records};
pub use write::rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::registry::Fault;
use crate::source::{Problem, Source, by_line, to_json};

/// Where a value can be set, the later ones winning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The schema itself.
    BuiltIn,
    /// This machine's: `device.toml`.
    Device,
    /// The person's, on all machines: `settings.toml`.
    User,
    /// A folder's: `.hearth/settings.toml`, if its owner trusts it.
    Workspace,
    /// This run's, by commands such as zooming.
    Session,
}

impl Layer {
    /// Those that a file or a command can set.
    const CHANGEABLE: [Self; 4] = [Self::Device, Self::User, Self::Workspace, Self::Session];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Device => "device",
            Self::User => "user",
            Self::Workspace => "workspace",
            Self::Session => "session",
        }
    }
}

/// Whether the owner lets a folder's own files count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderTrust {
    /// They do, as they are now.
    Trusted,
    /// They do not, or they changed since.
    Untrusted,
    /// Nobody knows while the profile is locked, so they do not count.
    Locked,
}

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file and the line in it, from 1, if it came from one.
    pub place: Option<(PathBuf, usize)>,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys whose value in force is another one now.
    pub keys: Vec<&'static str>,
    /// What was not understood.
    pub problems: Vec<Problem>,
}

/// A value that one layer sets.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    value: Value,
    place: Option<(PathBuf, usize)>,
}

type Values = BTreeMap<&'static str, Entry>;

/// All layers, and what is in force.
#[derive(Clone, Debug)]
pub struct Settings {
    presets: BTreeMap<&'static str, Value>,
    /// Those of the person and the machine.
    layers: BTreeMap<Layer, Values>,
    /// Those of the open folders.
    folders: BTreeMap<PathBuf, Folder>,
    /// The folder that is looked from.
    here: Option<PathBuf>,
    /// What counts where no folder says otherwise.
    plain: Tables,
}

/// What one folder says, and what counts there.
#[derive(Clone, Debug)]
struct Folder {
    values: Values,
    tables: Tables,
}

/// Settings that count for the process, so that no folder can have its own.
const PROCESS_WIDE: &[&str] = &[
    "appearance.font_family",
    "appearance.fallback_fonts",
    "appearance.renderer",
    "editor.font_family",
    "records.level",
];

impl Default for Settings {
    fn default() -> Self {
        let presets: BTreeMap<_, _> =
            SCHEMA.iter().map(|setting| (setting.key, setting.preset.value())).collect();
        let plain = typed::Reader(|key: &str| &presets[key]).tables();
        let (layers, folders) = (BTreeMap::new(), BTreeMap::new());
        Self { presets, layers, folders, here: None, plain }
    }
}

impl Settings {
    /// The table `appearance`.
    pub fn appearance(&self) -> &Appearance {
        &self.here().appearance
    }

    /// The table `editor`.
    pub fn editor(&self) -> &Editor {
        &self.here().editor
    }

    /// The table `editor` as it counts for a file.
    pub fn editor_for(&self, file: Option<&Path>) -> &Editor {
        &self.around(file).editor
    }

    /// The table `files` as it counts for a file.
    pub fn files_for(&self, file: Option<&Path>) -> &Files {
        &self.around(file).files
    }

    /// The table `picker`.
    pub fn picker(&self) -> &Picker {
        &self.here().picker
    }

    /// The table `records`.
    pub fn records(&self) -> &Records {
        &self.plain.records
    }

    /// From now on what counts in `folder` is told, or what counts in none.
    pub fn look_from(&mut self, folder: Option<&Path>) {
        if self.here.as_deref() != folder {
            self.here = folder.map(Path::to_owned);
        }
    }

    fn here(&self) -> &Tables {
        let folder = self.here.as_ref().and_then(|here| self.folders.get(here));
        folder.map_or(&self.plain, |folder| &folder.tables)
    }

    /// What counts for a file: as the innermost open folder around it says, or as here.
    fn around(&self, file: Option<&Path>) -> &Tables {
        let known = |folder: &&Path| self.folders.contains_key(*folder);
        let folder = file.and_then(|file| file.ancestors().find(known));
        folder.map_or_else(|| self.here(), |folder| &self.folders[folder].tables)
    }

    /// The value of `key` that is in force.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.get_in(self.here.as_deref(), key)
    }

    fn get_in(&self, folder: Option<&Path>, key: &str) -> Option<&Value> {
        let set = Layer::CHANGEABLE.iter().rev().find_map(|layer| self.entry(folder, *layer, key));
        set.map(|entry| &entry.value).or_else(|| self.presets.get(key))
    }

    /// Which layer set the value of `key` that is in force, and where.
    pub fn origin(&self, key: &str) -> Option<Origin> {
        let set = Layer::CHANGEABLE.iter().rev().find_map(|layer| {
            let entry = self.entry(self.here.as_deref(), *layer, key)?;
            Some(Origin { layer: *layer, place: entry.place.clone() })
        });
        let preset = || Origin { layer: Layer::BuiltIn, place: None };
        set.or_else(|| self.presets.contains_key(key).then(preset))
    }

    fn entry(&self, folder: Option<&Path>, layer: Layer, key: &str) -> Option<&Entry> {
        match layer {
            Layer::Workspace => self.folders.get(folder?)?.values.get(key),
            _ => self.layers.get(&layer)?.get(key),
        }
    }

    /// Reads a file's layer anew; without a `source` it sets nothing. The workspace's layer is
    /// read by [`Settings::reload_workspace`].
    pub fn reload(&mut self, layer: Layer, source: Option<&Source>) -> Changes {
        let before = self.layers.remove(&layer).unwrap_or_default();
        let (values, problems) = match source {
            Some(source) => read(source, &before),
            None => (Values::new(), Vec::new()),
        };
        self.layers.insert(layer, before);
        Changes { keys: self.replace(layer, values), problems }
    }

    /// Reads a folder's layer anew. An untrusted folder sets nothing, and a problem says so.
    pub fn reload_workspace(
        &mut self,
        folder: &Path,
        source: Option<&Source>,
        trust: FolderTrust,
    ) -> Changes {
        let before = self.folders.remove(folder).map(|it| it.values).unwrap_or_default();
        let why = match trust {
            FolderTrust::Trusted => None,
            FolderTrust::Untrusted => Some(
                "it is ignored, since its folder is not trusted as it is now; `hearth trust` with \
                 the folder's path lets it count",
            ),
            FolderTrust::Locked => Some(
                "it is ignored, since the profile is locked and nobody knows whether its folder \
                 is trusted: unlock it first",
            ),
        };
        let (values, problems) = match (source, why) {
            (Some(source), Some(why)) => (Values::new(), vec![source.problem(0..0, why)]),
            (Some(source), None) => own_of_a_folder(source, &before),
            (None, _) => (Values::new(), Vec::new()),
        };
        let value = |values: &Values, key: &str| values.get(key).map(|entry| entry.value.clone());
        let session = self.layers.get(&Layer::Session);
        let is_hidden = |key: &str| session.is_some_and(|values| values.contains_key(key));
        let keys = SCHEMA.iter().map(|setting| setting.key);
        let is_new = |key: &&str| value(&before, key) != value(&values, key) && !is_hidden(key);
        let keys = keys.filter(is_new).collect();
        let tables = self.plain.clone();
        self.folders.insert(folder.to_owned(), Folder { values, tables });
        self.fill(Some(folder));
        Changes { keys, problems }
    }

    /// A folder is open no more, in whichever window.
    pub fn keep_folders(&mut self, is_open: impl Fn(&Path) -> bool) {
        self.folders.retain(|folder, _| is_open(folder));
    }

    /// Sets `key` until the program ends; `null` takes that back.
    ///
    /// # Errors
    /// An unknown key, or a value that it does not take.
    pub fn set_session(&mut self, key: &str, value: Value) -> Result<Changes, Fault> {
        let setting = check(key, &value)?;
        let mut values = self.layers.get(&Layer::Session).cloned().unwrap_or_default();
        if value.is_null() {
            values.remove(setting.key);
        } else {
            values.insert(setting.key, Entry { value, place: None });
        }
        Ok(Changes { keys: self.replace(Layer::Session, values), problems: Vec::new() })
    }

    /// Puts `values` into `layer` and gives the keys whose value in force changed anywhere.
    fn replace(&mut self, layer: Layer, values: Values) -> Vec<&'static str> {
        let places: Vec<Option<PathBuf>> =
            std::iter::once(None).chain(self.folders.keys().cloned().map(Some)).collect();
        let all = |settings: &Self| -> Vec<Vec<Option<Value>>> {
            let value = |setting: &Setting| {
                let get = |place: &Option<PathBuf>| {
                    settings.get_in(place.as_deref(), setting.key).cloned()
                };
                places.iter().map(get).collect()
            };
            SCHEMA.iter().map(value).collect()
        };
        let before = all(self);
        self.layers.insert(layer, values);
        let changed = SCHEMA.iter().zip(before).zip(all(self));
        let changed = changed.filter(|((_, before), after)| before != after);
        let changed: Vec<_> = changed.map(|((setting, _), _)| setting.key).collect();
        if !changed.is_empty() {
            places.iter().for_each(|place| self.fill(place.as_deref()));
        }
        changed
    }

    /// Makes the plain fields of a folder's, or of none, what its layers say.
    fn fill(&mut self, folder: Option<&Path>) {
        let get =
            |key: &str| self.get_in(folder, key).expect("each field reads a key of the schema");
        let tables = typed::Reader(get).tables();
        match folder {
            None => self.plain = tables,
            Some(folder) => {
                if let Some(place) = self.folders.get_mut(folder) {
                    place.tables = tables;
                }
            }
        }
    }
}

/// What a folder sets: not what counts for all windows.
fn own_of_a_folder(source: &Source, before: &Values) -> (Values, Vec<Problem>) {
    let (mut values, mut problems) = read(source, before);
    for key in PROCESS_WIDE {
        let Some(entry) = values.remove(key) else { continue };
        problems.push(Problem {
            path: source.path.clone(),
            line: entry.place.map_or(1, |(_, line)| line),
            sentence: format!("{key} counts for all windows: move it to your own settings"),
        });
    }
    (values, by_line(problems))
}

/// The setting that `key` names, if it takes `value` or `value` is `null`.
fn check(key: &str, value: &Value) -> Result<&'static Setting, Fault> {
    let setting = schema::find(key).ok_or_else(|| {
        Fault::unknown(format!("There is no setting \"{key}\"; `hearth settings` lists them."))
    })?;
    if value.is_null() || setting.kind.takes(value) {
        Ok(setting)
    } else {
        Err(Fault::usage(format!("{key} takes {}.", setting.kind.words())))
    }
}

/// Reads `source`. A setting whose entry is bad keeps its value in `before`; where a line did not
/// even parse, so does every setting that the file no longer seems to have.
fn read(source: &Source, before: &Values) -> (Values, Vec<Problem>) {
    let (table, mut problems) = source.parse();
    let torn = !problems.is_empty();
    let mut reader =
        Reader { source, values: Values::new(), bad: BTreeSet::new(), problems: Vec::new() };
    reader.table("", table.get_ref());
    problems.append(&mut reader.problems);
    let mut values = reader.values;
    for (key, entry) in before {
        if (torn || reader.bad.contains(key)) && !values.contains_key(key) {
            values.insert(key, entry.clone());
        }
    }
    (values, by_line(problems))
}

struct Reader<'a> {
    source: &'a Source,
    values: Values,
    bad: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{above}{}", name.get_ref());
            let inner = format!("{key}.");
            let is_table = SCHEMA.iter().any(|setting| setting.key.starts_with(&inner));
            match (schema::find(&key), value.get_ref()) {
                (Some(setting), _) => self.setting(setting, value),
                (None, DeValue::Table(table)) if is_table => self.table(&inner, table),
                (None, _) if is_table => {
                    let sentence = format!("\"{key}\" is a table of settings");
                    self.problems.push(self.source.problem(name.span(), sentence));
                }
                (None, _) => {
                    let sentence =
                        format!("\"{key}\" is not a setting; `hearth settings` lists them");
                    self.problems.push(self.source.problem(name.span(), sentence));
                }
            }
        }
    }

    fn setting(&mut self, setting: &'static Setting, value: &Spanned<DeValue<'_>>) {
        let taken = to_json(value.get_ref()).filter(|value| setting.kind.takes(value));
        let Some(taken) = taken else {
            let sentence = format!("{} takes {}", setting.key, setting.kind.words());
            self.problems.push(self.source.problem(value.span(), sentence));
            self.bad.insert(setting.key);
            return;
        };
        let line = self.source.problem(value.span(), "").line;
        let place = Some((self.source.path.clone(), line));
        self.values.insert(setting.key, Entry { value: taken, place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(text: &str) -> Source {
        Source::new("s.toml", text)
    }

    fn lines(changes: &Changes) -> Vec<usize> {
        changes.problems.iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn the_last_layer_that_sets_a_value_wins_and_says_so() {
        let mut settings = Settings::default();
        assert_eq!(settings.editor().tab_width, 4);
        let user = source("[editor]\ntab_width = 2\n");
        let changes = settings.reload(Layer::User, Some(&user));
        assert_eq!(changes.keys, ["editor.tab_width"]);
        let changes = settings.reload(Layer::Device, Some(&source("[editor]\ntab_width = 8\n")));
        assert!(changes.keys.is_empty(), "the user's value still stands");
        assert_eq!(settings.editor().tab_width, 2);
        let origin = settings.origin("editor.tab_width").unwrap();
        assert_eq!(origin, Origin { layer: Layer::User, place: Some(("s.toml".into(), 2)) });
        settings.reload(Layer::User, None);
        assert_eq!(settings.editor().tab_width, 8);
        settings.reload(Layer::Device, None);
        assert_eq!(settings.origin("editor.tab_width").unwrap().layer, Layer::BuiltIn);
    }

    #[test]
    fn a_bad_value_is_named_and_the_old_one_stays() {
        let mut settings = Settings::default();
        settings.reload(
            Layer::User,
            Some(&source("editor.tab_width = 2\nfiles.final_newline = false")),
        );
        let bad = source("[editor]\n# too many\ntab_width = 99\nfont_size = 20\n");
        let changes = settings.reload(Layer::User, Some(&bad));
        assert_eq!(
            changes.problems[0].to_string(),
            "s.toml:3: editor.tab_width takes a whole number from 1 to 16."
        );
        assert_eq!(settings.editor().tab_width, 2);
        assert_eq!(settings.editor().font_size, 20.0);
        assert!(settings.files_for(None).final_newline, "what the file no longer says is gone");
    }

    #[test]
    fn a_line_that_does_not_parse_costs_no_other_setting() {
        let mut settings = Settings::default();
        settings.reload(Layer::User, Some(&source("[editor]\ntab_width = 2\nligatures = false\n")));
        let torn = source("[editor]\ntab_width = \nscroll_margin = 5\n");
        let changes = settings.reload(Layer::User, Some(&torn));
        assert_eq!(lines(&changes), [2], "{changes:?}");
        assert_eq!(settings.editor().tab_width, 2);
        assert_eq!(settings.editor().scroll_margin, 5);
        assert!(!settings.editor().ligatures);
    }

    #[test]
    fn unknown_settings_are_named() {
        let mut settings = Settings::default();
        let wrong = source("editor = 3\n[edtor]\nx = 1\n[files]\nfinal_newlin = true\n");
        let changes = settings.reload(Layer::User, Some(&wrong));
        assert_eq!(lines(&changes), [1, 2, 5], "{changes:?}");
        assert!(changes.keys.is_empty());
    }

    #[test]
    fn an_untrusted_folder_sets_nothing_and_that_is_said() {
        let mut settings = Settings::default();
        let folder = source("editor.tab_width = 2");
        let mut reload = |trust| settings.reload_workspace(Path::new("/w"), Some(&folder), trust);
        let changes = reload(FolderTrust::Untrusted);
        assert!(changes.keys.is_empty());
        assert!(changes.problems[0].sentence.contains("not trusted"));
        let changes = reload(FolderTrust::Trusted);
        assert_eq!(changes.keys, ["editor.tab_width"]);
        assert!(changes.problems.is_empty());
        let changes = reload(FolderTrust::Locked);
        assert_eq!(changes.keys, ["editor.tab_width"], "trust that is taken back takes it along");
        assert!(changes.problems[0].sentence.contains("locked"));
    }

    #[test]
    fn each_folder_has_a_layer_of_its_own() {
        let mut settings = Settings::default();
        let (a, inner, b) = (Path::new("/a"), Path::new("/a/inner"), Path::new("/b"));
        for (folder, text) in [
            (a, "[editor]\ntab_width = 2\nfont_family = \"X\""),
            (inner, "editor.insert_spaces = false"),
            (b, "editor.tab_width = 8"),
        ] {
            let changes =
                settings.reload_workspace(folder, Some(&source(text)), FolderTrust::Trusted);
            assert_eq!(lines(&changes), if folder == a { vec![3] } else { vec![] }, "{changes:?}");
        }
        assert_eq!(settings.editor().tab_width, 4, "nothing is looked from yet");
        let of = |settings: &mut Settings, folder: Option<&Path>| {
            settings.look_from(folder);
            let origin = settings.origin("editor.tab_width").unwrap().layer;
            (settings.editor().tab_width, origin)
        };
        assert_eq!(of(&mut settings, Some(a)), (2, Layer::Workspace));
        assert_eq!(of(&mut settings, Some(b)), (8, Layer::Workspace));
        assert_eq!(of(&mut settings, Some(Path::new("/c"))), (4, Layer::BuiltIn));
        settings.look_from(Some(a));
        let width = |file: &str| settings.editor_for(Some(Path::new(file))).tab_width;
        assert_eq!([width("/b/x.rs"), width("/a/x.rs"), width("/a/inner/x.rs")], [8, 2, 4]);
        assert_eq!(width("/elsewhere/x.rs"), 2, "what lies in no folder is as here");
        let changes = settings.reload(Layer::User, Some(&source("editor.tab_width = 3")));
        assert_eq!(changes.keys, ["editor.tab_width"]);
        assert_eq!(of(&mut settings, None), (3, Layer::User));
        assert_eq!(of(&mut settings, Some(b)), (8, Layer::Workspace));
        settings.set_session("editor.tab_width", json!(5)).unwrap();
        assert_eq!(of(&mut settings, Some(b)), (5, Layer::Session));
        settings.keep_folders(|folder| folder == a);
        settings.set_session("editor.tab_width", Value::Null).unwrap();
        assert_eq!(of(&mut settings, Some(b)), (3, Layer::User));
        assert_eq!(settings.editor().font_family, Settings::default().editor().font_family);
    }

    #[test]
    fn the_session_wins_until_it_is_taken_back() {
        let mut settings = Settings::default();
        settings.set_session("appearance.zoom", json!(1.5)).unwrap();
        assert_eq!(settings.appearance().zoom, 1.5);
        settings.set_session("appearance.zoom", Value::Null).unwrap();
        assert_eq!(settings.appearance().zoom, 1.0);
        assert!(settings.set_session("appearance.zoom", json!(100)).is_err());
        assert!(settings.set_session("appearance.zom", json!(1)).is_err());
    }

    #[test]
    fn every_setting_takes_what_it_is_by_itself() {
        for setting in SCHEMA {
            assert!(setting.kind.takes(&setting.preset.value()), "{}", setting.key);
            assert!(setting.about.ends_with('.'), "{}", setting.key);
        }
        let keys: BTreeSet<_> = SCHEMA.iter().map(|setting| setting.key).collect();
        assert_eq!(keys.len(), SCHEMA.len());
    }
}
