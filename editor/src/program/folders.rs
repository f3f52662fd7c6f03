//! What the folders of the windows say: their settings, their policy, and whether they are trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::gate::{CanonicalPath, Problem};

use super::Program;
use crate::buffer::Buffer;
use crate::guard::Space;
use crate::settings::FolderTrust;
use crate::source::{self, Source};
use crate::trust::OWN_FOLDER;
use crate::workers::Urgency;

/// What a folder said, and whether it counted.
pub(super) type Told = (Result<Option<String>, source::Problem>, FolderTrust);

/// What was read of all of them.
struct Read {
    problems: Vec<Problem>,
    folders: BTreeMap<PathBuf, (Result<Option<Source>, source::Problem>, FolderTrust)>,
}

impl Program {
    /// A window works in another folder now, or another window has the keyboard.
    pub(super) fn folders_changed(&mut self) {
        self.settings.look_from(self.window.folder.as_deref());
        let open: BTreeSet<PathBuf> = self.windows().filter_map(|it| it.folder.clone()).collect();
        let focus = self.focused_window();
        let focused = self.windows().find(|window| window.id == focus);
        let focused = focused.and_then(|window| window.folder.clone());
        self.settings.keep_folders(|folder| open.contains(folder));
        self.told_of_folders.retain(|folder, _| open.contains(folder));
        self.around.set_open(open, focused);
    }

    /// The same where what the folders say has to be read, too.
    pub(super) fn follow_folders(&mut self) {
        self.folders_changed();
        self.reload_folders();
        self.follow_files();
    }

    /// Reads the policy, and what the windows' folders say, on a worker.
    pub fn reload_folders(&mut self) {
        self.reload_folders_then(|_| {});
    }

    /// The same; `then` finds it in force.
    pub(super) fn reload_folders_then(&mut self, then: impl FnOnce(&mut Program) + Send + 'static) {
        let (places, around) = (self.places.clone(), self.around.clone());
        let (gate, stores) = (Arc::clone(&self.gate), self.stores.clone());
        self.workers.run(
            "reading what folders say",
            Urgency::Background,
            move || {
                let (problems, spaces) = around.reload(&places, &gate, stores.as_deref());
                let read = |(folder, space): (PathBuf, Space)| {
                    let source = Source::read(&own_settings(&folder));
                    (folder, (source, space.trust))
                };
                Read { problems, folders: spaces.into_iter().map(read).collect() }
            },
            move |program, read| {
                program.take_folders(read);
                then(program);
            },
        );
    }

    fn take_folders(&mut self, read: Read) {
        for problem in &read.problems {
            if !self.told_of_policy.contains(problem) {
                self.warn(format!("{problem}."));
            }
        }
        self.told_of_policy = read.problems;
        let open: BTreeSet<PathBuf> = self.windows().filter_map(|it| it.folder.clone()).collect();
        for (folder, (source, trust)) in read.folders {
            // Those of runs alone have no settings.
            if open.contains(&folder) {
                self.take_folder(folder, source, trust);
            }
        }
    }

    fn take_folder(
        &mut self,
        folder: PathBuf,
        source: Result<Option<Source>, source::Problem>,
        trust: FolderTrust,
    ) {
        if trust == FolderTrust::Locked && self.is_about_to_know() {
            return;
        }
        let told = (source.as_ref().map(|it| it.as_ref().map(|it| it.text.clone())), trust);
        let told: Told = (told.0.map_err(Clone::clone), told.1);
        if self.told_of_folders.get(&folder) == Some(&told) {
            return;
        }
        self.told_of_folders.insert(folder.clone(), told);
        let mut changes = match source {
            Ok(source) => self.settings.reload_workspace(&folder, source.as_ref(), trust),
            // What it said before stays.
            Err(problem) => crate::settings::Changes { keys: Vec::new(), problems: vec![problem] },
        };
        changes.problems.sort_by_key(|problem| problem.line);
        self.settings_changed(&changes);
        if !changes.keys.is_empty() {
            self.obey_anew(&folder);
        }
    }

    /// Texts that were opened before it was known what their folder says.
    fn obey_anew(&mut self, folder: &Path) {
        let is_in = |buffer: &&Buffer| {
            !buffer.is_dirty() && buffer.path.as_ref().is_some_and(|path| path.starts_with(folder))
        };
        let inside: Vec<_> = self.buffers.values().filter(is_in).map(|buffer| buffer.id).collect();
        for id in inside {
            let file = self.buffers.get(&id).and_then(|buffer| buffer.path.clone());
            let habits = self.habits(file.as_deref());
            if let Some(buffer) = self.buffers.get_mut(&id) {
                let rules = std::mem::take(&mut buffer.house_rules);
                buffer.obey(rules, habits);
            }
        }
    }

    /// Whether it will be known in a moment which folders are trusted.
    fn is_about_to_know(&self) -> bool {
        self.is_opening_stores
            || self.is_restoring
            || (self.keys.is_some() && self.stores.is_none())
    }

    /// The folder whose policy counts for what is done in this window with `file`, or with none.
    pub(super) fn workspace_for(&self, file: Option<&Path>) -> Option<CanonicalPath> {
        let own = file.and_then(|file| self.around.root_around(file));
        own.or_else(|| self.around.root_of(self.window.folder.as_deref()?))
    }

    /// The files of the windows' folders that count where they are trusted.
    pub(super) fn folder_files(&self) -> Vec<PathBuf> {
        let folders = self.windows().filter_map(|window| window.folder.as_deref());
        folders
            .flat_map(|folder| [own_settings(folder), folder.join(OWN_FOLDER).join("policy.toml")])
            .collect()
    }
}

fn own_settings(folder: &Path) -> PathBuf {
    folder.join(OWN_FOLDER).join("settings.toml")
}
