//! The append-only sealed log: the one place where history is kept.
//!
//! A record is a stream, a kind and a payload; the log knows no more of it. Records lie in segment
//! files, each framed on its own (`log/frame.rs`), sealed, and numbered without gaps, so that
//! damage costs the damaged record alone and a record that somebody took away is missed.
//!
//! - [`Log`] is the state machine without threads; [`LogWriter`] runs one on a thread of its own.
//! - [`LogReader`] replays, in order, what both have written.
//! - [`Log::compact`] rewrites what is still wanted.
//!
//! Two answers are kept apart: *written* survives the end of the process, *synced* a power cut.
//!
//! Layout of the folder: `FIRST-LAST-GENERATION.seg` are segments, and one with a wide range
//! supersedes older ones inside it; `reserve` is space for a full disk; `quarantine-*` are damaged
//! bytes that were cut out; `lock` is held by the process that writes.

mod active;
mod compact;
mod frame;
mod reader;
mod segment;
mod writer;

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use zeroize::Zeroizing;

pub use active::{Log, SyncJob};
pub use compact::Compacted;
pub use reader::LogReader;
pub use writer::{AppendError, LogEvent, LogWriter, Ticket};

use crate::keys::KeyError;

/// The longest payload of one record, in bytes. What is longer belongs elsewhere.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Damage beyond this many places is counted, not listed.
const DAMAGE_LISTED_MAX: usize = 1000;

/// A sequence of records that belong together; random or derived, never reused for another thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u128);

/// What a record is, in its stream's own terms. `u16::MAX` is the log's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl Kind {
    /// Stands where compaction dropped records.
    const DROPPED: Self = Self(u16::MAX);
}

/// A record's place in the log: 1 for the first one ever, then one more each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Sequence(pub u64);

/// What is handed over to be appended.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What it is.
    pub kind: Kind,
    /// Its content, at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Vec<u8>,
}

impl fmt::Debug for Entry {
    /// Without the payload: it is what somebody typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, {:?}, {} bytes)", self.stream, self.kind, self.payload.len())
    }
}

/// An entry whose content takes long to make; see [`LogWriter::append_unmade`].
pub struct Unmade {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What it is.
    pub kind: Kind,
    /// Its content has at most so many bytes.
    pub bytes_max: usize,
    /// Makes the content, on the writer's thread. A panic ends the log.
    pub make: Box<dyn FnOnce() -> Vec<u8> + Send>,
}

impl fmt::Debug for Unmade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, kind, bytes_max, .. } = self;
        write!(f, "Unmade({stream:?}, {kind:?}, at most {bytes_max} bytes)")
    }
}

/// What is known of a record without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Its place.
    pub sequence: Sequence,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What it is.
    pub kind: Kind,
}

/// A record as it is replayed.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place, stream and kind, authenticated with the payload.
    pub header: RecordHeader,
    /// Its content, wiped when dropped.
    pub payload: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({:?}, {} bytes)", self.header, self.payload.len())
    }
}

/// Sizes and spaces; the defaults are what a profile uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// A segment that is longer is closed and the next one begun, in bytes. Replay holds two.
    pub segment_bytes: u64,
    /// Space that is kept for a full disk, in bytes; 0 for none.
    pub reserve_bytes: u64,
}

impl Default for LogOptions {
    /// Segments of 8 MiB, and a reserve of 4 MiB: more than a day's typing.
    fn default() -> Self {
        Self { segment_bytes: 8 * 1024 * 1024, reserve_bytes: 4 * 1024 * 1024 }
    }
}

/// How well the log can keep its promises now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// The disk is full; records go to the reserve and are as durable as ever.
    OnReserve,
    /// The disk is full and so is the reserve: records wait in memory.
    Full,
    /// A sync failed; what was not known durable is written to a fresh segment and synced again.
    SyncFailed,
    /// Writing fails for another reason: records wait in memory.
    Failing,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records handed over.
    pub records: u64,
    /// What was damaged, in order.
    pub damage: Vec<Damage>,
    /// Places beyond the thousand that are listed.
    pub damage_unlisted: u64,
}

impl Report {
    fn add(&mut self, damage: Damage) {
        if self.damage.len() < DAMAGE_LISTED_MAX {
            self.damage.push(damage);
        } else {
            self.damage_unlisted += 1;
        }
    }
}

/// One damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file name.
    pub segment: String,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// How many bytes are concerned.
    pub bytes: u64,
    /// What is wrong there.
    pub what: DamageKind,
}

/// What is wrong with a damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The segment's own header; its records are found without it.
    SegmentHeader,
    /// Bytes that are no frame, or a frame whose checksum is wrong.
    Unreadable,
    /// The end of the newest segment, cut after the last whole record.
    TornTail,
    /// A whole frame that the key does not open: altered, or of another profile.
    Unopenable(Sequence),
    /// A record that stands before one with a lower number; it was handed over in its place.
    Reordered(Sequence),
    /// Records that were written once and are nowhere now.
    Missing(RangeInclusive<u64>),
    /// A file that the disk does not give back, or that is too long for a segment.
    UnreadableFile,
}

/// Why the log did not do what was asked; each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// Another process writes this log.
    Busy(PathBuf),
    /// A later Hearth wrote this segment.
    Newer(PathBuf),
    /// The payload's length, over the limit.
    TooLong(usize),
    /// [`Kind`] `u16::MAX` is the log's own.
    ReservedKind,
    /// It needs the unlocked profile.
    Locked,
    /// The disk is full and so is the reserve; the records wait in memory.
    Full,
    /// The seal could not be made.
    Seal(KeyError),
    /// It did not come about in the time given.
    Late,
    /// The thread that writes has ended.
    Closed,
    /// The disk's own answer for a path.
    Disk(PathBuf, io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(dir) => write!(
                f,
                "another Hearth writes to {}: use that one, or set HEARTH_HOME to another folder",
                dir.display()
            ),
            Self::Newer(path) => write!(
                f,
                "{} was written by a later Hearth: update this one to read it",
                path.display()
            ),
            Self::TooLong(len) => {
                write!(f, "a record of {len} bytes is over the log's {PAYLOAD_BYTES_MAX}: split it")
            }
            Self::ReservedKind => f.write_str("kind 65535 is the log's own: use another"),
            Self::Locked => f.write_str("the profile is locked: unlock it first"),
            Self::Full => f.write_str(
                "the disk is full and so is the reserve: free some space, typing waits in memory",
            ),
            Self::Seal(error) => error.fmt(f),
            Self::Late => f.write_str("the disk did not answer in time: check that it is well"),
            Self::Closed => f.write_str("the log's writer has ended: restart Hearth"),
            Self::Disk(path, error) => write!(
                f,
                "{} could not be used ({error}): check the disk and the folder's rights",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LogError {}

impl From<KeyError> for LogError {
    fn from(error: KeyError) -> Self {
        Self::Seal(error)
    }
}
