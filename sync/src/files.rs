//! The files of a workspace, as a function of the set of items: in whatever order they came, the
//! same files lie in the same places.
//!
//! Where a file lies is a register: of two placements that did not know of each other the later
//! holds, by their times and then by their chains. So a rename here and an edit there both hold,
//! and no move can make a cycle, since a place is a whole path. A removal names the edits that it
//! knew of, and holds only while there are no others.

use std::collections::BTreeMap;

use text::TextHash;

use crate::id::{ChainId, FileId};
use crate::item::{Item, RelativePath};

/// Orders placements and removals of a file.
type Stamp = (u64, ChainId, u64);

#[derive(Clone, Debug)]
struct Register {
    stamp: Stamp,
    path: RelativePath,
    base: TextHash,
}

#[derive(Clone, Debug)]
struct Removal {
    stamp: Stamp,
    seen: BTreeMap<ChainId, u64>,
}

#[derive(Clone, Debug, Default)]
struct State {
    place: Option<Register>,
    /// The first placement: what its history starts from does not change with its name.
    first: Option<(Stamp, TextHash)>,
    removal: Option<Removal>,
    /// Which batches edit it, in the order in which they came.
    edits: Vec<(ChainId, u64)>,
    /// How many of them had come when a device said last that it saved the file.
    saved: usize,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name on every device.
    pub id: FileId,
    /// Where it lies. Where several were placed there, all but the first carry a part of their id.
    pub path: RelativePath,
    /// The text that its history starts from.
    pub base: TextHash,
}

/// All files of a workspace.
#[derive(Clone, Debug, Default)]
pub struct Files {
    states: BTreeMap<FileId, State>,
    time: u64,
}

impl Files {
    /// Takes an item of the batch with this number of a chain.
    pub fn take(&mut self, item: &Item, chain: ChainId, number: u64) {
        let state = self.states.entry(item.file()).or_default();
        match item {
            Item::Placed { path, base, time, .. } => {
                self.time = self.time.max(*time);
                let stamp = (*time, chain, number);
                if state.place.as_ref().is_none_or(|place| place.stamp < stamp) {
                    state.place = Some(Register { stamp, path: path.clone(), base: *base });
                }
                if state.first.is_none_or(|(first, _)| stamp < first) {
                    state.first = Some((stamp, *base));
                }
            }
            Item::Edited { .. } => {
                if state.edits.last() != Some(&(chain, number)) {
                    state.edits.push((chain, number));
                }
            }
            // It says what lies on a disk, and nothing of the file itself.
            Item::Saved { .. } => state.saved = state.edits.len(),
            Item::Removed { time, seen, .. } => {
                self.time = self.time.max(*time);
                let stamp = (*time, chain, number);
                if state.removal.as_ref().is_none_or(|removal| removal.stamp < stamp) {
                    state.removal = Some(Removal { stamp, seen: seen.iter().copied().collect() });
                }
            }
        }
    }

    /// The files that are there, by id.
    pub fn iter(&self) -> impl Iterator<Item = File> {
        let mut taken: BTreeMap<String, FileId> = BTreeMap::new();
        let mut placed: Vec<(FileId, &State, &Register)> = self
            .states
            .iter()
            .filter(|(_, state)| state.is_there())
            .filter_map(|(id, state)| Some((*id, state, state.place.as_ref()?)))
            .collect();
        placed.sort_by_key(|(id, _, place)| (place.stamp, *id));
        let mut files: Vec<File> = Vec::with_capacity(placed.len());
        for (id, state, place) in placed {
            // Systems that do not tell large letters from small ones share these folders.
            let key = place.path.as_str().to_lowercase();
            let is_free = *taken.entry(key).or_insert(id) == id;
            let path = if is_free { place.path.clone() } else { beside(&place.path, id) };
            let base = state.first.map_or(place.base, |(_, base)| base);
            files.push(File { id, path, base });
        }
        files.sort_by_key(|file| file.id);
        files.into_iter()
    }

    /// Which batches edit a file, in the order in which they came.
    #[must_use]
    pub fn edits(&self, id: FileId) -> &[(ChainId, u64)] {
        self.states.get(&id).map_or(&[], |state| &state.edits)
    }

    /// How many of those had come when a device said last that it saved the file.
    #[must_use]
    pub fn saved(&self, id: FileId) -> usize {
        self.states.get(&id).map_or(0, |state| state.saved)
    }

    /// A placement as this device makes it now.
    #[must_use]
    pub fn place(&self, file: FileId, path: RelativePath, base: TextHash) -> Item {
        Item::Placed { file, path, base, time: self.time + 1 }
    }

    /// A removal as this device makes it now.
    #[must_use]
    pub fn remove(&self, file: FileId) -> Item {
        let mut seen: BTreeMap<ChainId, u64> = BTreeMap::new();
        for (chain, number) in self.edits(file) {
            let count = seen.entry(*chain).or_default();
            *count = (*count).max(number + 1);
        }
        Item::Removed { file, time: self.time + 1, seen: seen.into_iter().collect() }
    }
}

impl State {
    fn is_there(&self) -> bool {
        let (Some(place), Some(removal)) = (&self.place, &self.removal) else {
            return self.place.is_some();
        };
        let is_newer = place.stamp > removal.stamp;
        let knew =
            |edit: &(ChainId, u64)| removal.seen.get(&edit.0).is_some_and(|count| edit.1 < *count);
        is_newer || !self.edits.iter().all(knew)
    }
}

/// The path of a file whose place another one has: `name (1a2b3c4d).rs`.
fn beside(path: &RelativePath, id: FileId) -> RelativePath {
    let text = path.as_str();
    let name_at = text.rfind('/').map_or(0, |slash| slash + 1);
    let dot = text[name_at..].rfind('.').filter(|dot| *dot > 0);
    let end = dot.map_or(text.len(), |dot| name_at + dot);
    let mark = &id.to_string()[..8];
    let beside = format!("{} ({mark}){}", &text[..end], &text[end..]);
    RelativePath::new(&beside).unwrap_or_else(|| path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ChainId = ChainId([1; 16]);
    const THERE: ChainId = ChainId([2; 16]);
    const FILE: FileId = FileId([7; 16]);

    fn path(text: &str) -> RelativePath {
        RelativePath::new(text).unwrap()
    }

    fn base() -> TextHash {
        TextHash::from_bytes([3; 32])
    }

    fn edited() -> Item {
        // What is in it does not count here.
        Item::Edited { file: FILE, operations: Vec::new() }
    }

    /// The files after all items, in every order.
    fn outcomes(items: &[(Item, ChainId, u64)]) -> Vec<Vec<File>> {
        let mut orders = vec![vec![]];
        for index in 0..items.len() {
            orders = orders
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    (0..=order.len()).map(move |at| {
                        let mut order = order.clone();
                        order.insert(at, index);
                        order
                    })
                })
                .collect();
        }
        let after = |order: Vec<usize>| {
            let mut files = Files::default();
            for index in order {
                let (item, chain, number) = &items[index];
                files.take(item, *chain, *number);
            }
            files.iter().collect()
        };
        orders.into_iter().map(after).collect()
    }

    #[test]
    fn a_rename_here_and_an_edit_there_both_hold() {
        let mut files = Files::default();
        let first = files.place(FILE, path("a.rs"), base());
        files.take(&first, HERE, 0);
        let renamed = files.place(FILE, path("b/c.rs"), base());
        for found in outcomes(&[(first, HERE, 0), (renamed, HERE, 1), (edited(), THERE, 0)]) {
            assert_eq!(found, [File { id: FILE, path: path("b/c.rs"), base: base() }]);
        }
    }

    #[test]
    fn an_edit_that_a_removal_did_not_know_brings_the_file_back() {
        let mut files = Files::default();
        let first = files.place(FILE, path("a.rs"), base());
        files.take(&first, HERE, 0);
        files.take(&edited(), HERE, 1);
        let removed = files.remove(FILE);
        let known = [(first, HERE, 0), (edited(), HERE, 1), (removed, HERE, 2)];
        assert!(outcomes(&known).iter().all(Vec::is_empty), "it knew of all edits");
        let mut unknown = known.to_vec();
        unknown.push((edited(), THERE, 0));
        assert!(outcomes(&unknown).iter().all(|found| found.len() == 1));
    }

    #[test]
    fn a_file_that_is_placed_anew_after_its_removal_is_there() {
        let mut files = Files::default();
        let first = files.place(FILE, path("a.rs"), base());
        files.take(&first, HERE, 0);
        let removed = files.remove(FILE);
        files.take(&removed, HERE, 1);
        let again = files.place(FILE, path("a.rs"), base());
        for found in outcomes(&[(first, HERE, 0), (removed, HERE, 1), (again, HERE, 2)]) {
            assert_eq!(found.len(), 1);
        }
    }

    #[test]
    fn two_files_of_one_name_both_stay_and_lie_apart_the_same_way_everywhere() {
        let other = FileId([0xab; 16]);
        let files = Files::default();
        let one = files.place(FILE, path("src/a.rs"), base());
        let two = files.place(other, path("src/A.rs"), base());
        let found = outcomes(&[(one, HERE, 0), (two, THERE, 0)]);
        let paths: Vec<&str> = found[0].iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["src/a.rs", "src/A (abababab).rs"]);
        assert!(found.iter().all(|it| *it == found[0]));
    }
}
