//! One segment file: its name, its header, and where its frames are.
//!
//! The header is 48 bytes: `"HEARTHLG"`, the version (4 bytes), zeros (4), three sequences (8 each,
//! see [`SegmentHeader`]), and 8 bytes of BLAKE3 over those.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use super::frame::{self, Frame, FrameHeader};
use super::{Damage, DamageKind, LogError, PAYLOAD_BYTES_MAX, Sequence};
use crate::disk::{self, Disk, Open};

/// Bytes before the first frame.
pub(super) const HEADER: usize = 48;

/// What may be read into memory at once: the longest record, behind a full segment.
const FILE_BYTES_MAX: usize = 2 * PAYLOAD_BYTES_MAX + 64 * 1024 * 1024;

const MAGIC: [u8; 8] = *b"HEARTHLG";
const VERSION: u32 = 1;

/// Which segments a file stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Counts compactions; 0 for a segment as it was written.
    pub(super) generation: u32,
}

impl SegmentName {
    pub(super) fn fresh(id: u64) -> Self {
        Self { first: id, last: id, generation: 0 }
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".seg")?.split('-');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (first, last, generation) = (number()?, number()?, number()?);
        let name_again = Self { first, last, generation: u32::try_from(generation).ok()? };
        (first <= last && name_again.to_string() == name).then_some(name_again)
    }

    /// Whether what is in `other` has been rewritten into this one.
    fn supersedes(self, other: Self) -> bool {
        self.generation > other.generation && self.first <= other.first && other.last <= self.last
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010x}-{:010x}-{:04x}.seg", self.first, self.last, self.generation)
    }
}

/// What is in the folder.
pub(super) struct Listing {
    /// In the order of their records.
    pub(super) segments: Vec<SegmentName>,
    /// Files that compaction has made superfluous.
    pub(super) superseded: Vec<SegmentName>,
}

pub(super) fn list(disk: &dyn Disk, dir: &Path) -> Result<Listing, LogError> {
    let names = disk.list(dir).map_err(|error| LogError::Disk(dir.to_owned(), error))?;
    let all: Vec<SegmentName> = names.iter().filter_map(|name| SegmentName::parse(name)).collect();
    let (superseded, mut segments): (Vec<_>, Vec<_>) =
        all.iter().partition(|&&one| all.iter().any(|other| other.supersedes(one)));
    segments.sort_unstable();
    Ok(Listing { segments, superseded })
}

/// What a segment's header says. None of the three ever falls from one segment to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Everything up to here is durable; brought up to date with every sync.
    pub(super) durable: Sequence,
    /// The segment's records come after this one, which was durable when it was begun.
    pub(super) base: Sequence,
    /// Nothing above this was written when it was begun. That voids higher sequences in older
    /// segments: they are of a write that failed and was cut, and the cut was lost with the power.
    pub(super) begun_after: Sequence,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.durable.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.base.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.begun_after.0.to_le_bytes());
        let sum = frame::sum(&bytes[..40]);
        bytes[40..].copy_from_slice(&sum);
        bytes
    }

    /// The version and, if it is ours, the header; `None` when it is damaged.
    fn decode(bytes: &[u8]) -> Option<(u32, Self)> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        if bytes[..8] != MAGIC || bytes[40..] != frame::sum(&bytes[..40]) {
            return None;
        }
        let number =
            |at: usize| Sequence(u64::from_le_bytes(*bytes[at..].first_chunk().expect("8 bytes")));
        let version = u32::from_le_bytes(*bytes[8..].first_chunk().expect("4 bytes"));
        Some((version, Self { durable: number(16), base: number(24), begun_after: number(32) }))
    }
}

/// A segment in memory, with its frames found.
pub(super) struct Segment {
    pub(super) name: SegmentName,
    pub(super) bytes: Vec<u8>,
    /// `None` when it is damaged.
    pub(super) header: Option<SegmentHeader>,
    /// Whole frames in the order in which they lie.
    pub(super) frames: Vec<(FrameHeader, Range<usize>)>,
    /// Damaged bytes that have a whole frame somewhere behind them.
    pub(super) holes: Vec<Range<usize>>,
    /// From behind the last whole frame to the last byte that is not 0; mostly empty.
    pub(super) tail: Range<usize>,
}

impl Segment {
    /// Reads and indexes a file.
    ///
    /// # Errors
    /// [`LogError::Newer`] alone stops everything; a file that cannot be read is damage.
    pub(super) fn load(
        disk: &dyn Disk,
        dir: &Path,
        name: SegmentName,
    ) -> Result<Result<Self, Damage>, LogError> {
        let path = dir.join(name.to_string());
        let Ok(bytes) = disk::read(disk, &path, FILE_BYTES_MAX) else {
            let what = DamageKind::UnreadableFile;
            return Ok(Err(Damage { segment: name.to_string(), offset: 0, bytes: 0, what }));
        };
        match SegmentHeader::decode(&bytes) {
            Some((VERSION, header)) => Ok(Ok(Self::index(name, bytes, Some(header)))),
            Some(_) => Err(LogError::Newer(path)),
            None => Ok(Ok(Self::index(name, bytes, None))),
        }
    }

    /// Reads the header alone; `None` when it is damaged.
    pub(super) fn header_of(
        disk: &dyn Disk,
        dir: &Path,
        name: SegmentName,
    ) -> Option<SegmentHeader> {
        let mut bytes = [0; HEADER];
        let file = disk.open(&dir.join(name.to_string()), Open::Read).ok()?;
        let some = disk::read_part(&*file, 0, &mut bytes).ok()?;
        let (version, header) = SegmentHeader::decode(&bytes[..some])?;
        (version == VERSION).then_some(header)
    }

    fn index(name: SegmentName, bytes: Vec<u8>, header: Option<SegmentHeader>) -> Self {
        let (mut frames, mut holes) = (Vec::new(), Vec::new());
        // The end of what is accounted for.
        let mut end = if header.is_some() { HEADER } else { HEADER.min(bytes.len()) };
        let mut at = if header.is_some() { HEADER } else { 0 };
        while let Some((start, header)) = frame::find(&bytes, at) {
            let Some(frame) = Frame::behind(header, &bytes[start..]) else {
                at = start + 1;
                continue;
            };
            if start > end {
                holes.push(end..start);
            }
            end = start + frame.bytes.len();
            at = end;
            frames.push((frame.header, start..end));
        }
        let written = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let tail = end..written.max(end);
        Self { name, bytes, header, frames, holes, tail }
    }

    /// The frames that a later segment, begun after `ceiling`, has not made void.
    pub(super) fn frames_up_to(
        &self,
        ceiling: u64,
    ) -> impl Iterator<Item = &(FrameHeader, Range<usize>)> {
        self.frames.iter().filter(move |(header, _)| header.sequence() <= ceiling)
    }

    pub(super) fn damage(&self, range: &Range<usize>, what: DamageKind) -> Damage {
        Damage {
            segment: self.name.to_string(),
            offset: range.start as u64,
            bytes: range.len() as u64,
            what,
        }
    }

    /// Whether it holds nothing at all, as one does whose first write never came through.
    pub(super) fn is_blank(&self) -> bool {
        self.frames.is_empty() && self.bytes.iter().all(|&byte| byte == 0)
    }
}

/// Puts damaged bytes aside, as far as there is room: it is evidence, not a record.
pub(super) fn quarantine(disk: &dyn Disk, dir: &Path, damage: &Damage, bytes: &[u8]) {
    const FILES_MAX: usize = 64;
    const BYTES_MAX: usize = 1024 * 1024;
    let Ok(names) = disk.list(dir) else { return };
    if names.iter().filter(|name| name.starts_with("quarantine-")).count() >= FILES_MAX {
        return;
    }
    let name = format!("quarantine-{}-{}", damage.segment, damage.offset);
    let kept = &bytes[..bytes.len().min(BYTES_MAX)];
    // The damage is in the report whether or not its bytes can be kept.
    drop(disk::replace(disk, &dir.join(name), kept));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_ignored() {
        let name = SegmentName { first: 3, last: 0x1f, generation: 2 };
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        for bad in ["3-1f-2.seg", "reserve", "", ".seg", "0000000003-000000001f-0002.seg.new"] {
            assert_eq!(SegmentName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_wider_later_generation_supersedes() {
        let wide = SegmentName { first: 1, last: 4, generation: 1 };
        assert!(wide.supersedes(SegmentName::fresh(1)));
        assert!(wide.supersedes(SegmentName::fresh(4)));
        assert!(!wide.supersedes(SegmentName::fresh(5)));
        assert!(!wide.supersedes(wide));
        assert!(SegmentName { generation: 2, ..wide }.supersedes(wide));
    }
}
