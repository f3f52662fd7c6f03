//! Between the tiers: copying out, dropping the local copy, bringing it back, reading through.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::batch::Where;
use super::cache::Content;
use super::error::ObjectError;
use super::facts::{AWAY_ENTRIES_MAX, Away, Fact, Standing};
use super::frame::{FrameId, Kind};
use super::index::Place;
use super::remote::Remote;
use super::store::{Fit, Group, Inner};
use super::{ObjectId, ObjectStore};
use crate::keys::random;

/// A pack of the other tier is about this long, in bytes.
const PACK_BYTES: usize = 16 * 1024 * 1024;

/// Where an object's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// On the local disk alone.
    Local,
    /// On the local disk and in the other tier.
    Both,
    /// In the other tier; the local disk has at most what other objects need or no sweep has
    /// taken away yet.
    Remote,
}

/// A pack for the other tier, being gathered.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    entries: Vec<(FrameId, Place)>,
}

impl ObjectStore {
    /// Where an object is.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Damaged`], or what the disk says.
    pub fn tier(&self, object: ObjectId) -> Result<Tier, ObjectError> {
        let chunks = self.0.chunks_of(object)?;
        let mut state = self.0.state();
        if state.facts().standing(self.0.secrets.object_id(object)).evicted {
            return Ok(Tier::Remote);
        }
        let is_away = chunks.into_iter().all(|id| state.away(id).is_some());
        Ok(if is_away { Tier::Both } else { Tier::Local })
    }

    /// Copies what objects are made of to the other tier, as far as it is not there, and reads it
    /// back before that is noted. Small objects share a pack there.
    ///
    /// # Errors
    /// [`ObjectError::NoRemote`], [`ObjectError::Remote`], [`ObjectError::RemoteDamaged`]; else as
    /// [`ObjectStore::get`]. What was copied before the error stays noted.
    pub fn copy_out(&self, objects: &[ObjectId]) -> Result<(), ObjectError> {
        let inner = &*self.0;
        let remote = inner.remote.as_ref().ok_or(ObjectError::NoRemote)?;
        let _alone = inner.moving.lock().unwrap_or_else(PoisonError::into_inner);
        // It keeps the sweep from what is being copied.
        let mut pins = self.batch();
        let (mut outgoing, mut seen) = (Outgoing::default(), BTreeSet::new());
        for &object in objects {
            if !pins.pin_whole(object, Where::HereOrAway)? {
                inner.manifest(object)?;
                return Err(ObjectError::Damaged(object));
            }
            for id in inner.chunks_of(object)? {
                if inner.state().away(id).is_some() || !seen.insert(id) {
                    continue;
                }
                let frame = inner.frame_at(id)?;
                let frame = frame.filter(|(it, bytes)| inner.opened(id, it.kind, bytes).is_some());
                let (place, bytes) = frame.ok_or(ObjectError::Damaged(object))?;
                let offset = outgoing.bytes.len() as u32;
                outgoing.entries.push((id, Place { offset, ..place }));
                outgoing.bytes.extend_from_slice(&bytes);
                let is_full = outgoing.bytes.len() >= PACK_BYTES;
                if is_full || outgoing.entries.len() >= AWAY_ENTRIES_MAX {
                    inner.send(remote, std::mem::take(&mut outgoing))?;
                }
            }
        }
        if outgoing.entries.is_empty() { Ok(()) } else { inner.send(remote, outgoing) }
    }

    /// Leaves an object to the other tier, after reading there once more what it is made of. The
    /// next sweep gives the local space back.
    ///
    /// # Errors
    /// [`ObjectError::NotAway`] when a part of it was not copied or is not there any more, and the
    /// local copy stays; [`ObjectError::NoRemote`], [`ObjectError::Remote`]; else as
    /// [`ObjectStore::get`].
    pub fn evict(&self, object: ObjectId) -> Result<(), ObjectError> {
        let inner = &*self.0;
        let remote = inner.remote.as_ref().ok_or(ObjectError::NoRemote)?;
        let _alone = inner.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = inner.chunks_of(object)?;
        let mut packs = BTreeSet::new();
        for id in chunks {
            let place = inner.state().away(id).ok_or(ObjectError::NotAway(object))?;
            packs.insert(place.pack);
        }
        for pack in packs {
            let hash = {
                let state = inner.state();
                state.facts().away().find(|(it, _)| *it == pack).and_then(|(_, away)| away.hash)
            };
            let bytes = remote.get(pack)?.ok_or(ObjectError::NotAway(object))?;
            if hash != Some(*blake3::hash(&bytes).as_bytes()) {
                return Err(ObjectError::NotAway(object));
            }
        }
        let id = inner.secrets.object_id(object);
        let state = inner.state();
        let standing = Standing { evicted: true, ..state.facts().standing(id) };
        let group = Group { facts: vec![Fact::Standing(id, standing)], ..Group::default() };
        let state = inner.append(state, group, Fit::Disk)?;
        inner.wait_durable(state).map(drop)
    }

    /// Brings an object back to the local disk; the copy in the other tier stays.
    ///
    /// # Errors
    /// As [`ObjectStore::put`] and [`ObjectStore::get`].
    pub fn fetch(&self, object: ObjectId) -> Result<(), ObjectError> {
        let mut reader = self.reader(object)?;
        match self.put_from(&mut reader) {
            // What the reader has met is what is wrong.
            Err(ObjectError::Source(error)) => match error.downcast::<ObjectError>() {
                Ok(error) => Err(error),
                Err(error) => Err(ObjectError::Source(error)),
            },
            done => done.map(|_| ()),
        }
    }
}

impl Inner {
    /// The chunks of an object, in order.
    fn chunks_of(&self, object: ObjectId) -> Result<Vec<FrameId>, ObjectError> {
        let manifest = self.manifest(object)?;
        let mut chunks = Vec::new();
        self.each_chunk(object, &manifest.top, &mut |chunk| chunks.push(chunk.id))?;
        Ok(chunks)
    }

    /// Stores a pack in the other tier, reads it back, and notes it.
    fn send(&self, remote: &Remote, outgoing: Outgoing) -> Result<(), ObjectError> {
        let pack = u64::from_le_bytes(random()?);
        let hash = *blake3::hash(&outgoing.bytes).as_bytes();
        remote.put(pack, outgoing.bytes)?;
        let back = remote.get(pack)?.ok_or(ObjectError::RemoteDamaged)?;
        if *blake3::hash(&back).as_bytes() != hash {
            return Err(ObjectError::RemoteDamaged);
        }
        let entries = outgoing.entries.into_iter();
        let entries = entries.map(|(id, place)| (id, Place { pack, ..place })).collect();
        let away = Away { hash: Some(hash), entries };
        let group = Group { facts: vec![Fact::Away(pack, away)], ..Group::default() };
        let state = self.append(self.state(), group, Fit::Disk)?;
        self.wait_durable(state).map(drop)
    }

    /// A chunk from the other tier; `None` if it is not there whole.
    pub(super) fn chunk_away(&self, id: FrameId) -> Result<Option<Content>, ObjectError> {
        let Some(place) = self.state().away(id) else { return Ok(None) };
        if let Some(content) = self.cached(id) {
            return Ok(Some(content));
        }
        let remote = self.remote.as_ref().ok_or(ObjectError::NoRemote)?;
        let from = u64::from(place.offset);
        let range = from..from + u64::from(place.bytes);
        let Some(bytes) = remote.get_range(place.pack, range)? else { return Ok(None) };
        let content = self.opened(id, Kind::Chunk, &bytes);
        Ok(content.map(|content| self.keep(id, content)))
    }

    /// Gives up the packs of the other tier of which nothing is live.
    pub(super) fn sweep_away(&self, is_live: impl Fn(&FrameId) -> bool) -> Result<(), ObjectError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let state = self.state();
        let since = state.pinned_since.clone().unwrap_or_default();
        let is_dead =
            |away: &Away| !away.entries.iter().any(|(id, _)| is_live(id) || since.contains(id));
        let dead: Vec<u64> =
            state.facts().away().filter(|(_, away)| is_dead(away)).map(|(pack, _)| pack).collect();
        if dead.is_empty() {
            return Ok(());
        }
        let given_up = |pack: &u64| Fact::Away(*pack, Away { hash: None, entries: Vec::new() });
        let facts = dead.iter().map(given_up).collect();
        let state = self.append(state, Group { facts, ..Group::default() }, Fit::Disk)?;
        drop(self.wait_durable(state)?);
        dead.into_iter().try_for_each(|pack| remote.remove(pack))
    }
}
