//! The store: its state, how groups are appended and made durable, and how frames are read back.
//!
//! A put seals its frames without any lock, and appends them under it as one group. Then whoever
//! finds no sync running makes one for all that was appended so far, and the others wait for it.
//! When a sync fails, everything since the last good one is taken back from the index, its batches
//! are told, and writing goes on in a fresh pack whose header says how much of the old one counts.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use zeroize::Zeroizing;

use super::cache::{Cache, Content};
use super::error::{Damage, ObjectError};
use super::facts::{Fact, Facts, Learnt};
use super::frame::{FrameId, Kind, Secrets};
use super::index::{Index, Place};
use super::open::{self, Checkpoint, INDEX, Tail};
use super::pack::{self, HEADER, PackHeader, read_exactly};
use super::remote::Remote;
use super::{Batch, ObjectId, ObjectOptions, Root};
use crate::disk::{self, Disk, DiskFile, DiskLock, Open};
use crate::keys::Unlocked;

/// No pack is longer, whatever the options say: places count in 32 bits.
const PACK_BYTES_MAX: u64 = 1 << 30;

/// Objects on a disk, and in another tier if there is one. Clones share one store.
#[derive(Clone)]
pub struct ObjectStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) secrets: Secrets,
    pub(super) options: ObjectOptions,
    pub(super) remote: Option<Remote>,
    pub(super) cache: Mutex<Cache>,
    state: Mutex<State>,
    /// Told when a sync has ended.
    synced: Condvar,
    /// Held by the one that sweeps or moves.
    pub(super) moving: Mutex<()>,
    sequence: AtomicU64,
    found: Vec<Damage>,
    _lock: DiskLock,
}

pub(super) type Guard<'a> = MutexGuard<'a, State>;

pub(super) struct State {
    pub(super) index: Index,
    pub(super) active: Option<Active>,
    /// Groups that may not be durable; they are copied before anything is written behind them.
    tail: Option<Tail>,
    /// The newest pack that is not active, and how much of it counts.
    last: (u64, u64),
    next_pack: u64,
    /// Packs that do not count. What says so may be in the tail, and until that is durable they
    /// stay.
    litter: Vec<u64>,
    files: HashMap<u64, Arc<dyn DiskFile>>,
    /// Counts failed syncs.
    pub(super) epoch: u64,
    is_syncing: bool,
    /// What the groups that are not yet durable have changed, each with where its group ends.
    undo: Vec<(u64, Undo)>,
    /// What unfinished batches rely on, with how many of them do.
    pub(super) pins: HashMap<FrameId, usize>,
    /// Everything that was pinned since a sweep has begun.
    pub(super) pinned_since: Option<HashSet<FrameId>>,
    /// When this process first found that nothing holds an object.
    pub(super) tombstones: HashMap<FrameId, Instant>,
    /// Frames that were there and could not be read.
    pub(super) damaged: HashSet<FrameId>,
    /// Where frames lie in the other tier; `None` until somebody asks.
    away: Option<HashMap<FrameId, Place>>,
    /// Whether the saved index no longer says all of it.
    is_dirty: bool,
    /// Bytes that were appended since the index was saved.
    unsaved: u64,
}

/// The pack that is written to.
pub(super) struct Active {
    pub(super) pack: u64,
    file: Arc<dyn DiskFile>,
    /// Where the next group goes.
    end: u64,
    /// Everything before it is durable.
    synced: u64,
}

enum Undo {
    Place(FrameId, Option<Place>),
    Fact(Learnt),
}

/// Frames that become visible and durable together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: Vec<GroupFrame>,
    pub(super) facts: Vec<Fact>,
}

/// Where a frame lies in its group.
pub(super) struct GroupFrame {
    pub(super) id: FrameId,
    pub(super) kind: Kind,
    pub(super) offset: usize,
    pub(super) bytes: usize,
    /// The index takes the frame only if it still leads here.
    pub(super) moved_from: Option<Place>,
}

/// Whether a group has to fit the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Quota,
    /// It makes room, or loses what is known if it is not written.
    Disk,
}

/// What a store holds, all in bytes but the first two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many objects.
    pub objects: u64,
    /// How many different chunks they are made of.
    pub chunks: u64,
    /// How long the objects are together.
    pub object_bytes: u64,
    /// How long their different chunks are together: what is left after deduplication.
    pub chunk_bytes: u64,
    /// How long the packs on the local disk are: after compression, with what is dead.
    pub disk_bytes: u64,
}

impl ObjectStore {
    /// Opens the store in `dir`, making the folder if needed.
    ///
    /// # Errors
    /// [`ObjectError::Busy`] when another has it open, [`ObjectError::Newer`],
    /// [`ObjectError::Remote`] when the other tier's settings make no sense, or what the disk says.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        profile: &Unlocked,
        options: ObjectOptions,
    ) -> Result<Self, ObjectError> {
        let at = |error| ObjectError::Disk(dir.to_owned(), error);
        disk.create_dir(dir).map_err(at)?;
        let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => ObjectError::Busy(dir.to_owned()),
            _ => at(error),
        })?;
        let secrets = Secrets::new(profile, &options.name);
        let remote = match &options.remote {
            Some(config) => Some(Remote::open(config, &secrets.public_name())?),
            None => None,
        };
        let opened = open::open(&*disk, dir, &secrets)?;
        if opened.tail.is_none() {
            remove_packs(&*disk, dir, &opened.litter);
        }
        let state = State {
            litter: opened.litter,
            active: None,
            tail: opened.tail,
            last: opened.last,
            next_pack: opened.next_pack,
            files: HashMap::new(),
            epoch: 0,
            is_syncing: false,
            undo: Vec::new(),
            pins: HashMap::new(),
            pinned_since: None,
            tombstones: HashMap::new(),
            damaged: HashSet::new(),
            away: None,
            is_dirty: opened.is_newer,
            unsaved: 0,
            index: opened.index,
        };
        let store = Self(Arc::new(Inner {
            disk,
            dir: dir.to_owned(),
            secrets,
            remote,
            cache: Mutex::new(Cache::new(options.cache_bytes)),
            sequence: AtomicU64::new(state.index.next_sequence.max(1)),
            state: Mutex::new(state),
            synced: Condvar::new(),
            moving: Mutex::new(()),
            found: opened.damage,
            options,
            _lock: lock,
        }));
        // What is seen should be durable. On a full disk it is read where it is, and the first
        // put tries again.
        drop(store.0.settle_tail(store.0.state()));
        Ok(store)
    }

    /// What was found damaged when it was opened.
    #[must_use]
    pub fn found(&self) -> &[Damage] {
        &self.0.found
    }

    /// Whether damage may have cost roots, so that nothing is swept until
    /// [`ObjectStore::repair`].
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.state().index.incomplete
    }

    /// Begins a batch: what it puts and holds becomes durable together, with one sync.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.0.clone())
    }

    /// Puts `content`; when it returns, the object is durable. A sweep leaves it alone for the
    /// grace; to keep it longer, hold it.
    ///
    /// # Errors
    /// [`ObjectError::Quota`] before anything is written, [`ObjectError::SyncFailed`], or what the
    /// disk says. The object is then absent whole, unless it was there before.
    pub fn put(&self, content: &[u8]) -> Result<ObjectId, ObjectError> {
        let mut batch = self.batch();
        let id = batch.put(content)?;
        batch.commit().map(|()| id)
    }

    /// Puts what `source` reads, to its end, without holding more than a few MB of it in memory.
    ///
    /// # Errors
    /// As [`ObjectStore::put`], and [`ObjectError::Source`].
    pub fn put_from(&self, source: &mut dyn io::Read) -> Result<ObjectId, ObjectError> {
        let mut batch = self.batch();
        let id = batch.put_from(source)?;
        batch.commit().map(|()| id)
    }

    /// Puts `content` and holds it, both or neither.
    ///
    /// # Errors
    /// As [`ObjectStore::put`], and [`ObjectError::LongRoot`].
    pub fn put_held(&self, root: &Root, content: &[u8]) -> Result<ObjectId, ObjectError> {
        let mut batch = self.batch();
        let id = batch.put(content)?;
        batch.hold(root, id)?;
        batch.commit().map(|()| id)
    }

    /// Lets `root` hold `object`, and nothing else that it held.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] or [`ObjectError::Damaged`] for an object that is not there whole;
    /// else as [`ObjectStore::put`].
    pub fn hold(&self, root: &Root, object: ObjectId) -> Result<(), ObjectError> {
        let mut batch = self.batch();
        batch.hold(root, object)?;
        batch.commit()
    }

    /// Lets `root` hold nothing any more.
    ///
    /// # Errors
    /// As [`ObjectStore::put`].
    pub fn release(&self, root: &Root) -> Result<(), ObjectError> {
        let mut batch = self.batch();
        batch.release(root)?;
        batch.commit()
    }

    /// The object that a root holds.
    #[must_use]
    pub fn held(&self, root: &Root) -> Option<ObjectId> {
        self.0.state().index.facts.root(root)
    }

    /// The roots of a holder and what they hold, by key.
    #[must_use]
    pub fn roots_of(&self, holder: &str) -> Vec<(Root, ObjectId)> {
        let state = self.0.state();
        state.index.facts.roots_of(holder).map(|(root, id)| (root.clone(), id)).collect()
    }

    /// Who holds an object. It looks through all roots.
    #[must_use]
    pub fn holders(&self, object: ObjectId) -> Vec<Root> {
        let state = self.0.state();
        let holding = state.index.facts.roots().filter(|(_, id)| *id == object);
        holding.map(|(root, _)| root.clone()).collect()
    }

    /// Saves the index, so that the next opening has nothing to scan. Dropping the last clone does
    /// the same, without saying what went wrong.
    ///
    /// # Errors
    /// What the disk says; nothing is lost then.
    pub fn save_index(&self) -> Result<(), ObjectError> {
        self.0.save_index(&mut self.0.state())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a saved index the next opening scans: slower, and that is all.
        drop(self.save_index(&mut state));
    }
}

impl State {
    pub(super) fn disk_bytes(&self) -> u64 {
        let closed: u64 = self.index.packs.values().sum();
        // The active pack is among them, up to what is durable; so is one with a tail.
        let unsynced = self.active.as_ref().map_or(0, |active| active.end - active.synced);
        closed + unsynced + self.tail.map_or(0, |tail| tail.to - tail.from)
    }

    /// Keeps the sweep away from a frame until it is unpinned.
    pub(super) fn pin(&mut self, id: FrameId) {
        *self.pins.entry(id).or_default() += 1;
        if let Some(since) = &mut self.pinned_since {
            since.insert(id);
        }
    }

    pub(super) fn unpin(&mut self, id: FrameId) {
        if let Some(count) = self.pins.get_mut(&id) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(&id);
            }
        }
    }

    /// Where a frame lies in the other tier.
    pub(super) fn away(&mut self, id: FrameId) -> Option<Place> {
        let facts = &self.index.facts;
        let away = self.away.get_or_insert_with(|| {
            facts.away().flat_map(|(_, away)| away.entries.iter().copied()).collect()
        });
        away.get(&id).copied()
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.index.facts
    }

    /// Takes back what did not become durable.
    fn take_back(&mut self) {
        for (_, undo) in self.undo.drain(..).rev() {
            match undo {
                Undo::Place(id, place) => {
                    self.index.table.set(id, place);
                }
                Undo::Fact(learnt) => self.index.facts.forget(learnt),
            }
        }
        if let Some(active) = self.active.take() {
            self.last = (active.pack, active.synced);
        }
        self.away = None;
        self.epoch += 1;
    }
}

impl Inner {
    pub(super) fn state(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn path(&self, pack: u64) -> PathBuf {
        pack::path(&self.dir, pack)
    }

    fn disk_error(&self, pack: u64, error: io::Error) -> ObjectError {
        ObjectError::Disk(self.path(pack), error)
    }

    /// Appends a group: visible when this returns, durable after [`Inner::wait_durable`].
    pub(super) fn append<'a>(
        &'a self,
        mut state: Guard<'a>,
        mut group: Group,
        fit: Fit,
    ) -> Result<Guard<'a>, ObjectError> {
        let mut sequences = Vec::new();
        for fact in &group.facts {
            let sequence = self.next_sequence();
            let id = match fact {
                Fact::Root(root, _) => self.secrets.root_id(root),
                Fact::Standing(id, _) => *id,
                Fact::Away(pack, _) => self.secrets.node_id(&pack.to_le_bytes()),
            };
            self.secrets.encode(fact.kind(), id, sequence, &fact.encode(), &mut group.bytes)?;
            sequences.push(sequence);
        }
        let needed = group.bytes.len() as u64;
        if let (Some(quota), Fit::Quota) = (self.options.quota_bytes, fit) {
            let left = quota.saturating_sub(state.disk_bytes());
            if needed > left {
                return Err(ObjectError::Quota { needed, left });
            }
        }
        state = self.with_active(state, needed)?;
        let State { active, index, .. } = &mut *state;
        let active = active.as_mut().expect("there is one now");
        let (pack, start) = (active.pack, active.end);
        pack::close_group(&self.secrets, pack, start, active.synced, &mut group.bytes)?;
        // What a failed write leaves behind the end is written over by the next.
        let written = active.file.write_all_at(start, &group.bytes);
        written.map_err(|error| ObjectError::Disk(pack::path(&self.dir, pack), error))?;
        active.end += group.bytes.len() as u64;
        let end = active.end;
        let mut undo = Vec::with_capacity(group.frames.len() + group.facts.len());
        for frame in &group.frames {
            let offset = u32::try_from(start + frame.offset as u64).expect("packs are limited");
            let bytes = u32::try_from(frame.bytes).expect("frames are limited");
            let place = Place { pack, offset, bytes, kind: frame.kind };
            if frame.moved_from.is_none() || frame.moved_from == index.table.get(frame.id) {
                let before = index.table.set(frame.id, Some(place));
                index.worn.extend(before.map(|it| it.pack).filter(|it| *it != pack));
                undo.push((end, Undo::Place(frame.id, before)));
            }
        }
        for (fact, sequence) in group.facts.into_iter().zip(sequences) {
            if let Fact::Standing(id, _) = &fact {
                // Its void manifest must not outlive this.
                let swept = index.facts.standing(*id).swept;
                index.worn.extend(swept.filter(|it| index.packs.contains_key(it)));
            }
            undo.push((end, Undo::Fact(index.facts.learn(fact, sequence))));
        }
        state.away = None;
        for frame in group.frames {
            state.damaged.remove(&frame.id);
        }
        state.undo.extend(undo);
        state.unsaved += group.bytes.len() as u64;
        state.is_dirty = true;
        Ok(state)
    }

    /// Sees to it that there is an active pack with room for `needed` bytes.
    pub(super) fn with_active<'a>(
        &'a self,
        mut state: Guard<'a>,
        needed: u64,
    ) -> Result<Guard<'a>, ObjectError> {
        let limit = self.options.pack_bytes.min(PACK_BYTES_MAX);
        let is_full = |active: &Active| active.end > HEADER && active.end + needed > limit;
        if state.active.as_ref().is_some_and(is_full) {
            state = self.close_active(state)?;
        }
        if state.active.is_none() {
            self.create_pack(&mut state)?;
        }
        Ok(state)
    }

    /// Copies what may not be durable since before this process, if there is anything.
    pub(super) fn settle_tail<'a>(&'a self, state: Guard<'a>) -> Result<Guard<'a>, ObjectError> {
        match state.tail {
            Some(_) => self.with_active(state, 0),
            None => Ok(state),
        }
    }

    /// Makes everything durable and ends the active pack.
    pub(super) fn close_active<'a>(
        &'a self,
        mut state: Guard<'a>,
    ) -> Result<Guard<'a>, ObjectError> {
        // Others may append while this waits.
        while state.active.as_ref().is_some_and(|active| active.synced < active.end) {
            state = self.wait_durable(state)?;
        }
        if let Some(active) = state.active.take() {
            state.last = (active.pack, active.end);
            let all = state.disk_bytes();
            if state.unsaved > (all / 4).max(4 * self.options.pack_bytes) {
                // It is saved again later; without it the next opening scans.
                drop(self.save_index(&mut state));
            }
        }
        Ok(state)
    }

    /// Begins a pack. What may not be durable at the end of the last one goes into it, and it gets
    /// its name only when that is safe, so that a cut in the middle loses nothing.
    fn create_pack(&self, state: &mut State) -> Result<(), ObjectError> {
        let pack = state.next_pack;
        let path = self.path(pack);
        let at = |error| ObjectError::Disk(path.clone(), error);
        let mut rest = Vec::new();
        if let Some(tail) = state.tail {
            let file = self.file(state, tail.pack)?;
            let len = (tail.to - tail.from) as usize;
            rest = read_exactly(&*file, tail.from, len)
                .map_err(|error| self.disk_error(tail.pack, error))?;
        }
        let (previous, previous_bytes) = state.last;
        let durable = HEADER + rest.len() as u64;
        let header = PackHeader { pack, previous, previous_bytes, durable };
        let fresh = path.with_extension("pack.new");
        let file = disk::create_anew(&*self.disk, &fresh).map_err(at)?;
        file.write_all_at(0, &header.encode()).map_err(at)?;
        file.write_all_at(HEADER, &rest).map_err(at)?;
        file.sync().map_err(at)?;
        // From here on its name may be there, so no other pack gets it.
        state.next_pack += 1;
        self.disk.rename(&fresh, &path).map_err(at)?;
        self.disk.sync_dir(&self.dir).map_err(at)?;
        if let Some(tail) = state.tail.take() {
            remove_packs(&*self.disk, &self.dir, &state.litter);
            let moved: Vec<(FrameId, Place)> = state.index.table.iter().collect();
            for (id, mut place) in moved {
                if place.pack == tail.pack && u64::from(place.offset) >= tail.from {
                    let offset = u64::from(place.offset) - tail.from + HEADER;
                    place.offset = u32::try_from(offset).expect("a tail is part of a pack");
                    place.pack = pack;
                    state.index.table.set(id, Some(place));
                }
            }
        }
        state.index.packs.insert(pack, durable);
        state.files.insert(pack, file.clone());
        state.active = Some(Active { pack, file, end: durable, synced: durable });
        Ok(())
    }

    /// Waits until everything that was appended is durable, syncing if nobody else does.
    pub(super) fn wait_durable<'a>(
        &'a self,
        mut state: Guard<'a>,
    ) -> Result<Guard<'a>, ObjectError> {
        let epoch = state.epoch;
        let Some(active) = &state.active else { return Ok(state) };
        let (pack, end) = (active.pack, active.end);
        loop {
            if state.epoch != epoch {
                let error = io::Error::other("the sync of another put failed");
                return Err(ObjectError::SyncFailed(error));
            }
            let active = match &state.active {
                Some(active) if active.pack == pack && active.synced < end => active,
                // A pack is closed only when all of it is durable.
                _ => return Ok(state),
            };
            if state.is_syncing {
                state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (file, upto) = (active.file.clone(), active.end);
            state.is_syncing = true;
            drop(state);
            let outcome = file.sync();
            state = self.state();
            state.is_syncing = false;
            self.synced.notify_all();
            if let Err(error) = outcome {
                state.take_back();
                return Err(ObjectError::SyncFailed(error));
            }
            if let Some(active) = &mut state.active {
                active.synced = upto;
            }
            state.undo.retain(|(end, _)| *end > upto);
            state.index.packs.insert(pack, upto);
        }
    }

    /// Writes the checkpoint that leaves `retired` out, makes it durable, and removes them.
    pub(super) fn retire<'a>(
        &'a self,
        state: Guard<'a>,
        retired: &BTreeSet<u64>,
    ) -> Result<Guard<'a>, ObjectError> {
        // It must be known which pack the checkpoint is in, and that nothing else is in flight.
        let mut state = self.close_active(state)?;
        state = self.with_active(state, 0)?;
        let at = state.active.as_ref().expect("there is one now").pack;
        // A copy of a swept manifest may lie in a worn pack too.
        let is_sure = state.index.worn.is_subset(retired);
        let is_gone =
            |pack| is_sure && (retired.contains(&pack) || !state.index.packs.contains_key(&pack));
        let facts = state.facts().all(is_gone);
        let from = self.sequence.load(Ordering::Relaxed);
        let mut packs = state.index.packs.clone();
        packs.retain(|pack, _| !retired.contains(pack));
        packs.insert(at, pack::TO_THE_END);
        let checkpoint = Checkpoint { from, at, packs };
        let mut group = Group { facts, ..Group::default() };
        let id = self.secrets.node_id(b"checkpoint");
        let content = checkpoint.encode();
        // All facts come later than the checkpoint, which is void below its own sequence.
        let sequence = self.next_sequence();
        self.secrets.encode(Kind::Checkpoint, id, sequence, &content, &mut group.bytes)?;
        state = self.append(state, group, Fit::Disk)?;
        state = self.wait_durable(state)?;
        state.index.facts.start_at(from);
        state.away = None;
        state.index.checkpoint = checkpoint;
        state.index.incomplete = false;
        for pack in retired {
            state.index.packs.remove(pack);
            state.index.worn.remove(pack);
            state.files.remove(pack);
            // The next opening tries again.
            drop(self.disk.remove(&self.path(*pack)));
        }
        Ok(state)
    }

    pub(super) fn save_index(&self, state: &mut State) -> Result<(), ObjectError> {
        // What is not durable must not be in it.
        let is_settled = state.undo.is_empty() && state.tail.is_none();
        if !state.is_dirty && !state.index.table.is_changed() || !is_settled {
            return Ok(());
        }
        state.index.next_sequence = self.sequence.load(Ordering::Relaxed);
        let bytes = state.index.encode(&self.secrets)?;
        let (path, fresh) = (self.dir.join(INDEX), self.dir.join("index.new"));
        let at = |error| ObjectError::Disk(path.clone(), error);
        let file = disk::create_anew(&*self.disk, &fresh).map_err(at)?;
        // A torn index is noticed and built again, so nothing is synced.
        file.write_all_at(0, &bytes).map_err(at)?;
        drop(file);
        self.disk.rename(&fresh, &path).map_err(at)?;
        (state.is_dirty, state.unsaved) = (false, 0);
        Ok(())
    }

    /// The open file of a pack.
    pub(super) fn file(
        &self,
        state: &mut State,
        pack: u64,
    ) -> Result<Arc<dyn DiskFile>, ObjectError> {
        if let Some(file) = state.files.get(&pack) {
            return Ok(file.clone());
        }
        let path = self.path(pack);
        let file = self.disk.open(&path, Open::Read);
        let file = file.map_err(|error| ObjectError::Disk(path, error))?;
        state.files.insert(pack, file.clone());
        Ok(file)
    }

    /// The bytes of the frame that the index leads to; `None` if it leads nowhere.
    pub(super) fn frame_at(&self, id: FrameId) -> Result<Option<(Place, Vec<u8>)>, ObjectError> {
        let (place, file) = {
            let mut state = self.state();
            let Some(place) = state.index.table.get(id) else { return Ok(None) };
            (place, self.file(&mut state, place.pack)?)
        };
        let bytes = read_exactly(&*file, u64::from(place.offset), place.bytes as usize);
        match bytes {
            Ok(bytes) => Ok(Some((place, bytes))),
            // A file that ends early is damage like any other.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Some((place, Vec::new())))
            }
            Err(error) => Err(self.disk_error(place.pack, error)),
        }
    }

    /// The content of a frame on the local disk; `None` if it is not there or damaged, which is
    /// remembered, so that putting it again heals it.
    pub(super) fn local(&self, id: FrameId, kind: Kind) -> Result<Option<Content>, ObjectError> {
        // What was taken back or swept may still be in the cache.
        let is_there = self.state().index.table.get(id).is_some();
        if let Some(content) = self.cached(id).filter(|_| is_there) {
            return Ok(Some(content));
        }
        while let Some((place, bytes)) = self.frame_at(id)? {
            if let Some(content) = self.opened(id, kind, &bytes) {
                return Ok(Some(self.keep(id, content)));
            }
            let mut state = self.state();
            // If a sweep has moved it meanwhile, what was read was not it.
            if state.index.table.get(id) == Some(place) {
                state.index.table.set(id, None);
                state.damaged.insert(id);
            }
        }
        Ok(None)
    }

    /// The content of a frame, if it is the one that was asked for.
    pub(super) fn opened(
        &self,
        id: FrameId,
        kind: Kind,
        bytes: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.opened_with_sequence(id, kind, bytes).map(|(_, content)| content)
    }

    /// The same, with the frame's sequence.
    pub(super) fn opened_with_sequence(
        &self,
        id: FrameId,
        kind: Kind,
        bytes: &[u8],
    ) -> Option<(u64, Zeroizing<Vec<u8>>)> {
        let (head, content) = self.secrets.decode(bytes)?;
        (head.id == id && head.kind == kind).then_some((head.sequence, content))
    }

    pub(super) fn cached(&self, id: FrameId) -> Option<Content> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    pub(super) fn keep(&self, id: FrameId, content: Zeroizing<Vec<u8>>) -> Content {
        let content = Arc::new(content);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(id, &content);
        content
    }
}

/// Removes what is in nobody's way: the next opening tries again.
fn remove_packs(disk: &dyn Disk, dir: &Path, packs: &[u64]) {
    for pack in packs {
        drop(disk.remove(&pack::path(dir, *pack)));
    }
}
