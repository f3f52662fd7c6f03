//! What lies on the disk of a shared folder: looked at after other programs, and written.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use kernel::object::{ObjectId, Root};
use sync::{Act, FileId, RelativePath, WorkspaceId, Writing};
use text::{Rope, TextHash};

use super::{TOGETHER, Worker};
use crate::notice::Severity;
use crate::sharing::Order;
use crate::sharing::folder::{Folder, Lies};

impl Worker {
    /// Looks at what another program touched, together with what it touches meanwhile.
    pub(super) fn touched(
        &mut self,
        id: WorkspaceId,
        paths: Vec<PathBuf>,
        orders: &Receiver<Order>,
    ) {
        let mut all: BTreeSet<PathBuf> = paths.into_iter().collect();
        let mut later = Vec::new();
        let until = Instant::now() + TOGETHER;
        while let Ok(order) = orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match order {
                Order::Touched(other, more) if other == id => all.extend(more),
                other => {
                    later.push(other);
                    break;
                }
            }
        }
        let Some(shared) = self.shared.get(&id) else { return };
        let mut places: BTreeSet<RelativePath> = BTreeSet::new();
        for path in all {
            let Some(place) = shared.folder.relative(&path) else { continue };
            // A folder that went took what was in it along.
            let inside = format!("{}/", place.as_str());
            let below = |it: &&RelativePath| it.as_str().starts_with(&inside);
            places.extend(shared.workspace.paths().filter(below).cloned());
            if path.is_dir() {
                let found = shared.folder.files().into_iter();
                places.extend(found.filter(|it| it.as_str().starts_with(&inside)));
            } else {
                places.insert(place);
            }
        }
        self.look(id, places);
        for order in later {
            self.obey(order, orders);
        }
    }

    pub(super) fn rescan(&mut self, id: WorkspaceId) {
        let Some(shared) = self.shared.get_mut(&id) else { return };
        shared.folder = Folder::new(shared.folder.root().to_owned());
        let places: BTreeSet<RelativePath> =
            shared.folder.files().into_iter().chain(shared.workspace.paths().cloned()).collect();
        self.look(id, places);
    }

    /// Brings what lies at these places into the workspace. A file that went while one of the same
    /// text came has another name now.
    pub(super) fn look(&mut self, id: WorkspaceId, places: BTreeSet<RelativePath>) {
        let Some(shared) = self.shared.get(&id) else { return };
        let mut gone: Vec<(FileId, RelativePath)> = Vec::new();
        let mut found: Vec<(RelativePath, String)> = Vec::new();
        for place in places {
            match (shared.folder.read(&place), shared.workspace.file_at(&place)) {
                (Lies::Text(text), _) => found.push((place, text)),
                (Lies::Nothing, Some(file)) => gone.push((file, place)),
                (Lies::Nothing, None) | (Lies::Other, _) => {}
            }
        }
        let (known, fresh): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(place, _)| shared.workspace.file_at(place).is_some());
        let mut new = Vec::new();
        for (place, text) in fresh {
            let same = |(file, _): &(FileId, RelativePath)| {
                shared.workspace.text(*file).is_some_and(|known| *known == text.as_str())
            };
            match gone.iter().position(same) {
                Some(at) => {
                    let (file, _) = gone.remove(at);
                    new.push((Some(file), place, text));
                }
                None => new.push((None, place, text)),
            }
        }
        for (file, place, _) in new.iter().filter(|(file, ..)| file.is_some()) {
            if let Some(file) = *file {
                self.write(id, |it, group| it.renamed(file, place.clone(), group));
            }
        }
        let fresh: Vec<(RelativePath, String)> = new
            .into_iter()
            .filter(|(file, ..)| file.is_none())
            .map(|(_, place, text)| (place, text))
            .collect();
        if !fresh.is_empty() {
            self.write(id, |it, group| it.share(fresh, group));
        }
        for (place, text) in known {
            self.write(id, |it, group| it.outside(&place, Some(text), group));
        }
        for (_, place) in gone {
            self.write(id, |it, group| it.outside(&place, None, group));
        }
    }

    /// Brings a file to a text, after what another program wrote into it meanwhile.
    pub(super) fn write_file(&mut self, id: WorkspaceId, writing: &Writing) -> Vec<Act> {
        let (Some(shared), Some(group)) = (self.shared.get_mut(&id), self.group.clone()) else {
            return Vec::new();
        };
        let wanted = TextHash::of(&writing.text);
        match shared.folder.read(&writing.path) {
            Lies::Text(found) => {
                let hash = TextHash::of(&Rope::from_str(&found));
                if hash == wanted {
                    return Vec::new();
                }
                if writing.before.is_some() && writing.before != Some(hash) {
                    // Another program was quicker: both are in the text, and then on the disk.
                    shared.workspace.not_written(writing);
                    let merged = shared.workspace.outside(&writing.path, Some(found), &*group);
                    return merged.unwrap_or_else(|_| {
                        // What is on the disk is looked at again once there is a key.
                        self.unseen.insert(id);
                        Vec::new()
                    });
                }
                if writing.before.is_none() {
                    return self.join_file(id, writing);
                }
            }
            Lies::Other => return self.join_file(id, writing),
            Lies::Nothing => {}
        }
        let written = shared.folder.write(&writing.path, &writing.text, &self.parts.safety);
        if let Err(sentence) = written {
            self.say(Severity::Error, sentence);
        }
        Vec::new()
    }

    /// A file of this device lies where one of the workspace comes: it is kept beside it.
    pub(super) fn join_file(&mut self, id: WorkspaceId, writing: &Writing) -> Vec<Act> {
        let Some(shared) = self.shared.get_mut(&id) else { return Vec::new() };
        match shared.folder.set_aside(&writing.path) {
            Ok(aside) => {
                shared.branched += 1;
                let written = shared.folder.write(&writing.path, &writing.text, &self.parts.safety);
                let name = writing.path.as_str();
                let sentence = match written {
                    Ok(()) => format!(
                        "{name} was here already and is another text: yours is now {}.",
                        aside.display()
                    ),
                    Err(sentence) => sentence,
                };
                self.say(Severity::Warning, sentence);
            }
            Err(error) => {
                let sentence = format!(
                    "{} was not written, since what lies there could not be kept: {error}.",
                    writing.path.as_str()
                );
                self.say(Severity::Error, sentence);
            }
        }
        Vec::new()
    }

    /// Keeps the texts of bases among these acts, all of them with one sync.
    pub(super) fn keep_bases(&self, id: WorkspaceId, acts: &mut Vec<Act>) {
        let mut batch = self.parts.objects.batch();
        let mut keep = |base: TextHash, text: &str| {
            let object = batch.put(text.as_bytes())?;
            batch.hold(&Root::new("sync", &format!("{id}/{base}")), object)
        };
        let (mut count, mut failed) = (0, None);
        acts.retain(|act| match act {
            Act::KeepBase(base, text) => {
                count += 1;
                failed = keep(*base, text).err().or(failed.take());
                false
            }
            _ => true,
        });
        if count > 0 {
            failed = batch.commit().err().or(failed);
        }
        if let Some(error) = failed {
            self.say(Severity::Error, format!("Shared texts could not be kept: {error}."));
        }
    }

    pub(super) fn load_base(&self, base: TextHash) -> Option<String> {
        let bytes = self.parts.objects.get(ObjectId(base.to_bytes())).ok()?;
        String::from_utf8(bytes.to_vec()).ok()
    }
}
