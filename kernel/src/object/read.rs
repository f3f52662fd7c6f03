//! Getting: whole, in ranges, as a stream; and reading everything to see that it is well.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::cache::Content;
use super::error::{Damage, DamageKind, ObjectError};
use super::frame::{FrameId, Kind};
use super::manifest::{Entry, Manifest, Node};
use super::store::Inner;
use super::{ObjectId, ObjectStore, Usage};

/// What is reserved for an object before any of it was read, in bytes.
const RESERVED_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl ObjectStore {
    /// Whether the object is there, in whichever tier.
    #[must_use]
    pub fn contains(&self, object: ObjectId) -> bool {
        let id = self.0.secrets.object_id(object);
        self.0.state().index.table.get(id).is_some()
    }

    /// How long an object is, in bytes.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Damaged`], or what the disk says.
    pub fn len_of(&self, object: ObjectId) -> Result<u64, ObjectError> {
        self.0.manifest(object).map(|manifest| manifest.bytes)
    }

    /// The whole object, hashed; it is wiped when it is dropped.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Damaged`], or what the disk or the other tier says.
    pub fn get(&self, object: ObjectId) -> Result<Zeroizing<Vec<u8>>, ObjectError> {
        let manifest = self.0.manifest(object)?;
        let mut content = reserve(manifest.bytes);
        let mut walk = Walk::new(self.0.clone(), &manifest, 0..manifest.bytes);
        while let Some((_, chunk)) = walk.next()? {
            content.extend_from_slice(&chunk);
        }
        match ObjectId::of(&content) == object {
            true => Ok(content),
            false => Err(ObjectError::Damaged(object)),
        }
    }

    /// The bytes of an object from `range.start` to `range.end` or its own end. Each chunk in it is
    /// authenticated; the rest of the object is not read.
    ///
    /// # Errors
    /// As [`ObjectStore::get`].
    pub fn get_range(
        &self,
        object: ObjectId,
        range: Range<u64>,
    ) -> Result<Zeroizing<Vec<u8>>, ObjectError> {
        let manifest = self.0.manifest(object)?;
        let range = range.start..range.end.min(manifest.bytes);
        let mut content = reserve(range.end.saturating_sub(range.start));
        let mut walk = Walk::new(self.0.clone(), &manifest, range.clone());
        while let Some((start, chunk)) = walk.next()? {
            let from = range.start.saturating_sub(start).min(chunk.len() as u64);
            let to = (range.end - start).min(chunk.len() as u64);
            content.extend_from_slice(&chunk[from as usize..to as usize]);
        }
        Ok(content)
    }

    /// Reads an object as a stream, a chunk at a time. Each chunk is authenticated before any of it
    /// is handed out; at the end the whole is hashed, and the last read fails if it is not the
    /// object.
    ///
    /// # Errors
    /// As [`ObjectStore::get`].
    pub fn reader(&self, object: ObjectId) -> Result<ObjectReader, ObjectError> {
        let manifest = self.0.manifest(object)?;
        let walk = Walk::new(self.0.clone(), &manifest, 0..manifest.bytes);
        let state = Reading::Going(Box::default());
        Ok(ObjectReader { object, walk, state, chunk: None, at: 0 })
    }

    /// What it holds. It reads what every object is made of, which takes about 10 us each.
    ///
    /// # Errors
    /// What the disk says; what is damaged is not counted.
    pub fn usage(&self) -> Result<Usage, ObjectError> {
        let mut usage = Usage { disk_bytes: self.0.state().disk_bytes(), ..Usage::default() };
        let mut chunks = HashSet::new();
        for id in self.0.manifests() {
            let content = self.0.local(id, Kind::Manifest)?;
            let Some(manifest) = content.as_deref().and_then(|it| Manifest::decode(it)) else {
                continue;
            };
            usage.objects += 1;
            usage.object_bytes += manifest.bytes;
            self.0.each_chunk(manifest.object, &manifest.top, &mut |chunk| {
                if chunks.insert(chunk.id) {
                    usage.chunk_bytes += chunk.bytes;
                }
            })?;
        }
        usage.chunks = chunks.len() as u64;
        Ok(usage)
    }

    /// Reads everything in both tiers, and answers what is damaged: objects that cannot be read
    /// whole, and roots that hold what is not there.
    ///
    /// # Errors
    /// What the disk or the other tier says; damage is no error here.
    pub fn verify(&self) -> Result<Vec<Damage>, ObjectError> {
        let mut damage = Vec::new();
        let mut seen = HashSet::new();
        for id in self.0.manifests() {
            let content = self.0.local(id, Kind::Manifest)?;
            let manifest = content.as_deref().and_then(|it| Manifest::decode(it));
            let Some(manifest) = manifest.filter(|it| self.0.secrets.object_id(it.object) == id)
            else {
                // Its name went with it; the root that holds it says it below.
                let file = "*.pack".to_owned();
                damage.push(Damage { file, what: DamageKind::Manifest });
                continue;
            };
            let outcome = self.reader(manifest.object).map(|mut reader| {
                io::copy(&mut reader, &mut io::sink()).map_err(|error| error.kind())
            });
            let is_well = match outcome {
                Ok(Ok(_)) => true,
                Ok(Err(io::ErrorKind::InvalidData))
                | Err(ObjectError::Damaged(_) | ObjectError::Missing(_)) => false,
                Ok(Err(kind)) => return Err(ObjectError::Disk(self.0.dir.clone(), kind.into())),
                Err(error) => return Err(error),
            };
            if is_well {
                seen.insert(manifest.object);
            } else {
                let what = DamageKind::Object(manifest.object);
                damage.push(Damage { file: "*.pack".to_owned(), what });
            }
        }
        let state = self.0.state();
        let lost = state.facts().roots().filter(|(_, object)| !seen.contains(object));
        damage.extend(lost.map(|(root, object)| Damage {
            file: "*.pack".to_owned(),
            what: DamageKind::Root(root.clone(), object),
        }));
        Ok(damage)
    }
}

fn reserve(bytes: u64) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(bytes.min(RESERVED_BYTES_MAX) as usize))
}

impl Inner {
    /// The names of all manifests.
    pub(super) fn manifests(&self) -> Vec<FrameId> {
        let state = self.state();
        let all = state.index.table.iter().filter(|(_, place)| place.kind == Kind::Manifest);
        all.map(|(id, _)| id).collect()
    }

    pub(super) fn manifest(&self, object: ObjectId) -> Result<Manifest, ObjectError> {
        let id = self.secrets.object_id(object);
        let Some(content) = self.local(id, Kind::Manifest)? else {
            let was_there = self.state().damaged.contains(&id);
            let error = if was_there { ObjectError::Damaged } else { ObjectError::Missing };
            return Err(error(object));
        };
        let manifest = Manifest::decode(&content).filter(|manifest| manifest.object == object);
        manifest.ok_or(ObjectError::Damaged(object))
    }

    /// The list that `entry`, of a list on `level`, leads to; `None` if it is damaged.
    pub(super) fn node(&self, entry: &Entry, level: u8) -> Result<Option<Node>, ObjectError> {
        let content = self.local(entry.id, Kind::Node)?;
        let node = content.and_then(|content| Node::decode(&content, entry.bytes));
        Ok(node.filter(|node| node.level + 1 == level))
    }

    /// Hands over the chunks below a list of an object, in order; one that it has twice twice.
    pub(super) fn each_chunk(
        &self,
        object: ObjectId,
        node: &Node,
        take: &mut dyn FnMut(&Entry),
    ) -> Result<(), ObjectError> {
        for entry in &node.entries {
            if node.level == 0 {
                take(entry);
            } else {
                let below = self.node(entry, node.level)?.ok_or(ObjectError::Damaged(object))?;
                self.each_chunk(object, &below, take)?;
            }
        }
        Ok(())
    }

    /// A chunk, from whichever tier has it; `None` if none has it whole.
    pub(super) fn chunk(&self, id: FrameId) -> Result<Option<Content>, ObjectError> {
        match self.local(id, Kind::Chunk)? {
            Some(content) => Ok(Some(content)),
            None => self.chunk_away(id),
        }
    }
}

/// Goes over the chunks of an object that lie in a range, in order.
struct Walk {
    store: Arc<Inner>,
    object: ObjectId,
    range: Range<u64>,
    /// Lists on the way down, each with the next entry and where in the object that starts.
    path: Vec<(Node, usize, u64)>,
}

impl Walk {
    fn new(store: Arc<Inner>, manifest: &Manifest, range: Range<u64>) -> Self {
        Self { store, object: manifest.object, range, path: vec![(manifest.top.clone(), 0, 0)] }
    }

    /// Where the next chunk starts in the object, and the chunk.
    fn next(&mut self) -> Result<Option<(u64, Content)>, ObjectError> {
        while let Some((node, at, start)) = self.path.last_mut() {
            let (level, begin) = (node.level, *start);
            let Some(entry) = node.entries.get(*at).copied() else {
                self.path.pop();
                continue;
            };
            *at += 1;
            *start += entry.bytes;
            if begin >= self.range.end {
                return Ok(None);
            }
            if *start <= self.range.start {
                continue;
            }
            if level == 0 {
                let chunk = self.store.chunk(entry.id)?;
                let chunk = chunk.filter(|chunk| chunk.len() as u64 == entry.bytes);
                return match chunk {
                    Some(chunk) => Ok(Some((begin, chunk))),
                    None => Err(ObjectError::Damaged(self.object)),
                };
            }
            let below = self.store.node(&entry, level)?;
            self.path.push((below.ok_or(ObjectError::Damaged(self.object))?, 0, begin));
        }
        Ok(None)
    }
}

/// An object as a stream.
pub struct ObjectReader {
    object: ObjectId,
    walk: Walk,
    state: Reading,
    chunk: Option<Content>,
    at: usize,
}

enum Reading {
    /// With the hash of what was taken so far.
    Going(Box<blake3::Hasher>),
    /// To the end, and it was the object.
    Done,
    /// Whatever comes next, it is not what comes next in the object.
    Broken,
}

impl ObjectReader {
    /// Takes the next chunk, or checks the whole at its end.
    fn advance(&mut self) -> Result<(), ObjectError> {
        let state = std::mem::replace(&mut self.state, Reading::Broken);
        self.state = match state {
            Reading::Done => Reading::Done,
            Reading::Broken => return Err(ObjectError::Damaged(self.object)),
            Reading::Going(mut hasher) => {
                (self.chunk, self.at) = (self.walk.next()?.map(|(_, chunk)| chunk), 0);
                match &self.chunk {
                    Some(chunk) => {
                        hasher.update(chunk);
                        Reading::Going(hasher)
                    }
                    None if ObjectId(*hasher.finalize().as_bytes()) == self.object => Reading::Done,
                    None => return Err(ObjectError::Damaged(self.object)),
                }
            }
        };
        Ok(())
    }
}

impl Read for ObjectReader {
    /// # Errors
    /// `InvalidData` with the [`ObjectError`] for damage, what the disk says else.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(chunk) = &self.chunk
                && self.at < chunk.len()
            {
                let some = into.len().min(chunk.len() - self.at);
                into[..some].copy_from_slice(&chunk[self.at..self.at + some]);
                self.at += some;
                return Ok(some);
            }
            if matches!(self.state, Reading::Done) {
                return Ok(0);
            }
            self.advance().map_err(to_io)?;
        }
    }
}

fn to_io(error: ObjectError) -> io::Error {
    match error {
        ObjectError::Disk(_, error) => error,
        ObjectError::Remote(_) => io::Error::other(error),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}
