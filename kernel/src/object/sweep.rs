//! Mark and sweep: what no root holds gets a tombstone, and goes when that is older than the grace.
//!
//! 1. Mark: objects that a root holds, that are pinned, or whose tombstone is young are live, and
//!    so is everything that they are made of.
//! 2. Doom: the others are noted as swept, durably, and leave the index with all that is not live.
//! 3. Move: packs that are mostly dead, and small ones, are rewritten into fresh packs.
//! 4. Retire: a checkpoint says which packs there are from now on, and the old files go.
//!
//! Puts go on meanwhile. A batch pins what it relies on, under the lock that step 2 looks at the
//! pins under, so that either the sweep sees the pin or the batch sees the frame gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::PoisonError;
use std::time::{Duration, UNIX_EPOCH};

use super::error::ObjectError;
use super::facts::{Fact, Standing};
use super::frame::{FrameId, Kind};
use super::index::Place;
use super::manifest::{Manifest, Node};
use super::pack::HEADER;
use super::store::{Fit, Group, GroupFrame, Guard, Inner, State};
use super::{Now, ObjectStore};

/// So many packs of less than a quarter of the usual length are joined.
const SMALL_PACKS: usize = 8;

/// Moved frames are appended when there are this many bytes of them.
const MOVE_BYTES: usize = 4 * 1024 * 1024;

/// More than the frame of a standing takes.
const FACT_BYTES: u64 = 256;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that nothing holds, which got a tombstone.
    pub marked: u64,
    /// Objects whose tombstone was older than the grace, which are gone.
    pub objects: u64,
    /// How much shorter the packs have become, in bytes.
    pub bytes: u64,
}

/// What stays.
#[derive(Default)]
struct Live {
    frames: HashSet<FrameId>,
    /// Chunks that are left to the other tier.
    away: HashSet<FrameId>,
    /// Objects that go, each with where its manifest lies.
    doomed: Vec<(FrameId, u64)>,
    /// Objects that get a tombstone.
    marked: Vec<(FrameId, Standing)>,
}

impl ObjectStore {
    /// Takes away what no root has held for `grace` and gives its space back. An object that was
    /// just put is safe for the grace at least, whichever way the wall clock jumps.
    ///
    /// # Errors
    /// [`ObjectError::Incomplete`] when roots may have been lost to damage; else what the disk
    /// says. Whatever was live is there still.
    pub fn sweep(&self, now: Now, grace: Duration) -> Result<Swept, ObjectError> {
        let inner = &*self.0;
        let _alone = inner.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let before = {
            let mut state = inner.settled()?;
            if state.index.incomplete {
                return Err(ObjectError::Incomplete);
            }
            state.pinned_since = Some(state.pins.keys().copied().collect());
            state.disk_bytes()
        };
        let swept = inner.mark(now, grace).and_then(|live| inner.sweep_all_but(live));
        inner.state().pinned_since = None;
        let swept = swept?;
        let after = inner.state().disk_bytes();
        Ok(Swept { bytes: before.saturating_sub(after), ..swept })
    }

    /// Takes what can be read as all there is: rewrites damaged packs without what is damaged in
    /// them, and lets the sweep run again. Roots that were lost stay lost.
    ///
    /// # Errors
    /// What the disk says.
    pub fn repair(&self) -> Result<(), ObjectError> {
        let inner = &*self.0;
        let _alone = inner.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let worn = {
            let state = inner.settled()?;
            state
                .index
                .worn
                .iter()
                .copied()
                .filter(|it| state.index.packs.contains_key(it))
                .collect()
        };
        inner.rewrite(worn, Keep::WhatOpens, Seal::AsItIs)
    }

    /// Seals everything on the local disk under the key that seals now, so that older ones can be
    /// forgotten. It answers how many packs stay as they are, since something in them does not
    /// open. What only the other tier has is not reached. Not for the UI thread.
    ///
    /// # Errors
    /// What the disk says; whatever was there opens as before.
    pub fn seal_anew(&self) -> Result<usize, ObjectError> {
        let inner = &*self.0;
        let _alone = inner.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let old: BTreeSet<u64> = {
            let state = inner.close_active(inner.settled()?)?;
            state.index.packs.keys().copied().collect()
        };
        if old.is_empty() {
            return Ok(0);
        }
        inner.rewrite(old.clone(), Keep::Everything, Seal::Anew)?;
        let state = inner.state();
        Ok(old.iter().filter(|pack| state.index.packs.contains_key(pack)).count())
    }
}

/// How a frame is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seal {
    AsItIs,
    Anew,
}

/// Whether a pack with a live frame that does not open may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Everything,
    WhatOpens,
}

impl Inner {
    /// The state, with all that was appended so far durable.
    fn settled(&self) -> Result<Guard<'_>, ObjectError> {
        let state = self.settle_tail(self.state())?;
        self.wait_durable(state)
    }

    fn mark(&self, now: Now, grace: Duration) -> Result<Live, ObjectError> {
        let mut live = Live::default();
        let mut walk = Vec::new();
        {
            let mut state = self.state();
            let held: HashSet<FrameId> =
                state.facts().roots().map(|(_, id)| self.secrets.object_id(id)).collect();
            let all: Vec<(FrameId, Place)> = state.index.table.iter().collect();
            for (id, place) in all.into_iter().filter(|(_, place)| place.kind == Kind::Manifest) {
                let standing = state.facts().standing(id);
                if held.contains(&id) || state.pins.contains_key(&id) {
                    state.tombstones.remove(&id);
                    if standing.tombstone.is_some() {
                        live.marked.push((id, Standing { tombstone: None, ..standing }));
                    }
                } else if is_over(&state, id, standing, now, grace) {
                    live.doomed.push((id, place.pack));
                    continue;
                } else if standing.tombstone.is_none_or(|since| since > seconds(now)) {
                    let tombstone = Some(seconds(now));
                    state.tombstones.insert(id, now.steady);
                    live.marked.push((id, Standing { tombstone, ..standing }));
                }
                walk.push((id, standing.evicted));
            }
        }
        for (id, is_evicted) in walk {
            live.frames.insert(id);
            if let Some(content) = self.local(id, Kind::Manifest)?
                && let Some(manifest) = Manifest::decode(&content)
            {
                self.mark_below(&manifest.top, is_evicted, &mut live)?;
            }
        }
        Ok(live)
    }

    fn mark_below(
        &self,
        node: &Node,
        is_evicted: bool,
        live: &mut Live,
    ) -> Result<(), ObjectError> {
        for entry in &node.entries {
            if node.level > 0 {
                live.frames.insert(entry.id);
                if let Some(below) = self.node(entry, node.level)? {
                    self.mark_below(&below, is_evicted, live)?;
                }
            } else if !is_evicted || self.state().away(entry.id).is_none() {
                live.frames.insert(entry.id);
            } else {
                live.away.insert(entry.id);
            }
        }
        Ok(())
    }

    fn sweep_all_but(&self, live: Live) -> Result<Swept, ObjectError> {
        let facts_max = (live.doomed.len() + live.marked.len()) as u64;
        // With room for the facts, the lock is held from the look at the pins to the removal.
        let mut state = self.with_active(self.state(), facts_max * FACT_BYTES)?;
        let since = state.pinned_since.clone().unwrap_or_default();
        let doomed: HashMap<FrameId, u64> =
            live.doomed.into_iter().filter(|(id, _)| !since.contains(id)).collect();
        let marked = live.marked.into_iter().filter(|(id, _)| !since.contains(id));
        let marked: Vec<_> = marked.collect();
        let new = marked.iter().filter(|(_, standing)| standing.tombstone.is_some()).count();
        let swept = doomed.iter().map(|(id, pack)| {
            Fact::Standing(*id, Standing { swept: Some(*pack), ..Standing::default() })
        });
        let facts = marked.into_iter().map(|(id, standing)| Fact::Standing(id, standing));
        let facts: Vec<Fact> = swept.chain(facts).collect();
        if !facts.is_empty() {
            state = self.append(state, Group { facts, ..Group::default() }, Fit::Disk)?;
        }
        let all: Vec<(FrameId, Place)> = state.index.table.iter().collect();
        for (id, place) in all {
            let goes = match place.kind {
                Kind::Manifest => doomed.contains_key(&id),
                _ => !live.frames.contains(&id) && !since.contains(&id),
            };
            if goes {
                state.index.table.set(id, None);
                state.tombstones.remove(&id);
            }
        }
        let state = self.close_active(state)?;
        let victims = state.victims(self.options.pack_bytes);
        drop(state);
        self.rewrite(victims, Keep::Everything, Seal::AsItIs)?;
        self.sweep_away(|id| live.frames.contains(id) || live.away.contains(id))?;
        Ok(Swept { marked: new as u64, objects: doomed.len() as u64, bytes: 0 })
    }

    /// Moves what is live out of `victims` and retires them.
    fn rewrite(&self, victims: BTreeSet<u64>, keep: Keep, seal: Seal) -> Result<(), ObjectError> {
        if victims.is_empty() && keep == Keep::Everything {
            return Ok(());
        }
        // What is moved must not land in a victim.
        let state = self.close_active(self.state())?;
        let mut frames: Vec<(FrameId, Place)> =
            state.index.table.iter().filter(|(_, place)| victims.contains(&place.pack)).collect();
        drop(state);
        frames.sort_unstable_by_key(|(_, place)| (place.pack, place.offset));
        let mut retired = victims;
        let mut group = Group::default();
        for (id, _) in frames {
            let Some((place, bytes)) = self.frame_at(id)? else { continue };
            let opened = self.opened_with_sequence(id, place.kind, &bytes);
            if let Some((sequence, content)) = opened {
                let (offset, kind) = (group.bytes.len(), place.kind);
                match seal {
                    Seal::AsItIs => group.bytes.extend_from_slice(&bytes),
                    Seal::Anew => {
                        self.secrets.encode(kind, id, sequence, &content, &mut group.bytes)?;
                    }
                }
                let (len, moved_from) = (group.bytes.len() - offset, Some(place));
                group.frames.push(GroupFrame { id, kind, offset, bytes: len, moved_from });
            } else if keep == Keep::Everything {
                // What is left of it is evidence, and may be all there is.
                retired.remove(&place.pack);
            } else {
                let mut state = self.state();
                state.index.table.set(id, None);
                state.damaged.insert(id);
            }
            if group.bytes.len() >= MOVE_BYTES {
                let moved = std::mem::take(&mut group);
                drop(self.append(self.state(), moved, Fit::Disk)?);
            }
        }
        let mut state = self.state();
        if !group.bytes.is_empty() {
            state = self.append(state, group, Fit::Disk)?;
        }
        state = self.retire(state, &retired)?;
        // Without it the next opening scans.
        drop(self.save_index(&mut state));
        Ok(())
    }
}

/// Whether an object that nothing holds has had its grace, by both clocks. No put of this process
/// is older than the process, so a tombstone of an earlier one needs the wall clock alone.
fn is_over(state: &State, id: FrameId, standing: Standing, now: Now, grace: Duration) -> bool {
    let by_wall = standing.tombstone.is_some_and(|since| seconds(now) >= since + grace.as_secs());
    let set = state.tombstones.get(&id);
    by_wall && set.is_none_or(|since| now.steady.saturating_duration_since(*since) >= grace)
}

fn seconds(now: Now) -> u64 {
    now.wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl State {
    /// Packs that are worth rewriting.
    fn victims(&self, usual: u64) -> BTreeSet<u64> {
        let mut live: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, place) in self.index.table.iter() {
            *live.entry(place.pack).or_default() += u64::from(place.bytes);
        }
        let packs = self.index.packs.iter();
        let is_small = |bytes: u64| bytes < usual / 4;
        let small = packs.clone().filter(|(_, bytes)| is_small(**bytes)).count();
        let worth = packs.filter(|(id, bytes)| {
            let live = live.get(id).copied().unwrap_or(0);
            let is_dead = live * 2 < bytes.saturating_sub(HEADER);
            is_dead || self.index.worn.contains(id) || small >= SMALL_PACKS && is_small(**bytes)
        });
        worth.map(|(id, _)| *id).collect()
    }
}
