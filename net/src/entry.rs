//! An entry of the device log: what one device says about who belongs to the group, after what it
//! knew then.
//!
//! Its bytes are `version (1) | author (32) | group (32) | parents | body | signature (64)`; its id
//! is the BLAKE3 hash of all before the signature, behind `"hearth 2026-11 device log entry"`,
//! which is also what the author signs. The group is the id of the first entry, and zero in it.

use std::collections::BTreeMap;

use kernel::ledger::Signer;
use kernel::principal::DeviceId;

use crate::codec::{Reader, Writer};
use crate::epoch::EpochId;
use crate::identity::{Card, DeviceName, Role, is_signed};
use crate::wrap::Wrapped;

const DOMAIN: &[u8] = b"hearth 2026-11 device log entry";
const VERSION: u8 = 1;

/// Bytes of an entry at most.
pub const ENTRY_BYTES_MAX: usize = 256 << 10;
/// Parents of an entry at most.
pub const PARENTS_MAX: usize = 64;
/// Devices that an epoch's key is wrapped for at most.
pub const DEVICES_MAX: usize = 64;
/// Earlier epochs' keys that an entry hands to a newcomer at most.
pub const KEYS_MAX: usize = 256;
/// Authors in a frontier at most.
pub const FRONTIER_MAX: usize = 4096;

/// Names an entry: its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub [u8; 32]);

/// Names a group of devices: the hash of its first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub [u8; 32]);

/// How much of what a device made is kept when it is removed: for each author of operations (its
/// 16 bytes, as `text` writes them) the number of operations from its first on. An author that is
/// not named is not kept at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier(pub BTreeMap<[u8; 16], u64>);

impl Frontier {
    /// The larger of both for each author.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        for (author, count) in &other.0 {
            let kept = self.0.entry(*author).or_default();
            *kept = (*kept).max(*count);
        }
        self
    }
}

/// A new epoch: what its key must hash to, and the key for each device that reads from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEpoch {
    /// [`crate::EpochKey::commitment`] of the key.
    pub commitment: [u8; 32],
    /// The key, wrapped for each.
    pub keys: BTreeMap<DeviceId, Wrapped>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is a group, and the author is in it.
    Found {
        /// What the group is called.
        name: DeviceName,
        /// The author.
        card: Card,
        /// The first epoch.
        epoch: NewEpoch,
    },
    /// A device belongs to it.
    Admit {
        /// The newcomer, in its own signed words.
        card: Card,
        /// What it is for.
        role: Role,
        /// The keys of the epochs so far, wrapped for it.
        keys: BTreeMap<EpochId, Wrapped>,
    },
    /// A device belongs to it no more.
    Remove {
        /// Which.
        device: DeviceId,
        /// What of its work is kept.
        frontier: Frontier,
        /// The epoch from then on.
        epoch: NewEpoch,
    },
    /// A device has another name.
    Rename {
        /// Which.
        device: DeviceId,
        /// The name.
        name: DeviceName,
    },
    /// A device is for something else.
    SetRole {
        /// Which.
        device: DeviceId,
        /// For what.
        role: Role,
        /// The epoch from then on.
        epoch: NewEpoch,
    },
    /// Nothing but a new epoch.
    Renew {
        /// It.
        epoch: NewEpoch,
    },
}

impl Body {
    /// The epoch that it makes, if it makes one.
    #[must_use]
    pub fn epoch(&self) -> Option<&NewEpoch> {
        match self {
            Self::Found { epoch, .. }
            | Self::Remove { epoch, .. }
            | Self::SetRole { epoch, .. }
            | Self::Renew { epoch } => Some(epoch),
            Self::Admit { .. } | Self::Rename { .. } => None,
        }
    }
}

/// A signed entry, which cannot be made or read with a wrong signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    author: DeviceId,
    group: GroupId,
    parents: Vec<EntryId>,
    body: Body,
    bytes: Vec<u8>,
}

impl Entry {
    /// Signs an entry. Of the parents the first [`PARENTS_MAX`] are named.
    #[must_use]
    pub fn sign(
        signer: &dyn Signer,
        group: GroupId,
        parents: impl IntoIterator<Item = EntryId>,
        body: Body,
    ) -> Self {
        let mut parents: Vec<EntryId> = parents.into_iter().collect();
        parents.sort_unstable();
        parents.dedup();
        parents.truncate(PARENTS_MAX);
        let author = signer.id();
        let mut writer = Writer::after(DOMAIN);
        writer.byte(VERSION).fixed(&author.0).fixed(&group.0).count(parents.len());
        for parent in &parents {
            writer.fixed(&parent.0);
        }
        write_body(&mut writer, &body);
        let message = writer.finish();
        let id = EntryId(*blake3::hash(&message).as_bytes());
        let mut bytes = message[DOMAIN.len()..].to_vec();
        bytes.extend_from_slice(&signer.sign(&message));
        let group = if let Body::Found { .. } = body { GroupId(id.0) } else { group };
        Self { id, author, group, parents, body, bytes }
    }

    /// Reads an entry; `None` for other bytes and for a signature that is not its author's.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return None;
        }
        let signed = bytes.len().checked_sub(64)?;
        let mut reader = Reader::new(&bytes[..signed]);
        if reader.byte()? != VERSION {
            return None;
        }
        let author = DeviceId(reader.fixed()?);
        let group = GroupId(reader.fixed()?);
        let count = reader.count(PARENTS_MAX)?;
        let parents =
            (0..count).map(|_| reader.fixed().map(EntryId)).collect::<Option<Vec<_>>>()?;
        let body = read_body(&mut reader)?;
        reader.end()?;
        let is_first = matches!(body, Body::Found { .. });
        let sorted = parents.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || is_first != parents.is_empty() || is_first != (group.0 == [0; 32]) {
            return None;
        }
        if let Body::Found { card, .. } = &body
            && card.device != author
        {
            return None;
        }
        let message = [DOMAIN, &bytes[..signed]].concat();
        let signature = bytes[signed..].try_into().ok()?;
        let id = EntryId(*blake3::hash(&message).as_bytes());
        let group = if is_first { GroupId(id.0) } else { group };
        is_signed(author, &message, &signature).then(|| Self {
            id,
            author,
            group,
            parents,
            body,
            bytes: bytes.to_vec(),
        })
    }

    /// Its hash.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// Who says it.
    #[must_use]
    pub fn author(&self) -> DeviceId {
        self.author
    }

    /// Of which group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// What its author knew: these and all before them.
    #[must_use]
    pub fn parents(&self) -> &[EntryId] {
        &self.parents
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// What [`Entry::decode`] reads.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn write_body(writer: &mut Writer, body: &Body) {
    match body {
        Body::Found { name, card, epoch } => {
            writer.byte(0).bytes(name.as_str().as_bytes());
            card.write(writer);
            write_epoch(writer, epoch);
        }
        Body::Admit { card, role, keys } => {
            writer.byte(1);
            card.write(writer);
            writer.byte(role.byte()).count(keys.len());
            for (epoch, key) in keys {
                writer.fixed(&epoch.0).fixed(key);
            }
        }
        Body::Remove { device, frontier, epoch } => {
            writer.byte(2).fixed(&device.0).count(frontier.0.len());
            for (author, count) in &frontier.0 {
                writer.fixed(author).number(*count);
            }
            write_epoch(writer, epoch);
        }
        Body::Rename { device, name } => {
            writer.byte(3).fixed(&device.0).bytes(name.as_str().as_bytes());
        }
        Body::SetRole { device, role, epoch } => {
            writer.byte(4).fixed(&device.0).byte(role.byte());
            write_epoch(writer, epoch);
        }
        Body::Renew { epoch } => {
            writer.byte(5);
            write_epoch(writer, epoch);
        }
    }
}

fn write_epoch(writer: &mut Writer, epoch: &NewEpoch) {
    writer.fixed(&epoch.commitment).count(epoch.keys.len());
    for (device, key) in &epoch.keys {
        writer.fixed(&device.0).fixed(key);
    }
}

fn read_body(reader: &mut Reader<'_>) -> Option<Body> {
    Some(match reader.byte()? {
        0 => Body::Found {
            name: DeviceName::read(reader)?,
            card: Card::read(reader)?,
            epoch: read_epoch(reader)?,
        },
        1 => Body::Admit {
            card: Card::read(reader)?,
            role: Role::read(reader)?,
            keys: read_map(reader, KEYS_MAX, |it| Some((EpochId(it.fixed()?), it.fixed()?)))?,
        },
        2 => Body::Remove {
            device: DeviceId(reader.fixed()?),
            frontier: Frontier(read_map(reader, FRONTIER_MAX, |it| {
                Some((it.fixed()?, it.number()?))
            })?),
            epoch: read_epoch(reader)?,
        },
        3 => Body::Rename { device: DeviceId(reader.fixed()?), name: DeviceName::read(reader)? },
        4 => Body::SetRole {
            device: DeviceId(reader.fixed()?),
            role: Role::read(reader)?,
            epoch: read_epoch(reader)?,
        },
        5 => Body::Renew { epoch: read_epoch(reader)? },
        _ => return None,
    })
}

fn read_epoch(reader: &mut Reader<'_>) -> Option<NewEpoch> {
    Some(NewEpoch {
        commitment: reader.fixed()?,
        keys: read_map(reader, DEVICES_MAX, |it| Some((DeviceId(it.fixed()?), it.fixed()?)))?,
    })
}

/// A map in the order of its keys, each once: there is one way to write it.
fn read_map<'a, K: Ord + Copy, V>(
    reader: &mut Reader<'a>,
    limit: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Option<(K, V)>,
) -> Option<BTreeMap<K, V>> {
    let mut map = BTreeMap::new();
    for _ in 0..reader.count(limit)? {
        let (key, value) = one(reader)?;
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return None;
        }
        map.insert(key, value);
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use kernel::ledger::DeviceKey;

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_signed_and_every_flip_is_noticed() {
        let signer = DeviceKey::from_seed(&[1; 32]);
        let keys = BTreeMap::from([(signer.id(), [4; 80])]);
        let epoch = NewEpoch { commitment: [3; 32], keys };
        let frontier = Frontier(BTreeMap::from([([1; 16], 5), ([2; 16], 9)]));
        let bodies = [
            Body::Found {
                name: DeviceName::near("home"),
                card: Card::sign(&signer, DeviceName::near("desk"), [1; 32]),
                epoch: epoch.clone(),
            },
            Body::Remove { device: DeviceId([8; 32]), frontier, epoch: epoch.clone() },
            Body::SetRole { device: DeviceId([8; 32]), role: Role::Hub, epoch },
        ];
        for body in bodies {
            let is_first = matches!(body, Body::Found { .. });
            let (group, parents) = if is_first { ([0; 32], 0) } else { ([7; 32], 2) };
            let parents = (0..parents).map(|at| EntryId([at; 32]));
            let entry = Entry::sign(&signer, GroupId(group), parents, body);
            assert_eq!(Entry::decode(entry.bytes()), Some(entry.clone()));
            for at in 0..entry.bytes().len() {
                let mut bad = entry.bytes().to_vec();
                bad[at] ^= 1;
                assert_eq!(Entry::decode(&bad), None, "a flip at {at} passed");
                assert_eq!(Entry::decode(&bad[..at]), None);
            }
        }
    }
}
