//! What devices of a group tell each other of it: entries of the log, keys, addresses. A value
//! that hears and answers; who carries it is another's matter.
//!
//! On a new link each tells its heads. Whose differ names what it has, and is sent what it lacks.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use kernel::principal::DeviceId;

use crate::codec::{Reader, Writer};
use crate::entry::{DEVICES_MAX, Entry, EntryId, KEYS_MAX};
use crate::epoch::EpochId;
use crate::group::{ENTRIES_MAX, Group, GroupError, read_entries};
use crate::kept::{Kept, read_addresses, write_addresses};
use crate::wrap::Wrapped;

/// Bytes of entries in one message, unless one entry alone has more.
const ENTRIES_BYTES: usize = 512 << 10;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The entries that no other stands on.
    Heads(Vec<EntryId>),
    /// Every entry that is here.
    Have(BTreeSet<EntryId>),
    /// Entries, in an order in which they can be taken.
    Entries(Vec<Entry>),
    /// Epochs whose keys are missing here.
    Ask(Vec<EpochId>),
    /// Keys, wrapped for the one that asked.
    Keys(Vec<(EpochId, Wrapped)>),
    /// Where devices can be reached.
    Addresses(Vec<(DeviceId, Vec<SocketAddr>)>),
}

impl Message {
    /// The bytes that [`Message::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Heads(ids) => write_ids(&mut writer, 0, ids),
            Self::Have(ids) => write_ids(&mut writer, 1, ids),
            Self::Entries(entries) => {
                writer.byte(2).count(entries.len());
                for entry in entries {
                    writer.bytes(entry.bytes());
                }
            }
            Self::Ask(epochs) => {
                writer.byte(3).count(epochs.len());
                for id in epochs {
                    writer.fixed(&id.0);
                }
            }
            Self::Keys(keys) => {
                writer.byte(4).count(keys.len());
                for (id, key) in keys {
                    writer.fixed(&id.0).fixed(key);
                }
            }
            Self::Addresses(all) => {
                writer.byte(5).count(all.len());
                for (device, addresses) in all {
                    writer.fixed(&device.0);
                    write_addresses(&mut writer, addresses);
                }
            }
        }
        writer.finish()
    }

    /// Reads a message; `None` for other bytes, and for entries with a wrong signature.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let message = match reader.byte()? {
            0 => Self::Heads(read_all(&mut reader, ENTRIES_MAX, |it| it.fixed().map(EntryId))?),
            1 => {
                let ids = read_all(&mut reader, ENTRIES_MAX, |it| it.fixed().map(EntryId))?;
                Self::Have(ids.into_iter().collect())
            }
            2 => Self::Entries(read_entries(&mut reader, ENTRIES_MAX)?),
            3 => Self::Ask(read_all(&mut reader, KEYS_MAX, |it| it.fixed().map(EpochId))?),
            4 => Self::Keys(read_all(&mut reader, KEYS_MAX, |it| {
                Some((EpochId(it.fixed()?), it.fixed()?))
            })?),
            5 => Self::Addresses(read_all(&mut reader, DEVICES_MAX, |it| {
                Some((DeviceId(it.fixed()?), read_addresses(it)?))
            })?),
            _ => return None,
        };
        reader.end()?;
        Some(message)
    }
}

fn write_ids<'a>(
    writer: &mut Writer,
    tag: u8,
    ids: impl IntoIterator<Item = &'a EntryId, IntoIter: ExactSizeIterator>,
) {
    let ids = ids.into_iter();
    writer.byte(tag).count(ids.len());
    for id in ids {
        writer.fixed(&id.0);
    }
}

fn read_all<'a, T>(
    reader: &mut Reader<'a>,
    limit: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.count(limit)?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(one(reader)?);
    }
    Some(all)
}

/// What follows from a message.
#[derive(Debug, Default)]
pub struct Heard {
    /// What to answer.
    pub replies: Vec<Message>,
    /// Entries that were new here: others may lack them, too.
    pub fresh: Vec<Entry>,
    /// Whether keys came.
    pub keys: bool,
    /// Whether addresses came.
    pub addresses: bool,
}

/// What to say first on a new link.
#[must_use]
pub fn greeting(kept: &Kept) -> Vec<Message> {
    let Some(group) = &kept.group else { return Vec::new() };
    let mut said = vec![Message::Heads(group.heads())];
    said.extend(addresses(kept));
    said.extend(ask(group));
    said
}

/// Where those that belong can be reached. It follows entries, since of whom one does not know
/// one remembers nothing.
#[must_use]
pub fn addresses(kept: &Kept) -> Option<Message> {
    let group = kept.group.as_ref()?;
    let belonging = group.devices().filter(|it| it.standing.belongs()).map(|it| it.id);
    let known = belonging.filter_map(|id| Some((id, kept.peers.get(&id)?.addresses.clone())));
    let known: Vec<_> = known.filter(|(_, addresses)| !addresses.is_empty()).collect();
    (!known.is_empty()).then_some(Message::Addresses(known))
}

fn ask(group: &Group) -> Option<Message> {
    let mut missing = group.missing_keys();
    missing.truncate(KEYS_MAX);
    (!missing.is_empty()).then_some(Message::Ask(missing))
}

/// Hears what `from` told `me`.
///
/// # Errors
/// [`GroupError::Foreign`] and [`GroupError::Full`]: such a device is not listened to.
pub fn hear(
    kept: &mut Kept,
    me: DeviceId,
    from: DeviceId,
    message: Message,
) -> Result<Heard, GroupError> {
    let mut heard = Heard::default();
    let Some(group) = &mut kept.group else { return Ok(heard) };
    match message {
        Message::Heads(heads) => {
            if heads != group.heads() {
                heard.replies.push(Message::Have(group.ids().collect()));
            }
        }
        Message::Have(ids) => {
            heard.replies.extend(batches(group.lacking(&ids).cloned()));
            heard.replies.extend(addresses(kept));
        }
        Message::Entries(entries) => {
            let before: BTreeSet<EntryId> = group.ids().collect();
            match group.take(entries, &kept.wrapping) {
                // What they stand on is asked for.
                Err(GroupError::Parents) => {
                    heard.replies.push(Message::Have(group.ids().collect()));
                }
                taken => drop(taken?),
            }
            heard.fresh = group.lacking(&before).cloned().collect();
            if group.standing(me) == crate::Standing::Member {
                heard.replies.extend(ask(group));
            }
        }
        Message::Ask(epochs) => {
            let shared = epochs.iter().filter_map(|id| Some((*id, group.share_key(*id, from)?)));
            heard.replies.push(Message::Keys(shared.collect()));
        }
        Message::Keys(keys) => {
            for (id, wrapped) in keys {
                heard.keys |= group.take_key(id, me, &wrapped, &kept.wrapping);
            }
        }
        Message::Addresses(all) => {
            for (device, addresses) in all {
                if device != me && group.standing(device).belongs() {
                    kept.peers.entry(device).or_default().told_of(addresses);
                    heard.addresses = true;
                }
            }
        }
    }
    Ok(heard)
}

/// Entries in messages that fit a frame.
pub(crate) fn batches(entries: impl Iterator<Item = Entry>) -> Vec<Message> {
    let (mut messages, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        if bytes + entry.bytes().len() > ENTRIES_BYTES && !batch.is_empty() {
            messages.push(Message::Entries(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += entry.bytes().len();
        batch.push(entry);
    }
    if !batch.is_empty() {
        messages.push(Message::Entries(batch));
    }
    messages
}
