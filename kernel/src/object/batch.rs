//! Putting: cutting, sealing and gathering, up to one commit.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use zeroize::Zeroize;

use super::chunker::CHUNK_BYTES_MAX;
use super::error::ObjectError;
use super::facts::{Fact, NAME_BYTES_MAX, Standing};
use super::frame::{FrameId, Kind};
use super::manifest::{Entry, Manifest, Node, Tree};
use super::store::{Fit, Group, GroupFrame, Inner};
use super::{ObjectId, Root};

/// Sealed chunks are written, though not yet synced, when there are this many bytes of them.
const FLUSH_BYTES: usize = 4 * 1024 * 1024;

/// What is written by the commit at once: the manifests of about two million small objects.
const COMMIT_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What is read from a stream at a time, in bytes.
const READ_BYTES: usize = 4 * CHUNK_BYTES_MAX;

/// Puts and holds that become durable together.
///
/// Nothing of it is there before [`Batch::commit`] returns, and all of it afterwards. A batch that
/// is dropped leaves at most chunks that nobody refers to, which the next sweep takes away.
pub struct Batch {
    store: Arc<Inner>,
    epoch: u64,
    /// What it keeps the sweep from.
    pins: Vec<FrameId>,
    /// Chunks and nodes that are not written yet.
    group: Group,
    fresh: HashSet<FrameId>,
    /// What the commit adds.
    manifests: Group,
    objects: HashMap<ObjectId, u64>,
    facts: Vec<Fact>,
}

/// Where an object has to be to count as there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Here,
    HereOrAway,
}

impl Batch {
    pub(super) fn new(store: Arc<Inner>) -> Self {
        let epoch = store.state().epoch;
        Self {
            store,
            epoch,
            pins: Vec::new(),
            group: Group::default(),
            fresh: HashSet::new(),
            manifests: Group::default(),
            objects: HashMap::new(),
            facts: Vec::new(),
        }
    }

    /// Adds an object.
    ///
    /// # Errors
    /// [`ObjectError::Quota`], or what the disk says: long content is written ahead of the commit.
    pub fn put(&mut self, content: &[u8]) -> Result<ObjectId, ObjectError> {
        let object = ObjectId::of(content);
        if self.is_there(object)? {
            return Ok(object);
        }
        let (mut tree, mut rest) = (Tree::default(), content);
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.store.secrets.gear.cut(rest));
            self.push_chunk(&mut tree, chunk)?;
            rest = behind;
        }
        self.finish(object, content.len() as u64, tree)
    }

    /// Adds an object of what `source` reads, to its end.
    ///
    /// # Errors
    /// As [`Batch::put`], and [`ObjectError::Source`].
    pub fn put_from(&mut self, source: &mut dyn Read) -> Result<ObjectId, ObjectError> {
        let mut buffer = vec![0; READ_BYTES];
        let outcome = self.put_through(source, &mut buffer);
        buffer.zeroize();
        outcome
    }

    fn put_through(
        &mut self,
        source: &mut dyn Read,
        buffer: &mut [u8],
    ) -> Result<ObjectId, ObjectError> {
        let (mut tree, mut hasher, mut bytes) = (Tree::default(), blake3::Hasher::new(), 0);
        let (mut start, mut end, mut is_over) = (0, 0, false);
        loop {
            if !is_over && end - start < CHUNK_BYTES_MAX {
                buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                while !is_over && end < buffer.len() {
                    match source.read(&mut buffer[end..]) {
                        Ok(0) => is_over = true,
                        Ok(some) => {
                            hasher.update(&buffer[end..end + some]);
                            (end, bytes) = (end + some, bytes + some as u64);
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(ObjectError::Source(error)),
                    }
                }
            }
            if start == end {
                break;
            }
            let len = self.store.secrets.gear.cut(&buffer[start..end]);
            self.push_chunk(&mut tree, &buffer[start..start + len])?;
            start += len;
        }
        let object = ObjectId(*hasher.finalize().as_bytes());
        if self.is_there(object)? {
            return Ok(object);
        }
        self.finish(object, bytes, tree)
    }

    /// Lets `root` hold `object`, of this batch or put before, and nothing else that it held.
    ///
    /// # Errors
    /// [`ObjectError::LongRoot`]; [`ObjectError::Missing`] or [`ObjectError::Damaged`] for an
    /// object that is not there whole.
    pub fn hold(&mut self, root: &Root, object: ObjectId) -> Result<(), ObjectError> {
        check(root)?;
        if !self.objects.contains_key(&object) && !self.pin_whole(object, Where::HereOrAway)? {
            // It says which of the two it is.
            self.store.manifest(object)?;
            return Err(ObjectError::Damaged(object));
        }
        self.facts.push(Fact::Root(root.clone(), Some(object)));
        Ok(())
    }

    /// Lets `root` hold nothing any more.
    ///
    /// # Errors
    /// [`ObjectError::LongRoot`].
    pub fn release(&mut self, root: &Root) -> Result<(), ObjectError> {
        check(root)?;
        self.facts.push(Fact::Root(root.clone(), None));
        Ok(())
    }

    /// Makes all of it durable, sharing the sync with whoever commits at the same time.
    ///
    /// # Errors
    /// [`ObjectError::Quota`] before anything of this is visible, [`ObjectError::SyncFailed`], or
    /// what the disk says. Nothing of the batch is there then.
    pub fn commit(mut self) -> Result<(), ObjectError> {
        let mut last = std::mem::take(&mut self.group);
        last.append(std::mem::take(&mut self.manifests));
        last.facts = std::mem::take(&mut self.facts);
        let store = self.store.clone();
        let mut state = store.state();
        self.check_epoch(state.epoch)?;
        if !last.bytes.is_empty() || !last.facts.is_empty() {
            state = store.append(state, last, Fit::Quota)?;
        }
        // What it shares with others may not be durable yet either.
        state = store.settle_tail(state)?;
        drop(store.wait_durable(state)?);
        Ok(())
    }

    fn check_epoch(&self, epoch: u64) -> Result<(), ObjectError> {
        if self.epoch == epoch {
            return Ok(());
        }
        let error = io::Error::other("a sync failed while it was being put");
        Err(ObjectError::SyncFailed(error))
    }

    /// Whether the object is there already, so that nothing has to be written.
    fn is_there(&mut self, object: ObjectId) -> Result<bool, ObjectError> {
        Ok(self.objects.contains_key(&object) || self.pin_whole(object, Where::Here)?)
    }

    fn push_chunk(&mut self, tree: &mut Tree, chunk: &[u8]) -> Result<(), ObjectError> {
        let id = self.store.secrets.chunk_id(chunk);
        self.add(id, Kind::Chunk, chunk)?;
        let entry = Entry { id, bytes: chunk.len() as u64 };
        tree.push(entry, &mut |node| self.add_node(node))
    }

    fn add_node(&mut self, node: &Node) -> Result<FrameId, ObjectError> {
        let mut content = Vec::new();
        node.encode(&mut content);
        let id = self.store.secrets.node_id(&content);
        self.add(id, Kind::Node, &content).map(|()| id)
    }

    /// Adds a frame, unless one of that name is there.
    fn add(&mut self, id: FrameId, kind: Kind, content: &[u8]) -> Result<(), ObjectError> {
        if self.fresh.contains(&id) {
            return Ok(());
        }
        let is_there = {
            let mut state = self.store.state();
            state.pin(id);
            state.index.table.get(id).is_some()
        };
        self.pins.push(id);
        if is_there {
            return Ok(());
        }
        self.fresh.insert(id);
        self.group.add(&self.store, id, kind, content)?;
        if self.group.bytes.len() >= FLUSH_BYTES {
            let group = std::mem::take(&mut self.group);
            let store = self.store.clone();
            let state = store.state();
            self.check_epoch(state.epoch)?;
            drop(store.append(state, group, Fit::Quota)?);
            self.fresh.clear();
        }
        Ok(())
    }

    fn finish(
        &mut self,
        object: ObjectId,
        bytes: u64,
        tree: Tree,
    ) -> Result<ObjectId, ObjectError> {
        let top = tree.finish(&mut |node| self.add_node(node))?;
        let content = Manifest { object, bytes, top }.encode();
        let id = self.store.secrets.object_id(object);
        let standing = {
            let mut state = self.store.state();
            state.pin(id);
            state.facts().standing(id)
        };
        self.pins.push(id);
        self.manifests.add(&self.store, id, Kind::Manifest, &content)?;
        if standing != Standing::default() {
            self.facts.push(Fact::Standing(id, Standing::default()));
        }
        if self.manifests.bytes.len() > COMMIT_BYTES_MAX {
            return Err(ObjectError::LongBatch);
        }
        self.objects.insert(object, bytes);
        Ok(object)
    }

    /// Keeps the sweep from an object and everything that it is made of. Answers whether all of
    /// it is there; if not, what was pinned stays pinned until the batch ends.
    pub(super) fn pin_whole(
        &mut self,
        object: ObjectId,
        place: Where,
    ) -> Result<bool, ObjectError> {
        let id = self.store.secrets.object_id(object);
        let standing = {
            let mut state = self.store.state();
            if state.index.table.get(id).is_none() {
                return Ok(false);
            }
            state.pin(id);
            state.tombstones.remove(&id);
            state.facts().standing(id)
        };
        self.pins.push(id);
        if standing.evicted && place == Where::Here {
            return Ok(false);
        }
        let Some(content) = self.store.local(id, Kind::Manifest)? else { return Ok(false) };
        let Some(manifest) = Manifest::decode(&content) else { return Ok(false) };
        if manifest.object != object || !self.pin_below(&manifest.top, place)? {
            return Ok(false);
        }
        if standing.tombstone.is_some() {
            let standing = Standing { tombstone: None, ..standing };
            self.facts.push(Fact::Standing(id, standing));
        }
        Ok(true)
    }

    fn pin_below(&mut self, node: &Node, place: Where) -> Result<bool, ObjectError> {
        for entry in &node.entries {
            {
                let mut state = self.store.state();
                let is_here = state.index.table.get(entry.id).is_some();
                let is_away = || place == Where::HereOrAway && node.level == 0;
                if !(is_here || is_away() && state.away(entry.id).is_some()) {
                    return Ok(false);
                }
                state.pin(entry.id);
            }
            self.pins.push(entry.id);
            if node.level > 0 {
                let Some(below) = self.store.node(entry, node.level)? else { return Ok(false) };
                if !self.pin_below(&below, place)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut state = self.store.state();
        self.pins.drain(..).for_each(|id| state.unpin(id));
    }
}

impl Group {
    pub(super) fn add(
        &mut self,
        store: &Inner,
        id: FrameId,
        kind: Kind,
        content: &[u8],
    ) -> Result<(), ObjectError> {
        let offset = self.bytes.len();
        store.secrets.encode(kind, id, store.next_sequence(), content, &mut self.bytes)?;
        let bytes = self.bytes.len() - offset;
        self.frames.push(GroupFrame { id, kind, offset, bytes, moved_from: None });
        Ok(())
    }

    fn append(&mut self, other: Self) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.facts.extend(other.facts);
        self.frames.extend(
            other.frames.into_iter().map(|it| GroupFrame { offset: it.offset + shift, ..it }),
        );
    }
}

fn check(root: &Root) -> Result<(), ObjectError> {
    let is_long = root.holder.len() > NAME_BYTES_MAX || root.key.len() > NAME_BYTES_MAX;
    if is_long { Err(ObjectError::LongRoot) } else { Ok(()) }
}
