//! One pack file: its name, its header, and which of its frames count.
//!
//! The header is 56 bytes: `"HEARTHOP"`, the version (4 bytes), zeros (4), four numbers (8 each,
//! see [`PackHeader`]), and 8 bytes of BLAKE3 over those. Frames follow in groups, each closed by a
//! commit whose id is the hash of the group and whose content is where the group starts, how much
//! of the pack was durable before it, and the pack's id.
//!
//! What was durable once is taken frame by frame, so that damage there costs the damaged frame.
//! What may not have been is taken group by group up to the first that is not whole: un-synced
//! sectors survive a power cut in any order.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::bytes::Bytes;
use super::frame::{self, FrameId, HEAD, Head, Kind, Secrets};
use crate::disk::DiskFile;

/// Bytes before the first frame.
pub(super) const HEADER: u64 = 56;

const MAGIC: [u8; 8] = *b"HEARTHOP";
const VERSION: u32 = 1;
/// A length that is not known: to wherever the file ends.
pub(super) const TO_THE_END: u64 = u64::MAX;
/// How much is looked through at a time for the next head behind damage.
const WINDOW: usize = 256 * 1024;

pub(super) fn path(dir: &Path, pack: u64) -> PathBuf {
    dir.join(format!("{pack:016x}.pack"))
}

pub(super) fn parse(name: &str) -> Option<u64> {
    let pack = u64::from_str_radix(name.strip_suffix(".pack")?, 16).ok()?;
    (format!("{pack:016x}.pack") == name).then_some(pack)
}

/// What a pack says of itself and of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackHeader {
    pub(super) pack: u64,
    /// The pack that was written before it; 0 for none.
    pub(super) previous: u64,
    /// How much of that one counts, in bytes: what lies behind is of writes that failed.
    pub(super) previous_bytes: u64,
    /// How much of this one was durable before it got its name, in bytes.
    pub(super) durable: u64,
}

/// A header as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Whole(PackHeader),
    Newer,
    Damaged,
}

impl PackHeader {
    pub(super) fn encode(self) -> [u8; HEADER as usize] {
        let mut bytes = [0; HEADER as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let numbers = [self.pack, self.previous, self.previous_bytes, self.durable];
        for (at, number) in numbers.into_iter().enumerate() {
            bytes[16 + at * 8..][..8].copy_from_slice(&number.to_le_bytes());
        }
        let sum = frame::sum(&bytes[..48]);
        bytes[48..].copy_from_slice(&sum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<(u32, Self)> {
        let (content, sum) = bytes.split_last_chunk::<8>()?;
        let mut rest = Bytes(content);
        if rest.array()? != MAGIC || *sum != frame::sum(content) {
            return None;
        }
        let (version, _zeros) = (rest.u32()?, rest.u32()?);
        let (pack, previous) = (rest.u64()?, rest.u64()?);
        let (previous_bytes, durable) = (rest.u64()?, rest.u64()?);
        rest.end()?;
        Some((version, Self { pack, previous, previous_bytes, durable }))
    }

    pub(super) fn read(file: &dyn DiskFile, pack: u64) -> io::Result<Found> {
        if file.len()? < HEADER {
            return Ok(Found::Damaged);
        }
        let bytes = read_exactly(file, 0, HEADER as usize)?;
        Ok(match Self::decode(&bytes) {
            Some((VERSION, header)) if header.pack == pack => Found::Whole(header),
            Some((version, _)) if version > VERSION => Found::Newer,
            _ => Found::Damaged,
        })
    }
}

/// Reads `len` bytes at `offset`, however few the disk gives at a time.
pub(super) fn read_exactly(file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut at = 0;
    while at < len {
        match file.read_at(offset + at as u64, &mut bytes[at..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(some) => at += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Appends the commit that closes the group `out`, which is to lie at `start` of `pack`.
pub(super) fn close_group(
    secrets: &Secrets,
    pack: u64,
    start: u64,
    durable: u64,
    out: &mut Vec<u8>,
) -> Result<(), crate::keys::KeyError> {
    let id = group_id(pack, start, out);
    let content = [start.to_le_bytes(), durable.to_le_bytes(), pack.to_le_bytes()].concat();
    secrets.encode(Kind::Commit, id, 0, &content, out)
}

fn group_id(pack: u64, start: u64, frames: &[u8]) -> FrameId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&pack.to_le_bytes()).update(&start.to_le_bytes()).update(frames);
    FrameId(*hasher.finalize().as_bytes())
}

/// What a commit says: where its group starts, what was durable before, and in which pack.
fn commit(secrets: &Secrets, bytes: &[u8]) -> Option<(FrameId, u64, u64, u64)> {
    let (head, content) = secrets.decode(bytes)?;
    let mut rest = Bytes(&content);
    let (start, durable, pack) = (rest.u64()?, rest.u64()?, rest.u64()?);
    rest.end()?;
    (head.kind == Kind::Commit).then_some((head.id, start, durable, pack))
}

/// The frames of a pack that count.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) frames: Vec<(Head, u64)>,
    /// Damaged bytes in what was durable.
    pub(super) holes: Vec<Range<u64>>,
    /// Everything before it was durable once.
    pub(super) durable: u64,
    /// Behind the last whole group.
    pub(super) end: u64,
    /// The length of the file.
    pub(super) len: u64,
}

/// Scans `from..bytes` of a pack that others follow: all of it was durable.
pub(super) fn scan_closed(file: &dyn DiskFile, from: u64, bytes: u64) -> io::Result<Scan> {
    let len = file.len()?;
    let end = bytes.min(len);
    let mut scan = hop(file, from, end)?;
    if len < bytes && bytes != TO_THE_END {
        scan.holes.push(len..bytes);
    }
    Ok(Scan { durable: end, end, len, ..scan })
}

/// Scans the newest pack, of which everything before `durable` is known to have been durable.
pub(super) fn scan_newest(
    secrets: &Secrets,
    file: &dyn DiskFile,
    pack: u64,
    from: u64,
    durable: u64,
) -> io::Result<Scan> {
    let len = file.len()?;
    let mut scan = hop(file, from, len)?;
    let mut durable = durable.max(from);
    for (head, offset) in &scan.frames {
        if head.kind == Kind::Commit {
            let bytes = read_exactly(file, *offset, head.frame_bytes())?;
            match commit(secrets, &bytes) {
                Some((_, _, before, of)) if of == pack && before <= *offset => {
                    durable = durable.max(before);
                }
                _ => {}
            }
        }
    }
    if len < durable {
        scan.holes.push(len..durable);
    }
    let durable = durable.min(len);
    scan.frames.retain(|(head, offset)| offset + head.frame_bytes() as u64 <= durable);
    scan.holes.retain_mut(|hole| {
        hole.end = hole.end.min(durable.max(hole.start));
        !hole.is_empty()
    });
    let tail = read_exactly(file, durable, (len - durable) as usize)?;
    let (frames, tail_end) = whole_groups(secrets, pack, durable, &tail);
    scan.frames.extend(frames);
    Ok(Scan { durable, end: durable + tail_end as u64, len, ..scan })
}

/// The frames of the whole groups at the start of `bytes`, and where those end.
fn whole_groups(
    secrets: &Secrets,
    pack: u64,
    offset: u64,
    bytes: &[u8],
) -> (Vec<(Head, u64)>, usize) {
    let (mut frames, mut group) = (Vec::new(), Vec::new());
    let (mut start, mut at) = (0, 0);
    while let Some(head) = Head::decode(&bytes[at..]) {
        let Some(one) = bytes.get(at..at + head.frame_bytes()) else { break };
        if head.kind == Kind::Commit {
            let from = offset + start as u64;
            let is_whole = commit(secrets, one).is_some_and(|(id, begin, _, of)| {
                of == pack && begin == from && id == group_id(pack, from, &bytes[start..at])
            });
            if !is_whole {
                break;
            }
            frames.append(&mut group);
            start = at + one.len();
        } else {
            group.push((head, offset + at as u64));
        }
        at += one.len();
    }
    (frames, start)
}

/// Goes from head to head, looking for the next one behind damage.
fn hop(file: &dyn DiskFile, from: u64, end: u64) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut at = from;
    while at < end {
        let head = match end - at {
            short if short < HEAD as u64 => None,
            _ => Head::decode(&read_exactly(file, at, HEAD)?),
        };
        match head.filter(|head| head.frame_bytes() as u64 <= end - at) {
            Some(head) => {
                scan.frames.push((head, at));
                at += head.frame_bytes() as u64;
            }
            None => {
                let next = next_head(file, at + 1, end)?.unwrap_or(end);
                scan.holes.push(at..next);
                at = next;
            }
        }
    }
    Ok(scan)
}

fn next_head(file: &dyn DiskFile, from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut at = from;
    while at < end {
        let len = WINDOW.min((end - at) as usize);
        let window = read_exactly(file, at, len)?;
        if let Some(found) = frame::find(&window, 0) {
            return Ok(Some(at + found as u64));
        }
        // A head may begin in this window and end in the next.
        at += (len - (HEAD - 1).min(len - 1)) as u64;
    }
    Ok(None)
}

/// Whether nothing in the file is a head: its first write never came through.
pub(super) fn is_blank(file: &dyn DiskFile) -> io::Result<bool> {
    Ok(next_head(file, 0, file.len()?)?.is_none())
}
