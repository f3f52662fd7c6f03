//! Where every chunk, node and manifest lies, and the file that remembers it.
//!
//! The file can be thrown away: the packs say all of it. It is `"HEARTHOI"`, the version (4 bytes),
//! the next sequence (8), the number of packs (4), of entries (4) and of sealed bytes of facts (4);
//! the packs (id and durable length, 8 bytes each); the entries, sorted (id 32, place 17); frames
//! with the facts; and a keyed hash (32) of all that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ObjectError;
use super::bytes::Bytes;
use super::facts::{Fact, Facts};
use super::frame::{CONTENT_BYTES_MAX, FrameId, Head, Kind, Secrets};
use super::open::Checkpoint;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pack: u64,
    pub(super) offset: u32,
    /// The whole frame's length, in bytes.
    pub(super) bytes: u32,
    pub(super) kind: Kind,
}

const ID: usize = 32;
const PLACE: usize = 17;
const ENTRY: usize = ID + PLACE;
const MAGIC: [u8; 8] = *b"HEARTHOI";
const VERSION: u32 = 1;
const HEADER: usize = 32;
const MAC: usize = 32;
const MAC_DOMAIN: &[u8] = b"index\0";
/// Facts are sealed in pieces of about this length, in bytes.
const FACTS_BYTES: usize = 1024 * 1024;

impl Place {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.pack.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.push(self.kind as u8);
    }

    pub(super) fn take(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (pack, offset, len) = (bytes.u64()?, bytes.u32()?, bytes.u32()?);
        let kind = Kind::of(bytes.u8()?)?;
        Some(Self { pack, offset, bytes: len, kind })
    }
}

/// The places by id: a sorted run as it was read, and what has changed since.
#[derive(Default)]
pub(super) struct Table {
    /// Entries of [`ENTRY`] bytes.
    run: Vec<u8>,
    /// What differs from it; `None` is an entry that is gone.
    changed: HashMap<FrameId, Option<Place>>,
}

impl Table {
    pub(super) fn get(&self, id: FrameId) -> Option<Place> {
        match self.changed.get(&id) {
            Some(place) => *place,
            None => self.in_run(id),
        }
    }

    /// Sets or removes an entry and answers what was there.
    pub(super) fn set(&mut self, id: FrameId, place: Option<Place>) -> Option<Place> {
        let before = self.get(id);
        self.changed.insert(id, place);
        before
    }

    fn in_run(&self, id: FrameId) -> Option<Place> {
        let (mut low, mut high) = (0, self.run.len() / ENTRY);
        while low < high {
            let middle = (low + high) / 2;
            let entry = &self.run[middle * ENTRY..][..ENTRY];
            match entry[..ID].cmp(&id.0) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Place::take(&mut Bytes(&entry[ID..])),
            }
        }
        None
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (FrameId, Place)> {
        let run = self.run.chunks_exact(ENTRY).filter_map(|entry| {
            let id = FrameId(*entry.first_chunk()?);
            let place = Place::take(&mut Bytes(&entry[ID..]))?;
            (!self.changed.contains_key(&id)).then_some((id, place))
        });
        let changed = self.changed.iter().filter_map(|(id, place)| Some((*id, (*place)?)));
        run.chain(changed)
    }

    /// Whether anything has changed since it was read or written.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Sorts what has changed into the run.
    fn settle(&mut self) {
        let mut all: Vec<(FrameId, Place)> = self.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        let mut run = Vec::with_capacity(all.len() * ENTRY);
        for (id, place) in all {
            run.extend_from_slice(&id.0);
            place.put(&mut run);
        }
        self.run = run;
        self.changed = HashMap::new();
    }
}

/// Everything that is known of a store's packs.
#[derive(Default)]
pub(super) struct Index {
    pub(super) table: Table,
    pub(super) facts: Facts,
    /// The packs, with how long each is known to be durable, in bytes.
    pub(super) packs: BTreeMap<u64, u64>,
    /// Packs that the next sweep has to rewrite: they are damaged, or hold frames that later packs
    /// hold too, which a sweep that was cut short has left.
    pub(super) worn: BTreeSet<u64>,
    /// The last one that was written.
    pub(super) checkpoint: Checkpoint,
    /// Whether facts may have been lost.
    pub(super) incomplete: bool,
    pub(super) next_sequence: u64,
}

impl Index {
    /// The file's content.
    pub(super) fn encode(&mut self, secrets: &Secrets) -> Result<Vec<u8>, ObjectError> {
        self.table.settle();
        let mut facts = Vec::new();
        let mut piece = self.facts.void_below().to_le_bytes().to_vec();
        piece.push(u8::from(self.incomplete));
        piece.extend_from_slice(&(self.worn.len() as u32).to_le_bytes());
        self.worn.iter().for_each(|pack| piece.extend_from_slice(&pack.to_le_bytes()));
        piece.extend_from_slice(&self.checkpoint.encode());
        let mut number = 0;
        let mut seal = |piece: &mut Vec<u8>| {
            let sealed = secrets.encode(Kind::Checkpoint, number_id(number), 0, piece, &mut facts);
            number += 1;
            piece.clear();
            sealed
        };
        seal(&mut piece)?;
        for (sequence, fact) in self.facts.known() {
            let bytes = fact.encode();
            if piece.len() + bytes.len() > FACTS_BYTES {
                seal(&mut piece)?;
            }
            piece.extend_from_slice(&sequence.to_le_bytes());
            piece.push(fact.kind() as u8);
            piece.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            piece.extend_from_slice(&bytes);
        }
        seal(&mut piece)?;
        let entries = self.table.run.len() / ENTRY;
        let mut out = Vec::with_capacity(HEADER + self.table.run.len() + facts.len() + 4096);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.next_sequence.to_le_bytes());
        for count in [self.packs.len(), entries, facts.len()] {
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for (pack, len) in &self.packs {
            out.extend_from_slice(&pack.to_le_bytes());
            out.extend_from_slice(&len.to_le_bytes());
        }
        out.extend_from_slice(&self.table.run);
        out.extend_from_slice(&facts);
        let mac = secrets.authenticate(MAC_DOMAIN, &out);
        out.extend_from_slice(&mac);
        Ok(out)
    }

    /// What a file says; `None` for one that is not as it was written.
    pub(super) fn decode(bytes: &[u8], secrets: &Secrets) -> Option<Self> {
        let (content, mac) = bytes.split_last_chunk::<MAC>()?;
        if content.get(..8)? != MAGIC || *mac != secrets.authenticate(MAC_DOMAIN, content) {
            return None;
        }
        let mut bytes = Bytes(&content[8..]);
        let version = bytes.u32()?;
        let next_sequence = bytes.u64()?;
        let (packs, entries, facts) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
        let mut index = Self { next_sequence, ..Self::default() };
        for _ in 0..packs {
            index.packs.insert(bytes.u64()?, bytes.u64()?);
        }
        let run = bytes.take((entries as usize).checked_mul(ENTRY)?)?;
        index.table.run = run.to_vec();
        let facts = bytes.take(facts as usize)?;
        bytes.end().filter(|()| version == VERSION)?;
        index.take_facts(facts, secrets).map(|()| index)
    }

    fn take_facts(&mut self, mut frames: &[u8], secrets: &Secrets) -> Option<()> {
        for number in 0.. {
            if frames.is_empty() {
                break;
            }
            let len = Head::decode(frames)?.frame_bytes();
            let (frame, rest) = frames.split_at_checked(len)?;
            frames = rest;
            let (head, content) = secrets.decode(frame)?;
            let mut bytes = Bytes(&content);
            if head.kind != Kind::Checkpoint || head.id != number_id(number) {
                return None;
            }
            if number == 0 {
                self.facts.start_at(bytes.u64()?);
                self.incomplete = bytes.u8()? != 0;
                for _ in 0..bytes.u32()? {
                    self.worn.insert(bytes.u64()?);
                }
                self.checkpoint = Checkpoint::decode(bytes.0)?;
                continue;
            }
            while !bytes.0.is_empty() {
                let (sequence, kind) = (bytes.u64()?, Kind::of(bytes.u8()?)?);
                let len = bytes.u32()? as usize;
                self.facts.learn(Fact::decode(kind, bytes.take(len)?)?, sequence);
            }
        }
        Some(())
    }
}

fn number_id(number: u64) -> FrameId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    FrameId(id)
}

const _: () = assert!(FACTS_BYTES + 2 * 1024 * 1024 < CONTENT_BYTES_MAX);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::sim::{SimDisk, SplitMix};
    use crate::keys::{Profile, Protection};
    use crate::object::{ObjectId, Root};

    fn secrets() -> Secrets {
        let disk = SimDisk::new(1);
        let profile = Profile::create(&disk, Path::new("p"), Protection::Unprotected).unwrap();
        Secrets::new(&profile, "objects")
    }

    fn place(number: u64) -> Place {
        Place { pack: number % 5, offset: number as u32, bytes: 100, kind: Kind::Chunk }
    }

    #[test]
    fn an_index_comes_back_and_any_flip_in_it_is_noticed() {
        let secrets = secrets();
        let mut index = Index { next_sequence: 77, incomplete: true, ..Index::default() };
        for number in 0..40_u64 {
            let id = FrameId(*blake3::hash(&number.to_le_bytes()).as_bytes());
            index.table.set(id, Some(place(number)));
            let root = Root::new("a", &number.to_string());
            index.facts.learn(Fact::Root(root, Some(ObjectId([number as u8; 32]))), number);
        }
        index.packs.extend([(1, 10), (4, 40)]);
        index.worn.insert(4);
        let bytes = index.encode(&secrets).unwrap();
        let again = Index::decode(&bytes, &secrets).unwrap();
        let found = again.table.iter().filter(|(id, place)| index.table.get(*id) == Some(*place));
        assert_eq!(found.count(), 40);
        assert!((0..40).all(|number: u64| {
            let id = FrameId(*blake3::hash(&number.to_le_bytes()).as_bytes());
            again.table.get(id) == Some(place(number))
        }));
        assert_eq!((again.packs, again.worn), (index.packs, index.worn));
        assert_eq!((again.next_sequence, again.incomplete), (77, true));
        assert_eq!(again.facts.roots().count(), 40);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Index::decode(&bad, &secrets).is_none(), "a flip at {at} was not noticed");
            assert!(Index::decode(&bytes[..at], &secrets).is_none());
        }
    }

    #[test]
    fn what_changed_covers_what_was_sorted() {
        let mut random = SplitMix::new(3);
        let (mut table, mut model) = (Table::default(), BTreeMap::new());
        for round in 0..5_000 {
            let id = FrameId([random.below(200) as u8; 32]);
            let place = (!random.once_in(3)).then(|| place(random.below(1_000)));
            assert_eq!(table.set(id, place), model.remove(&id));
            model.extend(place.map(|place| (id, place)));
            if round % 700 == 0 {
                table.settle();
            }
        }
        let all: BTreeMap<FrameId, Place> = table.iter().collect();
        assert_eq!(all, model);
    }
}
