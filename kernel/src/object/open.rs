//! What a store finds when it is opened: the index as it was saved, brought up to date from the
//! packs that are newer, or built again from all of them. Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::bytes::Bytes;
use super::error::{Damage, DamageKind, ObjectError};
use super::facts::Fact;
use super::frame::{Head, Kind, Secrets};
use super::index::{Index, Place};
use super::pack::{self, Found, HEADER, PackHeader, Scan, read_exactly};
use crate::disk::{self, Disk, DiskFile, Open};

pub(super) const INDEX: &str = "index";

/// An index of 40 million frames would be longer.
const INDEX_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// Whole groups at the end of the newest pack that may not be durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) pack: u64,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What was found.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) index: Index,
    pub(super) damage: Vec<Damage>,
    pub(super) tail: Option<Tail>,
    /// The newest pack that counts and how much of it does; 0 for none.
    pub(super) last: (u64, u64),
    /// No pack has this id or a higher one, nor ever had.
    pub(super) next_pack: u64,
    /// Files of packs that were retired, or never came to anything.
    pub(super) litter: Vec<u64>,
    /// Whether the saved index no longer says all of it.
    pub(super) is_newer: bool,
}

/// A checkpoint: facts before `from` are void, and up to pack `at` there are only `packs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) from: u64,
    pub(super) at: u64,
    /// Each with how much of it counts, in bytes; all that there is of the one that was active.
    pub(super) packs: BTreeMap<u64, u64>,
}

impl Checkpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = [self.from.to_le_bytes(), self.at.to_le_bytes()].concat();
        for (pack, len) in &self.packs {
            out.extend_from_slice(&pack.to_le_bytes());
            out.extend_from_slice(&len.to_le_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let (from, at) = (bytes.u64()?, bytes.u64()?);
        let mut checkpoint = Self { from, at, packs: BTreeMap::new() };
        while !bytes.0.is_empty() {
            checkpoint.packs.insert(bytes.u64()?, bytes.u64()?);
        }
        Some(checkpoint)
    }

    fn retires(&self, pack: u64) -> bool {
        pack <= self.at && !self.packs.contains_key(&pack)
    }
}

/// A pack to be scanned.
struct Pack {
    id: u64,
    file: Arc<dyn DiskFile>,
    header: Option<PackHeader>,
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    secrets: &'a Secrets,
    found: Opened,
    /// Packs that something says were there.
    named: BTreeSet<u64>,
}

/// Finds out what the store in `dir` holds.
pub(super) fn open(disk: &dyn Disk, dir: &Path, secrets: &Secrets) -> Result<Opened, ObjectError> {
    let names = disk.list(dir).map_err(|error| ObjectError::Disk(dir.to_owned(), error))?;
    let ids: BTreeSet<u64> = names.iter().filter_map(|name| pack::parse(name)).collect();
    let (found, named) = (Opened::default(), BTreeSet::new());
    let mut opening = Opening { disk, dir, secrets, found, named };
    opening.load_index(&ids);
    let mut packs = opening.fresh(&ids)?;
    // What never came to anything is not the newest pack: the one before may have a tail.
    while let Some(pack) =
        packs.pop_if(|pack| pack.header.is_none() && pack::is_blank(&*pack.file).unwrap_or(false))
    {
        opening.found.litter.push(pack.id);
    }
    // From the newest back, because a checkpoint says how much of the older ones counts.
    let mut scans = Vec::new();
    for at in (0..packs.len()).rev() {
        if let Some(scan) = opening.scan(&packs[at], packs.get(at + 1)) {
            opening.look_for_checkpoint(&packs[at], &scan);
            scans.push((at, scan));
        }
    }
    for (at, scan) in scans.into_iter().rev() {
        opening.absorb(&packs[at], &scan, at + 1 == packs.len());
    }
    opening.settle(&ids);
    let highest = ids.iter().chain(&opening.named).max().copied().unwrap_or(0);
    opening.found.next_pack = highest + 1;
    Ok(opening.found)
}

impl Opening<'_> {
    /// Takes the saved index, if it is whole and speaks of files that are there.
    fn load_index(&mut self, ids: &BTreeSet<u64>) {
        let bytes = match disk::read(self.disk, &self.dir.join(INDEX), INDEX_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(_) => Vec::new(),
        };
        let Some(index) = Index::decode(&bytes, self.secrets) else {
            self.report(INDEX.to_owned(), DamageKind::Index);
            return;
        };
        self.named.extend(index.packs.keys());
        if self.named.is_subset(ids) {
            self.found.last = index.packs.last_key_value().map_or((0, 0), |(id, len)| (*id, *len));
            self.found.index = index;
        }
    }

    fn report(&mut self, file: String, what: DamageKind) {
        self.found.damage.push(Damage { file, what });
    }

    /// The packs that the index does not know wholly, in order.
    fn fresh(&mut self, ids: &BTreeSet<u64>) -> Result<Vec<Pack>, ObjectError> {
        let index = &self.found.index;
        let newest = self.found.last.0;
        let (retired, rest): (Vec<u64>, Vec<u64>) =
            ids.iter().partition(|id| index.checkpoint.retires(**id));
        let fresh = rest.into_iter().filter(|id| *id == newest || !index.packs.contains_key(id));
        let fresh: Vec<u64> = fresh.collect();
        self.found.litter.extend(retired);
        let mut packs = Vec::new();
        for id in fresh {
            let path = pack::path(self.dir, id);
            let at = |error| ObjectError::Disk(path.clone(), error);
            let file = self.disk.open(&path, Open::Read).map_err(at)?;
            let header = match PackHeader::read(&*file, id) {
                Ok(Found::Newer) => return Err(ObjectError::Newer(path)),
                Ok(Found::Whole(header)) => Some(header),
                Ok(Found::Damaged) | Err(_) => None,
            };
            packs.push(Pack { id, file, header });
        }
        Ok(packs)
    }

    /// Scans a pack; `next` is the next newer one. `None` for one that does not count.
    fn scan(&mut self, pack: &Pack, next: Option<&Pack>) -> Option<Scan> {
        let checkpoint = &self.found.index.checkpoint;
        if checkpoint.retires(pack.id) {
            self.found.litter.push(pack.id);
            return None;
        }
        let known = self.found.index.packs.get(&pack.id).copied();
        let from = known.unwrap_or(HEADER);
        let bound = checkpoint.packs.get(&pack.id).copied().filter(|it| *it != pack::TO_THE_END);
        let scan = match (bound, next.map(|next| next.header)) {
            (Some(bound), _) => pack::scan_closed(&*pack.file, from, bound),
            (None, Some(Some(header))) if header.previous == pack.id => {
                pack::scan_closed(&*pack.file, from, header.previous_bytes)
            }
            // The one after it passed it over: nothing in it was promised.
            (None, Some(Some(header))) if header.previous < pack.id && known.is_none() => {
                self.found.litter.push(pack.id);
                return None;
            }
            (None, Some(_)) => pack::scan_closed(&*pack.file, from, pack::TO_THE_END),
            (None, None) => {
                let durable = pack.header.map_or(HEADER, |header| header.durable).max(from);
                pack::scan_newest(self.secrets, &*pack.file, pack.id, from, durable)
            }
        };
        if pack.header.is_none() {
            self.report(file_name(pack.id), DamageKind::PackHeader);
            self.found.index.worn.insert(pack.id);
        }
        self.named.extend(pack.header.map(|header| header.previous).filter(|id| *id != 0));
        // What the disk does not give now counts once it can be read again.
        scan.map(Some).unwrap_or_else(|_| {
            self.report(file_name(pack.id), DamageKind::Unreadable(from, pack::TO_THE_END));
            self.found.index.incomplete = true;
            if next.is_none() {
                self.found.last = (pack.id, pack::TO_THE_END);
            }
            None
        })
    }

    fn look_for_checkpoint(&mut self, pack: &Pack, scan: &Scan) {
        let heads = scan.frames.iter().filter(|(head, _)| head.kind == Kind::Checkpoint);
        for (head, offset) in heads {
            let bytes = read_exactly(&*pack.file, *offset, head.frame_bytes());
            let content = bytes.ok().and_then(|bytes| self.secrets.decode(&bytes));
            let checkpoint = content.and_then(|(_, content)| Checkpoint::decode(&content));
            // A damaged one is reported with the other facts.
            if let Some(checkpoint) = checkpoint
                && checkpoint.from >= self.found.index.checkpoint.from
            {
                self.found.index.checkpoint = checkpoint;
            }
        }
    }

    fn absorb(&mut self, pack: &Pack, scan: &Scan, is_newest: bool) {
        self.found.is_newer |= !scan.frames.is_empty();
        for (head, offset) in &scan.frames {
            let index = &mut self.found.index;
            index.next_sequence = index.next_sequence.max(head.sequence + 1);
            if head.kind.is_indexed() {
                let bytes = head.frame_bytes() as u32;
                let place = Place { pack: pack.id, offset: *offset as u32, bytes, kind: head.kind };
                let before = index.table.set(head.id, Some(place));
                index.worn.extend(before.map(|it| it.pack).filter(|it| *it != pack.id));
            } else if head.kind != Kind::Commit && self.learn(pack, head, *offset).is_none() {
                self.report(file_name(pack.id), DamageKind::Fact(*offset));
                self.found.index.incomplete = true;
                self.found.index.worn.insert(pack.id);
            }
        }
        for hole in &scan.holes {
            self.report(file_name(pack.id), DamageKind::Unreadable(hole.start, hole.end));
            self.found.index.incomplete = true;
            self.found.index.worn.insert(pack.id);
        }
        let found = &mut self.found;
        found.index.packs.insert(pack.id, scan.durable);
        if found.last.0 <= pack.id {
            found.last = (pack.id, scan.durable);
        }
        if is_newest && scan.end > scan.durable {
            found.tail = Some(Tail { pack: pack.id, from: scan.durable, to: scan.end });
        }
        if is_newest && scan.len > scan.end {
            self.report(file_name(pack.id), DamageKind::TornTail(scan.end, scan.len));
        }
    }

    fn learn(&mut self, pack: &Pack, head: &Head, offset: u64) -> Option<()> {
        let bytes = read_exactly(&*pack.file, offset, head.frame_bytes()).ok()?;
        let (_, content) = self.secrets.decode(&bytes)?;
        let index = &mut self.found.index;
        if head.kind == Kind::Checkpoint {
            index.facts.start_at(Checkpoint::decode(&content)?.from);
        } else {
            index.facts.learn(Fact::decode(head.kind, &content)?, head.sequence);
        }
        Some(())
    }

    /// Leaves out what was retired and swept, and says what is not there.
    fn settle(&mut self, ids: &BTreeSet<u64>) {
        let index = &mut self.found.index;
        let retired: BTreeSet<u64> =
            index.packs.keys().copied().filter(|id| index.checkpoint.retires(*id)).collect();
        if !retired.is_empty() {
            let stale: Vec<_> = index
                .table
                .iter()
                .filter(|(_, place)| retired.contains(&place.pack))
                .map(|(id, _)| id)
                .collect();
            for id in stale {
                index.table.set(id, None);
            }
            index.packs.retain(|id, _| !retired.contains(id));
            index.worn.retain(|id| !retired.contains(id));
            self.found.litter.extend(retired);
        }
        if self.found.is_newer {
            let swept: Vec<_> = index.facts.swept().collect();
            for id in swept {
                index.table.set(id, None);
            }
        }
        let checkpoint = index.checkpoint.clone();
        self.named.extend(checkpoint.packs.keys());
        let gone: Vec<u64> =
            self.named.difference(ids).copied().filter(|id| !checkpoint.retires(*id)).collect();
        for id in gone {
            self.report(file_name(id), DamageKind::Gone);
            self.found.index.incomplete = true;
        }
    }
}

fn file_name(pack: u64) -> String {
    pack::path(Path::new(""), pack).display().to_string()
}
