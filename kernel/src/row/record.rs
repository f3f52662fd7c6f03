//! What rows write to the log. Each payload begins with the format, now 1; numbers are
//! little-endian, and lengths have 4 bytes.
//!
//! | kind | payload |
//! |---|---|
//! | [`COMMIT`] | last version (8), transactions (4), then changes: 1, place, value, or 2, place |
//! | [`BEGIN`] | id of the picture (16), version (8): all commits before are in the picture |
//! | [`PART`] | id, then rows, as changes of the first sort |
//! | [`END`] | id, rows in all parts together (8) |
//! | [`MARK`] | 16 random bytes |
//!
//! Versions of commits follow each other without gaps, so that one which is gone is missed. A group
//! of transactions is one record, and the next one is written only when that is durable: a power
//! cut takes the last group or leaves it, and never leaves a later one without it.

use zeroize::Zeroizing;

use super::table::{KEY_BYTES_MAX, PREFIX, VALUE_BYTES_MAX};
use super::transaction::Change;
use super::{RowError, Version};
use crate::keys::{KeyError, random};
use crate::log::{Kind, StreamId};

/// The rows' stream in the profile's log.
pub const ROW_STREAM: StreamId = StreamId(0x726f_7773_2064_7b1e_9c43_5fa0_18d2_6e07);

/// A group of transactions.
pub(super) const COMMIT: Kind = Kind(1);
/// A picture of all rows begins; others may commit between it and its end.
pub(super) const BEGIN: Kind = Kind(2);
/// Some of a picture's rows.
pub(super) const PART: Kind = Kind(3);
/// A picture is whole.
pub(super) const END: Kind = Kind(4);
/// A place for the index to stand at.
pub(super) const MARK: Kind = Kind(5);

const FORMAT: u8 = 1;
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// Names a picture.
pub(super) type PictureId = [u8; 16];

/// The versions of a group's transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) first: Version,
    pub(super) last: Version,
}

/// A payload, understood.
pub(super) enum Payload {
    Commit(Versions, Vec<Change>),
    Begin(PictureId, Version),
    Part(PictureId, Vec<Change>),
    End(PictureId, u64),
    Mark,
}

/// Why a payload was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// A later Hearth wrote it.
    Newer,
    /// It is nothing that was ever written.
    Malformed,
}

pub(super) fn commit<'a>(
    versions: Versions,
    changes: impl Iterator<Item = &'a Change> + Clone,
) -> Zeroizing<Vec<u8>> {
    let size: usize = changes.clone().map(Change::size).sum();
    let count = u32::try_from(versions.last.0 - versions.first.0 + 1);
    let mut out = Zeroizing::new(Vec::with_capacity(13 + size));
    out.push(FORMAT);
    out.extend_from_slice(&versions.last.0.to_le_bytes());
    out.extend_from_slice(&count.expect("a group has a thousand at most").to_le_bytes());
    changes.for_each(|change| change.encode(&mut out));
    out
}

pub(super) fn begin(id: PictureId, version: Version) -> Vec<u8> {
    [&[FORMAT][..], &id, &version.0.to_le_bytes()].concat()
}

pub(super) fn end(id: PictureId, rows: u64) -> Vec<u8> {
    [&[FORMAT][..], &id, &rows.to_le_bytes()].concat()
}

/// No two logs have the same one at the same place.
pub(super) fn mark() -> Result<Vec<u8>, KeyError> {
    Ok([&[FORMAT][..], &random::<16>()?].concat())
}

/// The beginning of a part; [`add_row`] goes on.
pub(super) fn part(id: PictureId) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&[FORMAT][..], &id].concat())
}

/// Appends a row to a part.
pub(super) fn add_row(part: &mut Vec<u8>, place: &[u8], value: &[u8]) {
    part.push(PUT);
    add(part, place);
    add(part, value);
}

fn add(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("keys and values are far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

impl Change {
    fn size(&self) -> usize {
        9 + self.place.len() + self.value.as_ref().map_or(0, |value| value.len())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match &self.value {
            Some(value) => add_row(out, &self.place, value),
            None => {
                out.push(REMOVE);
                add(out, &self.place);
            }
        }
    }
}

/// Understands a payload, whose bytes may be anything.
pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Result<Payload, Unread> {
    match bytes.first() {
        Some(&FORMAT) => {}
        Some(&format) if format > FORMAT => return Err(Unread::Newer),
        _ => return Err(Unread::Malformed),
    }
    let mut rest = Rest(&bytes[1..]);
    let payload = match kind {
        COMMIT => {
            rest.versions().and_then(|versions| Some(Payload::Commit(versions, rest.changes()?)))
        }
        BEGIN => rest.chunk().and_then(|id| Some(Payload::Begin(id, Version(rest.number()?)))),
        PART => rest.chunk().and_then(|id| Some(Payload::Part(id, rest.changes()?))),
        END => rest.chunk().and_then(|id| Some(Payload::End(id, rest.number()?))),
        MARK => rest.chunk::<16>().map(|_| Payload::Mark),
        _ => return Err(Unread::Newer),
    };
    payload.filter(|_| rest.0.is_empty()).ok_or(Unread::Malformed)
}

/// The error that a payload which was not understood becomes.
pub(super) fn unread(why: &Unread) -> RowError {
    match why {
        Unread::Newer => RowError::NewerRecord,
        Unread::Malformed => RowError::Damaged("a record of the log is no row record".into()),
    }
}

/// What is left of a payload.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn number(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn versions(&mut self) -> Option<Versions> {
        let last = self.number()?;
        let count = u64::from(u32::from_le_bytes(self.chunk()?));
        let first = last.checked_sub(count.checked_sub(1)?).filter(|&first| first > 0)?;
        Some(Versions { first: Version(first), last: Version(last) })
    }

    fn bytes(&mut self, max: usize) -> Option<Vec<u8>> {
        let len = u32::from_le_bytes(self.chunk()?) as usize;
        if len > max {
            return None;
        }
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    fn changes(&mut self) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        while !self.0.is_empty() {
            let [sort] = self.chunk()?;
            let place = self.bytes(PREFIX + KEY_BYTES_MAX)?;
            let value = match sort {
                PUT => Some(Zeroizing::new(self.bytes(VALUE_BYTES_MAX)?)),
                REMOVE => None,
                _ => return None,
            };
            if place.len() < PREFIX {
                return None;
            }
            changes.push(Change { place, value });
        }
        Some(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    const VERSIONS: Versions = Versions { first: Version(75), last: Version(77) };

    fn sample() -> Zeroizing<Vec<u8>> {
        let put = Change { place: vec![7; 12], value: Some(Zeroizing::new(vec![1; 30])) };
        let gone = Change { place: vec![8; 9], value: None };
        commit(VERSIONS, [put, gone].iter())
    }

    #[test]
    fn a_commit_comes_back() {
        let Ok(Payload::Commit(VERSIONS, changes)) = decode(COMMIT, &sample()) else {
            panic!("not a commit");
        };
        assert_eq!(*commit(VERSIONS, changes.iter()), *sample());
    }

    #[test]
    fn mutations_are_refused_or_mean_what_they_say() {
        let mut random = SplitMix::new(3);
        for _ in 0..50_000 {
            let mut bytes = sample().to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                match random.below(3) {
                    0 => bytes[at] = random.next_u64() as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, random.next_u64() as u8),
                }
            }
            if let Ok(Payload::Commit(versions, changes)) = decode(COMMIT, &bytes) {
                assert_eq!(*commit(versions, changes.iter()), bytes);
            }
            for kind in [BEGIN, PART, END, Kind(9)] {
                // What matters is that it comes back.
                drop(decode(kind, &bytes));
            }
        }
        assert_eq!(decode(COMMIT, &[2, 0]).err(), Some(Unread::Newer));
    }
}
