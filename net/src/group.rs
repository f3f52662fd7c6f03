//! Who belongs together: the device log as a value, and what it says.
//!
//! Devices that hold the same entries say the same, in whatever order they came; see
//! `judgement` for how what contradicts itself is decided.

mod judgement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kernel::ledger::Signer;
use kernel::principal::DeviceId;

use crate::codec::{Reader, Writer};
use crate::entry::{
    Body, DEVICES_MAX, ENTRY_BYTES_MAX, Entry, EntryId, FRONTIER_MAX, Frontier, GroupId, KEYS_MAX,
    NewEpoch, PARENTS_MAX,
};
use crate::epoch::{EpochId, EpochKey};
use crate::identity::{Card, DeviceName, Role, random};
use crate::wrap::{Wrapped, WrappingKey, wrap};
use judgement::Verdict;

/// Entries of a group at most.
pub const ENTRIES_MAX: usize = 4096;

const EPOCH_KEY: &[u8] = b"hearth 2026-11 epoch key for a device";
const SHARED_KEY: &[u8] = b"hearth 2026-11 epoch key shared";

/// How a device stands to the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It belongs, and reads and writes.
    Member,
    /// It belongs, and keeps and passes on what is sealed.
    Hub,
    /// It belonged; what it made outside the frontier is quarantined.
    Removed(Frontier),
    /// It never did.
    Stranger,
}

impl Standing {
    /// Whether a link with it may be.
    #[must_use]
    pub fn belongs(&self) -> bool {
        matches!(self, Self::Member | Self::Hub)
    }
}

/// A device as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its identity.
    pub id: DeviceId,
    /// What it is called.
    pub name: DeviceName,
    /// How it stands.
    pub standing: Standing,
    /// What keys are wrapped for.
    pub wrapping: [u8; 32],
}

/// Why an entry is not taken, or not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupError {
    /// It is of another group.
    Foreign,
    /// What it stands on is not known here.
    Parents,
    /// There are too many.
    Full,
    /// The device does not belong, or not in that way.
    Standing,
    /// The system gave no random bytes, or a device's key is no key.
    Keys,
    /// They are no entries of a device log.
    Malformed,
}

impl std::fmt::Display for GroupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Foreign => "that is about another group of devices: pair this device anew",
            Self::Parents => "what that stands on has not come yet: wait until the devices meet",
            Self::Full => "the group has as many devices or changes as it can: found it anew",
            Self::Standing => "that device does not belong to the group: `hearth devices` lists it",
            Self::Keys => "no key could be made: restart the machine and try again",
            Self::Malformed => "the list of devices is damaged: pair this device anew",
        })
    }
}

impl std::error::Error for GroupError {}

/// An entry and its place in the log.
#[derive(Clone, Debug)]
struct Placed {
    entry: Entry,
    /// One more than the deepest of its parents.
    depth: u64,
    /// Which entries it stands on, by their place; itself is not among them.
    before: Places,
}

/// A set of places in the log.
#[derive(Clone, Debug, Default)]
struct Places(Vec<u64>);

impl Places {
    fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn add(&mut self, place: usize) {
        if self.0.len() <= place / 64 {
            self.0.resize(place / 64 + 1, 0);
        }
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
}

/// The device log and what it says. What is made with [`Group::admit`] and the like is an entry
/// that [`Group::take`] then takes, as it takes those of other devices.
#[derive(Clone, Debug)]
pub struct Group {
    id: GroupId,
    name: DeviceName,
    /// In an order in which none stands before its parents.
    log: Vec<Placed>,
    places: BTreeMap<EntryId, usize>,
    heads: BTreeSet<EntryId>,
    verdicts: Vec<Verdict>,
    devices: BTreeMap<DeviceId, Device>,
    current: Option<EpochId>,
    keys: BTreeMap<EpochId, EpochKey>,
}

impl Group {
    /// Founds a group with `card`, the signer's own, in it.
    ///
    /// # Errors
    /// [`GroupError::Keys`].
    pub fn found(signer: &dyn Signer, name: DeviceName, card: Card) -> Result<Self, GroupError> {
        let (key, epoch) = new_epoch(signer.id(), [(card.device, card.wrapping)])?;
        let body = Body::Found { name, card, epoch };
        let entry = Entry::sign(signer, GroupId([0; 32]), [], body);
        let epoch = EpochId(entry.id().0);
        let mut group = Self::of_first(entry).ok_or(GroupError::Malformed)?;
        group.keys.insert(epoch, key);
        Ok(group)
    }

    fn of_first(entry: Entry) -> Option<Self> {
        let Body::Found { name, .. } = entry.body() else {
            return None;
        };
        let mut group = Self {
            id: entry.group(),
            name: name.clone(),
            log: Vec::new(),
            places: BTreeMap::new(),
            heads: BTreeSet::new(),
            verdicts: Vec::new(),
            devices: BTreeMap::new(),
            current: None,
            keys: BTreeMap::new(),
        };
        group.place(entry).ok()?;
        group.judge();
        Some(group)
    }

    /// Which group it is.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.id
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &DeviceName {
        &self.name
    }

    /// Every device that belongs or belonged, by id.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// How a device stands.
    #[must_use]
    pub fn standing(&self, device: DeviceId) -> Standing {
        self.devices.get(&device).map_or(Standing::Stranger, |known| known.standing.clone())
    }

    /// The epoch that seals from now on. `None` while devices were removed concurrently and no
    /// epoch without all of them was made yet, see [`Group::renew`].
    #[must_use]
    pub fn current_epoch(&self) -> Option<EpochId> {
        self.current
    }

    /// The key of an epoch; `None` for one that is not of this group, or whose key has not come.
    #[must_use]
    pub fn epoch(&self, id: EpochId) -> Option<&EpochKey> {
        self.keys.get(&id)
    }

    /// Every epoch that holds.
    pub fn epochs(&self) -> impl Iterator<Item = EpochId> {
        let holding = self.log.iter().zip(&self.verdicts);
        holding
            .filter(|(it, verdict)| {
                **verdict == Verdict::Holds && it.entry.body().epoch().is_some()
            })
            .map(|(it, _)| EpochId(it.entry.id().0))
    }

    /// Epochs whose key is not here yet: what to ask other members for.
    #[must_use]
    pub fn missing_keys(&self) -> Vec<EpochId> {
        self.epochs().filter(|id| !self.keys.contains_key(id)).collect()
    }

    /// Entries that hold for nothing, since their author was removed or could not say that.
    pub fn quarantined(&self) -> impl Iterator<Item = &Entry> {
        let void = self.log.iter().zip(&self.verdicts);
        void.filter(|(_, verdict)| **verdict != Verdict::Holds).map(|(it, _)| &it.entry)
    }

    /// The entries that no other stands on: two devices with the same heads have the same log.
    #[must_use]
    pub fn heads(&self) -> Vec<EntryId> {
        self.heads.iter().copied().collect()
    }

    /// Every entry's id.
    pub fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.places.keys().copied()
    }

    /// The entries that are not among `known`, in an order in which they can be taken.
    pub fn lacking<'a>(
        &'a self,
        known: &'a BTreeSet<EntryId>,
    ) -> impl Iterator<Item = &'a Entry> + 'a {
        self.log.iter().map(|it| &it.entry).filter(|entry| !known.contains(&entry.id()))
    }

    /// Takes entries, in an order in which none stands before its parents, and says how many were
    /// new. What came before an error is taken.
    ///
    /// # Errors
    /// [`GroupError::Foreign`], [`GroupError::Parents`], [`GroupError::Full`].
    pub fn take(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
        wrapping: &WrappingKey,
    ) -> Result<usize, GroupError> {
        let before = self.log.len();
        let placed = entries.into_iter().try_for_each(|entry| self.place(entry));
        if self.log.len() > before {
            self.judge();
            self.open_keys(wrapping);
        }
        placed.map(|()| self.log.len() - before)
    }

    fn place(&mut self, entry: Entry) -> Result<(), GroupError> {
        if entry.group() != self.id {
            return Err(GroupError::Foreign);
        }
        if self.places.contains_key(&entry.id()) {
            return Ok(());
        }
        if self.log.len() >= ENTRIES_MAX {
            return Err(GroupError::Full);
        }
        let (mut depth, mut before) = (0, Places::default());
        for parent in entry.parents() {
            let place = *self.places.get(parent).ok_or(GroupError::Parents)?;
            before.join(&self.log[place].before);
            before.add(place);
            depth = depth.max(self.log[place].depth + 1);
        }
        for parent in entry.parents() {
            self.heads.remove(parent);
        }
        self.heads.insert(entry.id());
        self.places.insert(entry.id(), self.log.len());
        self.log.push(Placed { entry, depth, before });
        Ok(())
    }

    /// Opens the keys that entries carry for this device.
    fn open_keys(&mut self, wrapping: &WrappingKey) {
        let public = wrapping.public();
        let mine: BTreeSet<DeviceId> =
            self.devices.values().filter(|it| it.wrapping == public).map(|it| it.id).collect();
        let mut found = Vec::new();
        for placed in &self.log {
            let (id, author) = (EpochId(placed.entry.id().0), placed.entry.author());
            if let Some(epoch) = placed.entry.body().epoch()
                && !self.keys.contains_key(&id)
            {
                let wrapped = epoch.keys.iter().filter(|(device, _)| mine.contains(device));
                found.extend(wrapped.filter_map(|(device, key)| {
                    let about = epoch_about(author, *device, &epoch.commitment);
                    Some((id, wrapping.open(&about, key)?))
                }));
            }
            if let Body::Admit { card, keys, .. } = placed.entry.body()
                && card.wrapping == public
            {
                let wanted = keys.iter().filter(|(id, _)| !self.keys.contains_key(id));
                found.extend(wanted.filter_map(|(id, key)| {
                    Some((*id, wrapping.open(&shared_about(*id, card.device), key)?))
                }));
            }
        }
        for (id, key) in found {
            self.keep_key(id, EpochKey::new(*key));
        }
    }

    /// Keeps the key of an epoch if it is that epoch's, and says whether it is.
    pub fn keep_key(&mut self, id: EpochId, key: EpochKey) -> bool {
        let entry = self.places.get(&EntryId(id.0)).map(|place| &self.log[*place].entry);
        let epoch = entry.and_then(|entry| entry.body().epoch());
        let is_its = epoch.is_some_and(|epoch| epoch.commitment == key.commitment());
        if is_its {
            self.keys.insert(id, key);
        }
        is_its
    }

    /// The key of an epoch for another member that asked; `None` for whoever may not have it.
    #[must_use]
    pub fn share_key(&self, id: EpochId, device: DeviceId) -> Option<Wrapped> {
        let known = self.devices.get(&device)?;
        let key = self.keys.get(&id).filter(|_| known.standing == Standing::Member)?;
        wrap(&known.wrapping, &shared_about(id, device), key.bytes())
    }

    /// Takes what another member's [`Group::share_key`] gave, and says whether it was the key.
    pub fn take_key(
        &mut self,
        id: EpochId,
        device: DeviceId,
        wrapped: &Wrapped,
        wrapping: &WrappingKey,
    ) -> bool {
        let opened = wrapping.open(&shared_about(id, device), wrapped);
        opened.is_some_and(|key| self.keep_key(id, EpochKey::new(*key)))
    }

    /// Makes the entry that admits a device.
    ///
    /// # Errors
    /// [`GroupError::Standing`] when it belongs already or the signer may not say so,
    /// [`GroupError::Full`], [`GroupError::Keys`].
    pub fn admit(&self, signer: &dyn Signer, card: Card, role: Role) -> Result<Entry, GroupError> {
        self.may_write(signer)?;
        if self.standing(card.device).belongs() {
            return Err(GroupError::Standing);
        }
        if self.devices().filter(|it| it.standing.belongs()).count() >= DEVICES_MAX {
            return Err(GroupError::Full);
        }
        let mut keys = BTreeMap::new();
        if role == Role::Member {
            // The newest first; the others are asked for over a link.
            let mut known: Vec<_> = self.keys.iter().collect();
            known.sort_by_key(|(id, _)| {
                let depth = self.places.get(&EntryId(id.0)).map(|place| self.log[*place].depth);
                (std::cmp::Reverse(depth), **id)
            });
            for (id, key) in known.into_iter().take(KEYS_MAX) {
                let about = shared_about(*id, card.device);
                let wrapped = wrap(&card.wrapping, &about, key.bytes()).ok_or(GroupError::Keys)?;
                keys.insert(*id, wrapped);
            }
        }
        Ok(self.sign(signer, Body::Admit { card, role, keys }))
    }

    /// Makes the entry that removes a device and keeps `frontier` of its work.
    ///
    /// # Errors
    /// [`GroupError::Standing`] when it does not belong, [`GroupError::Full`],
    /// [`GroupError::Keys`].
    pub fn remove(
        &self,
        signer: &dyn Signer,
        device: DeviceId,
        frontier: Frontier,
    ) -> Result<Entry, GroupError> {
        self.may_write(signer)?;
        if !self.standing(device).belongs() {
            return Err(GroupError::Standing);
        }
        if frontier.0.len() > FRONTIER_MAX {
            return Err(GroupError::Full);
        }
        let (_, epoch) = new_epoch(signer.id(), self.readers().filter(|(id, _)| *id != device))?;
        Ok(self.sign(signer, Body::Remove { device, frontier, epoch }))
    }

    /// Makes the entry that renames a device.
    ///
    /// # Errors
    /// [`GroupError::Standing`] when it does not belong.
    pub fn rename(
        &self,
        signer: &dyn Signer,
        device: DeviceId,
        name: DeviceName,
    ) -> Result<Entry, GroupError> {
        self.may_write(signer)?;
        if !self.standing(device).belongs() {
            return Err(GroupError::Standing);
        }
        Ok(self.sign(signer, Body::Rename { device, name }))
    }

    /// Makes the entry that gives a device another role.
    ///
    /// # Errors
    /// [`GroupError::Standing`] when it does not belong, [`GroupError::Keys`].
    pub fn set_role(
        &self,
        signer: &dyn Signer,
        device: DeviceId,
        role: Role,
    ) -> Result<Entry, GroupError> {
        self.may_write(signer)?;
        let known = self.devices.get(&device).filter(|it| it.standing.belongs());
        let known = known.ok_or(GroupError::Standing)?;
        let others = self.readers().filter(|(id, _)| *id != device);
        let itself = (role == Role::Member).then_some((device, known.wrapping));
        let (_, epoch) = new_epoch(signer.id(), others.chain(itself))?;
        Ok(self.sign(signer, Body::SetRole { device, role, epoch }))
    }

    /// Makes the entry of a new epoch when there is no current one, as after concurrent removals.
    ///
    /// # Errors
    /// [`GroupError::Keys`], or [`GroupError::Standing`] for a signer that may not.
    pub fn renew(&self, signer: &dyn Signer) -> Result<Entry, GroupError> {
        self.may_write(signer)?;
        let (_, epoch) = new_epoch(signer.id(), self.readers())?;
        Ok(self.sign(signer, Body::Renew { epoch }))
    }

    fn may_write(&self, signer: &dyn Signer) -> Result<(), GroupError> {
        match self.standing(signer.id()) {
            Standing::Member if self.log.len() < ENTRIES_MAX => Ok(()),
            Standing::Member => Err(GroupError::Full),
            _ => Err(GroupError::Standing),
        }
    }

    /// Who reads now, with the key to wrap for.
    fn readers(&self) -> impl Iterator<Item = (DeviceId, [u8; 32])> {
        let members = self.devices.values().filter(|it| it.standing == Standing::Member);
        members.map(|it| (it.id, it.wrapping))
    }

    fn sign(&self, signer: &dyn Signer, body: Body) -> Entry {
        debug_assert!(self.heads.len() <= PARENTS_MAX || !self.heads.is_empty());
        Entry::sign(signer, self.id, self.heads.iter().copied(), body)
    }

    /// The log, for the disk and for a newcomer. Keys are not in it but wrapped.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.log.len());
        for placed in &self.log {
            writer.bytes(placed.entry.bytes());
        }
        writer.finish()
    }

    /// Reads what [`Group::encode`] wrote.
    ///
    /// # Errors
    /// [`GroupError::Malformed`], or why an entry was not taken.
    pub fn decode(bytes: &[u8], wrapping: &WrappingKey) -> Result<Self, GroupError> {
        let mut reader = Reader::new(bytes);
        let entries = read_entries(&mut reader, ENTRIES_MAX).ok_or(GroupError::Malformed)?;
        reader.end().ok_or(GroupError::Malformed)?;
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(GroupError::Malformed)?;
        let mut group = Self::of_first(first).ok_or(GroupError::Malformed)?;
        group.take(entries, wrapping)?;
        group.open_keys(wrapping);
        Ok(group)
    }
}

/// Counted entries, each checked.
pub(crate) fn read_entries(reader: &mut Reader<'_>, limit: usize) -> Option<Vec<Entry>> {
    let count = reader.count(limit)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(Entry::decode(reader.bytes(ENTRY_BYTES_MAX)?)?);
    }
    Some(entries)
}

fn epoch_about(author: DeviceId, device: DeviceId, commitment: &[u8; 32]) -> Vec<u8> {
    [EPOCH_KEY, &author.0, &device.0, commitment].concat()
}

fn shared_about(id: EpochId, device: DeviceId) -> Vec<u8> {
    [SHARED_KEY, &id.0, &device.0].concat()
}

/// A fresh key, and what an entry of `author` says of it.
fn new_epoch(
    author: DeviceId,
    readers: impl IntoIterator<Item = (DeviceId, [u8; 32])>,
) -> Result<(EpochKey, NewEpoch), GroupError> {
    let key = EpochKey::new(*random::<32>().ok_or(GroupError::Keys)?);
    let commitment = key.commitment();
    let mut keys = BTreeMap::new();
    for (device, wrapping) in readers {
        let about = epoch_about(author, device, &commitment);
        keys.insert(device, wrap(&wrapping, &about, key.bytes()).ok_or(GroupError::Keys)?);
    }
    if keys.len() > DEVICES_MAX {
        return Err(GroupError::Full);
    }
    Ok((key, NewEpoch { commitment, keys }))
}
